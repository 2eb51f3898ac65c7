"""The broker: takes published messages in, and hands each subscription its own, durably.

A publish is acknowledged once every matching subscription has its row on disk; a row goes when
that subscription's delivery is settled. So whatever dies, an acknowledged message is delivered,
perhaps twice, under the same message id.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulators.iam import Denied, Policy, agents
from emulators.runtime.pubsub.backlog import Backlog, Message
from emulators.runtime.pubsub.filters import compile_filter
from emulators.runtime.pubsub.store import Row, Store, row
from emulators.runtime.pubsub.topology import RETENTION_S, Subscription, Topology

log = logging.getLogger(__name__)

WINDOW = 1000
"""How many messages of one subscription are held in memory; the rest stay on disk."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as published."""

    data: bytes
    attributes: Mapping[str, str]
    ordering_key: str = ""


class Lane:
    """One subscription's backlog: the part in memory, refilled from the disk."""

    def __init__(self, subscription: Subscription, broker: "Broker") -> None:
        self.subscription = subscription
        self.matches = compile_filter(subscription.filter)
        self.backlog = Backlog(subscription)
        self.last_error: str | None = None
        self.delivered = 0
        self.failed = 0
        self.pulled_at = broker.clock()
        self._broker = broker
        self._stirred = asyncio.Event()
        self._cursor = 0
        # Whether the memory holds all that the disk does.
        self._whole = True
        self._reading = False

    @property
    def name(self) -> str:
        return self.subscription.name

    def arrive(self, message: Message) -> None:
        """A message is on disk."""
        if self._whole and len(self.backlog) < WINDOW:
            self._take(message)
        else:
            self._whole = False
            self.refill()
        self._stirred.set()

    def refill(self) -> None:
        """Read on from the disk, if there is room and more."""
        room = WINDOW - len(self.backlog)
        if self._whole or self._reading or room < WINDOW // 2:
            return
        self._reading = True

        # In the future's own callback, so that it runs before any later arrival's.
        def read(page: "asyncio.Future[list[Message]]") -> None:
            self._reading = False
            if page.cancelled() or page.exception() is not None:
                return
            for message in page.result():
                self._take(message)
            self._whole = len(page.result()) < room
            self._stirred.set()

        self._broker.store.page(self.name, self._cursor, room).add_done_callback(read)

    def reopen(self) -> None:
        """Start from what the disk holds."""
        self._whole = False
        self.refill()

    def _take(self, message: Message) -> None:
        self._cursor = message.id
        self.backlog.offer(message)

    def lease(self) -> Message | None:
        """The next message that is due; its delivery has begun. Those too old are dropped."""
        now = self._broker.clock()
        while (message := self.backlog.lease(now)) is not None:
            if now - message.published_us / 1e6 <= self.subscription.retention_s:
                return message
            self.settle([message.id])
        return None

    async def due(self, within_s: float | None = None) -> bool:
        """Wait until `lease` has something, for at most `within_s` seconds."""
        end = None if within_s is None else self._broker.clock() + within_s
        while True:
            self._stirred.clear()
            now = self._broker.clock()
            pause = self.backlog.due_in(now)
            if pause == 0.0:
                return True
            if end is not None:
                if now >= end:
                    return False
                pause = end - now if pause is None else min(pause, end - now)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), pause)

    def settle(self, ids: Sequence[int]) -> Awaitable[None]:
        """Those were delivered. Awaiting it means that they never come again."""
        for id in ids:
            if self.backlog.settle(id):
                self.delivered += 1
        done = self._broker.store.settle(self.name, ids)
        done.add_done_callback(lambda _: self.refill())
        self._stirred.set()
        return done

    def fail(self, message: Message, error: str, *, counted: bool = True) -> None:
        """A delivery failed: again after a pause, or to the dead letters after enough attempts.

        `counted=False`: the failure is this machine's (a process is being restarted), not one
        that the message or its receiver should answer for.
        """
        message.error = self.last_error = error
        self.failed += 1
        dead = self.subscription.dead_letter
        least_s = 0.0
        if not counted:
            message.attempts -= 1
            least_s = 0.5
        elif dead is not None and message.attempts >= dead.attempts:
            try:
                self._broker.bury(self, message)
                return
            except Denied as denied:
                # As the service does: the message stays. Say who lacks what.
                message.error = self.last_error = f"{error}; not dead-lettered: {denied}"
                self._broker.complain(self.name, str(denied))
                least_s = 1.0
        self.backlog.retry(message.id, self._broker.clock(), least_s)
        self._broker.store.attempted(self.name, message.id, message.attempts)
        self._stirred.set()


class Broker:
    """Every topic and subscription. `clock` gives seconds since the epoch."""

    def __init__(
        self, topology: Topology, policy: Policy, store: Store, clock: Clock = time.time
    ) -> None:
        self.topology = topology
        self.policy = policy
        self.store = store
        self.clock = clock
        self.agent = agents(topology.project_number)["pubsub"]
        self.topics = dict(topology.topics)
        self.lanes: dict[str, Lane] = {}
        self._last_id = 0
        self._complaints: dict[str, str] = {}
        for subscription in topology.subscriptions.values():
            self.lanes[subscription.name] = Lane(subscription, self)

    async def open(self) -> None:
        """Take up the backlogs that the disk holds."""
        self._last_id = await self.store.last_id()
        expired_us = int((self.clock() - RETENTION_S) * 1e6)
        await self.store.forget(tuple(self.lanes), expired_us)
        for lane in self.lanes.values():
            lane.reopen()

    def idle(self) -> list[str]:
        """Subscriptions that nobody has pulled for longer than they wait."""
        now = self.clock()
        return [
            name
            for name, lane in self.lanes.items()
            if (patience := lane.subscription.idle_s) is not None
            and now - lane.pulled_at > patience
        ]

    async def remove(self, name: str) -> None:
        """Forget a subscription that was added, and what waits for it."""
        del self.lanes[name]
        await self.store.drop_extra("subscription", name)

    def add(self, subscription: Subscription) -> Lane:
        """One more subscription; it gets what is published from now on."""
        lane = self.lanes[subscription.name] = Lane(subscription, self)
        return lane

    async def publish(self, topic: str, drafts: Sequence[Draft]) -> list[int]:
        """Give the drafts ids and to each matching subscription a copy; returns when on disk."""
        messages, rows, arrivals = self._address(topic, drafts)
        if rows:
            done = self.store.add(rows)
            done.add_done_callback(_then(arrivals))
            await asyncio.shield(done)  # the caller may go away, the message may not
        return [message.id for message in messages]

    def bury(self, lane: Lane, message: Message) -> None:
        """Move a leased message to its subscription's dead-letter topic.

        Raises:
            Denied: the Pub/Sub service agent lacks a binding on the topic or the subscription.
        """
        dead = lane.subscription.dead_letter
        assert dead is not None
        self.policy.check(self.agent, "pubsub.topics.publish", "topic", dead.topic)
        self.policy.check(self.agent, "pubsub.subscriptions.consume", "subscription", lane.name)
        draft = Draft(message.data, self._epitaph(lane, message), message.ordering_key)
        _, rows, arrivals = self._address(dead.topic, [draft])
        at_us = int(self.clock() * 1e6)
        done = self.store.bury(lane.name, message, dead.topic, rows, at_us)
        done.add_done_callback(_then(arrivals))
        lane.backlog.settle(message.id)
        lane.refill()
        log.warning(
            "%s: message %s goes to dead-letter topic %s after %s attempts: %s",
            lane.name, message.id, dead.topic, message.attempts, message.error,
        )  # fmt: skip

    def complain(self, subscription: str, text: str) -> None:
        """Log a refusal once, and keep it for the status page."""
        if self._complaints.get(subscription) != text:
            self._complaints[subscription] = text
            log.error("%s: %s", subscription, text)

    def complaint(self, subscription: str) -> str | None:
        return self._complaints.get(subscription)

    def _epitaph(self, lane: Lane, message: Message) -> dict[str, str]:
        """The attributes of a dead letter.

        Source: https://cloud.google.com/pubsub/docs/handling-failures
        """
        attributes = {
            **message.attributes,
            "CloudPubSubDeadLetterSourceDeliveryCount": str(message.attempts),
            "CloudPubSubDeadLetterSourceSubscription": lane.name,
            "CloudPubSubDeadLetterSourceSubscriptionProject": self.topology.project,
            "CloudPubSubDeadLetterSourceTopicPublishTime": timestamp(message.published_us),
        }
        if lane.subscription.table is not None:
            attributes["CloudPubSubDeadLetterSourceDeliveryErrorMessage"] = message.error[:1024]
        return attributes

    def _address(
        self, topic: str, drafts: Sequence[Draft]
    ) -> tuple[list[Message], list[Row], list[tuple[Lane, Message]]]:
        now_us = int(self.clock() * 1e6)
        lanes = [lane for lane in self.lanes.values() if lane.subscription.topic == topic]
        messages: list[Message] = []
        rows: list[Row] = []
        arrivals: list[tuple[Lane, Message]] = []
        for draft in drafts:
            # Ids rise with the clock, so they are never given twice, even by the next process.
            self._last_id = id = max(self._last_id + 1, now_us)
            attributes = dict(draft.attributes)
            messages.append(Message(id, now_us, draft.data, attributes, draft.ordering_key))
            for lane in lanes:
                if lane.matches(attributes):
                    copy = Message(id, now_us, draft.data, attributes, draft.ordering_key)
                    rows.append(row(lane.name, copy))
                    arrivals.append((lane, copy))
        return messages, rows, arrivals


def timestamp(us: int) -> str:
    """Microseconds since the epoch as RFC 3339: `2026-11-20T09:00:00.000001Z`."""
    whole, part = divmod(us, 1_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{part:06d}Z"


def _then(arrivals: list[tuple[Lane, Message]]) -> Callable[["asyncio.Future[Any]"], None]:
    def arrive(done: "asyncio.Future[Any]") -> None:
        if not done.cancelled() and done.exception() is None:
            for lane, message in arrivals:
                lane.arrive(message)

    return arrive
