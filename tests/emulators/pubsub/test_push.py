"""Push deliveries against a sender that does as it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from emulators.iam import Policy
from emulators.runtime.pubsub.broker import Broker, Draft, Lane
from emulators.runtime.pubsub.push import AT_FIRST, AT_MOST, Pusher, Unreachable, service_of
from emulators.runtime.pubsub.store import Store
from emulators.runtime.pubsub.topology import Topology
from tests.emulators import stack

GRAPH = stack.graph(
    stack.topic("t"),
    stack.topic("dead"),
    stack.subscription(
        "s",
        "t",
        pushConfig={"pushEndpoint": stack.uri("player") + "/_events/t"},
        retryPolicy={"minimumBackoff": "0.01s", "maximumBackoff": "0.02s"},
        deadLetterPolicy=stack.dead_letter("dead"),
    ),
    stack.subscription("dead-pull", "dead"),
    stack.topic_role("dead", stack.AGENT),
    stack.subscription_role("s", stack.AGENT),
)

Answer = Callable[[int], Awaitable[str | None]]


class Sender:
    """Answers the n-th request (from 1) by `answer(n)`."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.requests = 0
        self.under_way = 0
        self.most_under_way = 0

    async def send(self, push, body, headers, timeout_s) -> str | None:
        self.requests += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self._answer(self.requests)
        finally:
            self.under_way -= 1


@contextlib.asynccontextmanager
async def _pushing(folder: Path, answer: Answer) -> AsyncIterator[tuple[Broker, Lane, Sender]]:
    store = Store(folder / "backlog.sqlite")
    broker = Broker(Topology.from_graph(GRAPH), Policy.from_graph(GRAPH), store)
    await broker.open()
    lane, sender = broker.lanes["s"], Sender(answer)
    assert lane.subscription.push is not None
    pusher = Pusher(stack.PROJECT, lane, lane.subscription.push, sender)  # type: ignore[arg-type]
    task = asyncio.create_task(pusher.run())
    try:
        yield broker, lane, sender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is watched knows no events
            await asyncio.sleep(0.005)


async def test_a_receiver_that_is_not_there_does_not_use_up_attempts(tmp_path):
    async def answer(n: int) -> str | None:
        if n <= 2:
            raise Unreachable("nobody there")
        return None

    async with _pushing(tmp_path, answer) as (broker, lane, _):
        await broker.publish("t", [Draft(b"x", {})])
        await _until(lambda: lane.failed == 2)
        assert list(lane.backlog.errors().values()) == [(0, "nobody there")]
        await _until(lambda: lane.delivered == 1)
        assert (await broker.store.counts()) == {}


async def test_more_requests_go_out_at_once_the_more_succeed(tmp_path):
    async def answer(n: int) -> str | None:
        await asyncio.sleep(0.002)
        return None

    async with _pushing(tmp_path, answer) as (broker, lane, sender):
        await broker.publish("t", [Draft(b"x", {}) for _ in range(AT_FIRST)])
        await _until(lambda: lane.delivered == AT_FIRST)
        assert sender.most_under_way <= AT_FIRST
        await broker.publish("t", [Draft(b"x", {}) for _ in range(400)])
        await _until(lambda: lane.delivered == AT_FIRST + 400)
        assert sender.most_under_way == AT_MOST


async def test_failing_receiver_is_asked_one_at_a_time(tmp_path):
    async def answer(n: int) -> str | None:
        await asyncio.sleep(0.002)
        return "500"

    async with _pushing(tmp_path, answer) as (broker, lane, sender):
        await broker.publish("t", [Draft(b"x", {}) for _ in range(20)])
        await _until(lambda: lane.failed > 15)
        sender.most_under_way = 0
        so_far = lane.failed
        await _until(lambda: lane.failed > so_far + 15)
        assert sender.most_under_way == 1


async def test_dead_letters_replace_the_message_in_one_step(tmp_path):
    async def answer(n: int) -> str | None:
        return "500: no"

    async with _pushing(tmp_path, answer) as (broker, _, sender):
        await broker.publish("t", [Draft(b"x", {"k": "v"})])
        dead = broker.lanes["dead-pull"]
        assert await dead.due(10)
        letter = dead.lease()
        assert letter is not None
        assert letter.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
        assert sender.requests == 5
        assert list(await broker.store.counts()) == ["dead-pull"]


async def test_expired_messages_are_dropped_when_the_broker_opens(tmp_path):
    store = Store(tmp_path / "backlog.sqlite")
    now = [1_000_000.0]
    topology, policy = Topology.from_graph(GRAPH), Policy.from_graph(GRAPH)
    broker = Broker(topology, policy, store, lambda: now[0])
    await broker.publish("t", [Draft(b"old", {})])
    now[0] += 8 * 24 * 3600
    await broker.publish("t", [Draft(b"new", {})])
    broker = Broker(topology, policy, store, lambda: now[0])
    await broker.open()
    assert {name: count for name, (count, _) in (await store.counts()).items()} == {"s": 1}
    await store.close()


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://playback-123.europe-west1.run.app/_events/x", "playback"),
        ("https://two-words-123.europe-west1.run.app", "two-words"),
        ("http://127.0.0.1:80/x", None),
    ],
)
def test_the_service_behind_an_address_is_known(url, service):
    assert service_of(url) == service
