"""Every event of one class to this process alone, over a subscription that it makes for itself.

The subscription lets go of what is ten minutes old, and of itself a day after the process is gone
(Pub/Sub's shortest terms); `stop` removes it at once. Delivery is not to be relied on: what must
not be missed is kept elsewhere, and this says that there is something new.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc.aio
from google.api_core import exceptions
from google.protobuf import duration_pb2
from google.pubsub_v1.services.subscriber import SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports.grpc_asyncio import (
    SubscriberGrpcAsyncIOTransport,
)
from google.pubsub_v1.types import (
    ExpirationPolicy,
    StreamingPullRequest,
    Subscription,
)

from shared.events import Undecodable, decode, topic_of

log = logging.getLogger(__name__)

RETENTION_S = 600
IDLE_S = 24 * 3600
ACK_DEADLINE_S = 10
LONGEST_PAUSE_S = 5.0


class Listener:
    """Calls `on_event` with each event of class `event`, in the loop's own thread.

    `name` tells the subscription from those of other instances. `emulator`: its address, or "".
    """

    def __init__(
        self,
        project: str,
        event: type,
        name: str,
        on_event: Callable[[Any], None],
        *,
        emulator: str = "",
    ) -> None:
        self._event = event
        self._on_event = on_event
        self._emulator = emulator
        self._topic = f"projects/{project}/topics/{topic_of(event)}"
        self._subscription = f"projects/{project}/subscriptions/{topic_of(event)}-{name}"
        self._made: SubscriberAsyncClient | None = None
        self.connected = asyncio.Event()
        """Set while events come in."""

    async def run(self) -> None:
        """Listen until cancelled; begin again after whatever goes wrong."""
        failures = 0
        while True:
            try:
                await self._create()
                failures = 0
                await self._pull()
            except (exceptions.GoogleAPIError, grpc.aio.AioRpcError) as error:
                if failures == 0:
                    log.warning("not listening to %s: %s", self._topic, error)
            finally:
                self.connected.clear()
            failures += 1
            pause = min(LONGEST_PAUSE_S, 0.1 * 2 ** min(failures, 10))
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311

    async def stop(self) -> None:
        """Remove the subscription, if that can be done at once."""
        try:
            await self._client().delete_subscription(
                subscription=self._subscription, timeout=2, retry=None
            )
        except (exceptions.GoogleAPIError, grpc.aio.AioRpcError) as error:
            log.info("%s will expire by itself: %s", self._subscription, error)

    def _client(self) -> SubscriberAsyncClient:
        # Not before there is an event loop: the channel belongs to it.
        if self._made is None:
            transport = None
            if self._emulator:
                channel = grpc.aio.insecure_channel(self._emulator)
                transport = SubscriberGrpcAsyncIOTransport(channel=channel)
            self._made = SubscriberAsyncClient(transport=transport)
        return self._made

    async def _create(self) -> None:
        wanted = Subscription(
            name=self._subscription,
            topic=self._topic,
            ack_deadline_seconds=ACK_DEADLINE_S,
            message_retention_duration=duration_pb2.Duration(seconds=RETENTION_S),
            expiration_policy=ExpirationPolicy(ttl=duration_pb2.Duration(seconds=IDLE_S)),
        )
        try:
            await self._client().create_subscription(request=wanted, timeout=10, retry=None)
        except exceptions.AlreadyExists:
            return

    async def _pull(self) -> None:
        acks: asyncio.Queue[list[str]] = asyncio.Queue()
        responses = await self._client().streaming_pull(
            requests=self._requests(acks), timeout=None, retry=None
        )
        self.connected.set()
        async for response in responses:
            acks.put_nowait([it.ack_id for it in response.received_messages])
            for received in response.received_messages:
                try:
                    event = decode(self._event, received.message.data)
                except Undecodable as error:
                    log.error("%s: %s", self._topic, error)
                    continue
                self._on_event(event)

    async def _requests(
        self, acks: "asyncio.Queue[list[str]]"
    ) -> AsyncIterator[StreamingPullRequest]:
        yield StreamingPullRequest(
            subscription=self._subscription, stream_ack_deadline_seconds=ACK_DEADLINE_S
        )
        while True:
            ids = await acks.get()
            while not acks.empty():
                ids += acks.get_nowait()
            yield StreamingPullRequest(ack_ids=ids)
