"""Pull delivery: leases with deadlines, for Pull and StreamingPull clients."""

import asyncio
import heapq
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from google.protobuf import timestamp_pb2
from google.pubsub_v1.types import pubsub as types

from emulators.runtime.pubsub.backlog import Message
from emulators.runtime.pubsub.broker import Clock, Lane

log = logging.getLogger(__name__)

LARGEST_ANSWER = 100
LONGEST_WAIT_S = 5.0

_PubsubMessage = types.PubsubMessage.pb()
_ReceivedMessage = types.ReceivedMessage.pb()
_StreamingPullRequest = types.StreamingPullRequest.pb()
_StreamingPullResponse = types.StreamingPullResponse.pb()


class Leases:
    """Who must acknowledge what until when, for one pull subscription.

    An ack id is `MESSAGE-ATTEMPT`: one that is past its deadline no longer settles anything
    once the message is out again.
    """

    def __init__(self, lane: Lane, clock: Clock) -> None:
        self.lane = lane
        self._clock = clock
        self._deadlines: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def take(self, most: int, deadline_s: float) -> list[Any]:
        """Up to `most` messages that are due, as ReceivedMessage."""
        taken: list[Any] = []
        while len(taken) < most and (message := self.lane.lease()):
            self._set(message.id, deadline_s)
            taken.append(self._received(message))
        return taken

    async def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """Those are done; returns when that is on disk."""
        ids = [message.id for message in map(self._find, ack_ids) if message is not None]
        for id in ids:
            self._deadlines.pop(id, None)
        if ids:
            await self.lane.settle(ids)

    def modify(self, ack_ids: Sequence[str], deadline_s: float) -> None:
        """Give those `deadline_s` seconds from now; 0 means that they were not processed."""
        for message in map(self._find, ack_ids):
            if message is None:
                continue
            if deadline_s > 0:
                self._set(message.id, deadline_s)
            else:
                del self._deadlines[message.id]
                self.lane.fail(message, "the subscriber refused it (nack)")

    def holds(self, ack_id: str) -> bool:
        return self._find(ack_id) is not None

    def touch(self) -> None:
        """Somebody reads the subscription."""
        self.lane.pulled_at = self._clock()

    async def expire(self) -> None:
        """Take back what was not acknowledged in time, until cancelled."""
        while True:
            await asyncio.sleep(0.2)
            now = self._clock()
            while self._heap and self._heap[0][0] <= now:
                deadline, id = heapq.heappop(self._heap)
                if self._deadlines.get(id) != deadline:
                    continue  # acknowledged, or given more time
                del self._deadlines[id]
                message = self.lane.backlog.find(id)
                if message is not None:
                    self.lane.fail(message, "not acknowledged before the deadline")

    def _set(self, id: int, deadline_s: float) -> None:
        deadline = self._clock() + deadline_s
        self._deadlines[id] = deadline
        heapq.heappush(self._heap, (deadline, id))

    def _find(self, ack_id: str) -> Message | None:
        id, _, attempt = ack_id.partition("-")
        if not (id.isdigit() and attempt.isdigit()) or int(id) not in self._deadlines:
            return None
        message = self.lane.backlog.find(int(id))
        return message if message is not None and message.attempts == int(attempt) else None

    def _received(self, message: Message) -> Any:
        dead = self.lane.subscription.dead_letter
        return _ReceivedMessage(
            ack_id=f"{message.id}-{message.attempts}",
            message=_PubsubMessage(
                data=message.data,
                attributes=message.attributes,
                message_id=str(message.id),
                publish_time=timestamp_pb2.Timestamp(
                    seconds=message.published_us // 1_000_000,
                    nanos=message.published_us % 1_000_000 * 1000,
                ),
                ordering_key=message.ordering_key,
            ),
            delivery_attempt=message.attempts if dead is not None else 0,
        )


async def pull(leases: Leases, most: int, timeout_s: float | None, *, at_once: bool) -> list[Any]:
    """One Pull: waits a little for a first message unless `at_once`. May give none."""
    wait_s = LONGEST_WAIT_S if timeout_s is None else min(LONGEST_WAIT_S, timeout_s * 0.8)
    if not at_once:
        await leases.lane.due(wait_s)
    return leases.take(min(most, 1000), leases.lane.subscription.ack_deadline_s)


async def streaming_pull(
    leases: Leases, first: Any, requests: AsyncIterator[bytes]
) -> AsyncGenerator[bytes]:
    """The responses of one StreamingPull whose opening request is `first`."""
    deadline_s = float(first.stream_ack_deadline_seconds or 10)
    most = first.max_outstanding_messages if first.max_outstanding_messages > 0 else 1000
    await _apply(leases, first)
    ended = asyncio.Event()
    reading = asyncio.create_task(_read(leases, requests, ended))
    out: list[str] = []
    properties = _StreamingPullResponse.SubscriptionProperties(
        message_ordering_enabled=leases.lane.subscription.ordered
    )
    try:
        while not ended.is_set():
            leases.touch()
            out = [ack_id for ack_id in out if leases.holds(ack_id)]
            room = min(LARGEST_ANSWER, most - len(out))
            if room <= 0 or not await leases.lane.due(1.0):
                # Nothing tells a stream that another call acknowledged: look again shortly.
                await asyncio.sleep(0.01)
                continue
            taken = leases.take(room, deadline_s)
            if taken:
                out += [received.ack_id for received in taken]
                response = _StreamingPullResponse(
                    received_messages=taken, subscription_properties=properties
                )
                yield response.SerializeToString()
    finally:
        reading.cancel()


async def _read(leases: Leases, requests: AsyncIterator[bytes], ended: asyncio.Event) -> None:
    try:
        async for request in requests:
            await _apply(leases, _StreamingPullRequest.FromString(request))
    finally:
        ended.set()


async def _apply(leases: Leases, request: Any) -> None:
    if request.ack_ids:
        await leases.acknowledge(request.ack_ids)
    for ack_id, seconds in zip(
        request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=False
    ):
        leases.modify([ack_id], seconds)
