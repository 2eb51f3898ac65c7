"""The live client against a gateway on a real socket: nothing missed, nothing twice."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from segue.errors import Unauthorized, Unreachable
from segue.live import Ended, Live, Position, Present, Published, Reset, Said

from functions.realtime.limits import MAX_CONNECTIONS_PER_USER
from tests.functions.realtime.rig import Rig, connected

CHANNEL = "playlist:p"


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    it = Rig()
    yield it
    await it.close()


def live(rig: Rig, *ports: int, user: str = "ann") -> Live:
    turn = iter(range(10**6))

    async def token(fresh: bool) -> str:
        return rig.token(user)

    return Live(
        lambda: f"http://127.0.0.1:{ports[next(turn) % len(ports)]}", token, backoff_s=(0.01, 0.2)
    )


async def numbers(changes, count: int) -> list[int]:
    found: list[int] = []
    async with asyncio.timeout(5):
        async for change in changes:
            assert isinstance(change, Published)
            found.append(change.seq)
            if len(found) == count:
                break
    return found


async def test_application_gets_the_state_and_every_number_after_it(rig: Rig) -> None:
    port = await rig.add_gateway()
    await rig.publish(CHANNEL, {})
    async with live(rig, port) as it, contextlib.aclosing(it.subscribe(CHANNEL)) as changes:
        assert await anext(changes) == Reset("e1", 1, {"tail": 1})
        for n in range(3):
            await rig.publish(CHANNEL, {"n": n})
        assert await numbers(changes, 3) == [2, 3, 4]


async def test_connection_that_breaks_goes_on_at_another_gateway(rig: Rig) -> None:
    ports = [await rig.add_gateway(), await rig.add_gateway()]
    async with (
        live(rig, *ports) as it,
        contextlib.aclosing(it.subscribe(CHANNEL, epoch="e1", since=0)) as changes,
    ):
        await rig.publish(CHANNEL, {})
        assert await numbers(changes, 1) == [1]
        for gateway in rig.gateways:
            for socket in tuple(gateway._sockets):
                socket._transport.abort()
        await rig.publish(CHANNEL, {})
        await rig.publish(CHANNEL, {})
        assert await numbers(changes, 2) == [2, 3]
        assert it.connections == 2


async def test_gateway_that_goes_hands_its_clients_over(rig: Rig) -> None:
    ports = [await rig.add_gateway(), await rig.add_gateway()]
    async with (
        live(rig, *ports) as it,
        contextlib.aclosing(it.subscribe(CHANNEL, epoch="e1", since=0)) as changes,
    ):
        await rig.publish(CHANNEL, {})
        assert await numbers(changes, 1) == [1]
        draining = asyncio.create_task(rig.gateways[0].drain(0.5))
        for _ in range(5):
            await rig.publish(CHANNEL, {})
            await asyncio.sleep(0.1)
        assert await numbers(changes, 5) == [2, 3, 4, 5, 6]
        await draining
        assert it.connections == 2


async def test_subscription_waits_for_an_owner_that_is_down(rig: Rig) -> None:
    port = await rig.add_gateway()
    rig.owners.down = True
    async with live(rig, port) as it, contextlib.aclosing(it.subscribe(CHANNEL)) as changes:
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0.2)
        rig.owners.down = False
        assert isinstance(await asyncio.wait_for(first, 3), Reset)


async def test_revocation_ends_the_changes(rig: Rig) -> None:
    port = await rig.add_gateway()
    async with live(rig, port) as it, contextlib.aclosing(it.subscribe(CHANNEL)) as changes:
        await anext(changes)
        rig.owners.refused.add((CHANNEL, "ann"))
        await rig.publish(CHANNEL, {}, recheck=True)
        assert await anext(changes) == Ended("NOT_A_MEMBER")
        with pytest.raises(StopAsyncIteration):
            await anext(changes)


async def test_token_that_cannot_be_had_now_is_asked_for_again(rig: Rig) -> None:
    port = await rig.add_gateway()
    asked = 0

    async def token(fresh: bool) -> str:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise Unreachable("accounts do not answer")
        return rig.token("ann")

    host = f"http://127.0.0.1:{port}"
    async with (
        Live(host, token, backoff_s=(0.01, 0.05)) as it,
        contextlib.aclosing(it.subscribe(CHANNEL)) as changes,
    ):
        assert isinstance(await asyncio.wait_for(anext(changes), 5), Reset)
    assert asked == 3


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unauthorized("no", status=401), None), (RuntimeError("a bug"), "FAILED")],
)
async def test_token_that_will_never_be_had_ends_what_is_heard(
    rig: Rig, error: Exception, code: str | None
) -> None:
    port = await rig.add_gateway()

    async def token(fresh: bool) -> str:
        raise error

    async with Live(f"http://127.0.0.1:{port}", token) as it:
        for _ in range(2):  # as much so for whoever asks later
            async with contextlib.aclosing(it.subscribe(CHANNEL)) as changes:
                first = await asyncio.wait_for(anext(changes), 5)
                assert first == Ended(code or "UNAUTHENTICATED")
                with pytest.raises(Unauthorized if code is None else StopAsyncIteration):
                    await anext(changes)


async def test_connection_that_is_closed_at_once_is_tried_ever_more_seldom(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = await rig.add_gateway()
    ceilings: list[float] = []
    enough = asyncio.Event()

    def uniform(low: float, high: float) -> float:
        ceilings.append(high)
        if len(ceilings) == 5:
            enough.set()
        return 0.001

    async with contextlib.AsyncExitStack() as others:
        for _ in range(MAX_CONNECTIONS_PER_USER):
            await others.enter_async_context(connected(port, rig.token("ann")))
        monkeypatch.setattr("segue.live.random.uniform", uniform)
        async with live(rig, port):
            await asyncio.wait_for(enough.wait(), 30)
    assert ceilings[:5] == [0.02, 0.04, 0.08, 0.16, 0.2]


async def test_one_channel_is_heard_once(rig: Rig) -> None:
    port = await rig.add_gateway()
    async with live(rig, port) as it, contextlib.aclosing(it.subscribe(CHANNEL)) as changes:
        await anext(changes)
        with pytest.raises(ValueError, match="already"):
            await anext(it.subscribe(CHANNEL))


async def test_what_is_said_in_passing_and_who_is_there_are_heard(rig: Rig) -> None:
    from tests.functions.realtime.rig import event

    port = await rig.add_gateway()
    async with (
        live(rig, port) as it,
        contextlib.aclosing(it.subscribe(CHANNEL, presence=True)) as changes,
    ):
        await anext(changes)
        assert await anext(changes) == Present(("ann",))
        rig.bus.hubs[0].on_event(event(CHANNEL, "", 0, {"type": "now"}))
        assert await anext(changes) == Said({"type": "now"})


async def test_clocks_are_compared(rig: Rig) -> None:
    port = await rig.add_gateway()
    async with live(rig, port) as it, contextlib.aclosing(it.subscribe(CHANNEL)) as changes:
        await anext(changes)
        for _ in range(4):
            await it.ping()
        for _ in range(300):
            if len(it.clock.samples) == 4:
                break
            await asyncio.sleep(0.01)

        server = it.clock.server_ms(time.monotonic() * 1000)
        assert abs(server - time.time() * 1000) < 50


def test_position_takes_a_number_once_and_asks_again_after_a_gap() -> None:
    at = Position("c", "e", 3)
    assert at.request() == {"op": "sub", "ch": "c", "presence": False, "epoch": "e", "since": 3}
    pub = {"op": "pub", "epoch": "e", "payload": {}}
    assert at.take({**pub, "seq": 4}) == ([], False)  # not answered yet
    answer = {"op": "sub", "recovered": True, "pubs": [{"seq": 4, "payload": 1}]}
    assert at.take(answer) == ([Published(4, 1)], False)
    assert at.take({**pub, "seq": 4}) == ([], False)
    assert at.take({**pub, "seq": 5}) == ([Published(5, {})], False)
    assert at.take({**pub, "seq": 7}) == ([], True)
    assert at.take({**pub, "seq": 6, "epoch": "other"}) == ([], True)
