"""Two runs at once: one waits; and whoever comes too late writes over nothing that is closed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from functions.royalties.turns import LASTS, RENEWED_S, Turn, turn
from shared.errors import Conflict, Unavailable
from shared.gcp.memory import MemoryDocuments
from tests.functions.royalties.events import listening
from tests.functions.royalties.fakes import SEPTEMBER, Royalties
from tests.web import Clock

AT = datetime(2026, 10, 7, 3, 40, tzinfo=UTC)


class Time:
    """Passes when somebody sleeps, and for all at once."""

    def __init__(self) -> None:
        self.clock = Clock(AT)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds == RENEWED_S:
            await asyncio.Event().wait()  # only a test that is about renewal passes the minutes
        self.clock.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@pytest.fixture
def turns() -> MemoryDocuments[Turn]:
    return MemoryDocuments(Turn, "turn")


async def test_one_run_waits_for_the_other(turns):
    time = Time()
    done: list[str] = []

    async def run(name: str) -> None:
        async with turn(turns, name, now=time.clock, sleep=time.sleep):
            done.append(f"{name} begins")
            for _ in range(3):
                await asyncio.sleep(0)
            done.append(f"{name} ends")

    await asyncio.gather(*(run(name) for name in "abc"))
    assert [it[0] for it in done] == [it for name in done[::2] for it in name[0] * 2]
    assert [it[2:] for it in done] == ["begins", "ends"] * 3


async def test_a_run_that_goes_on_too_long_is_not_waited_for(turns):
    time = Time()
    async with turn(turns, "a", now=time.clock, sleep=time.sleep):
        await turns.put("run", Turn("a", AT + timedelta(hours=6)))
        with pytest.raises(Conflict) as refused:
            async with turn(turns, "b", now=time.clock, sleep=time.sleep):
                raise AssertionError("two at once")
        assert refused.value.code == "ANOTHER_RUN"
        assert time.clock() - AT >= timedelta(minutes=30)


async def test_a_run_that_was_killed_leaves_its_turn(turns):
    time = Time()
    await turns.put("run", Turn("killed", AT + LASTS))
    async with turn(turns, "b", now=time.clock, sleep=time.sleep):
        assert LASTS <= time.clock() - AT < LASTS + timedelta(minutes=1)
    # One that failed gave it back.
    with pytest.raises(RuntimeError):
        async with turn(turns, "c", now=time.clock, sleep=time.sleep):
            raise RuntimeError
    before = time.clock()
    async with turn(turns, "d", now=time.clock, sleep=time.sleep):
        assert time.clock() == before


async def test_a_turn_is_renewed_though_firestore_is_away_for_a_minute(turns):
    clock = Clock(AT)
    minutes: asyncio.Queue[None] = asyncio.Queue()
    away = [False]
    update = turns.update

    async def sometimes(id, change):
        if away[0]:
            raise Unavailable("not now")
        return await update(id, change)

    turns.update = sometimes

    async def sleep(seconds: float) -> None:
        await minutes.get()
        clock.at += timedelta(seconds=seconds)

    async def pass_minute() -> None:
        minutes.put_nowait(None)
        for _ in range(5):
            await asyncio.sleep(0)

    async with turn(turns, "a", now=clock, sleep=sleep):
        away[0] = True
        await pass_minute()
        away[0] = False
        assert (await turns.get("run")).until == AT + LASTS
        await pass_minute()
        assert (await turns.get("run")).until == AT + timedelta(minutes=2) + LASTS
        # Taken by another after all: it stays that one's.
        await turns.put("run", Turn("b", AT + timedelta(hours=1)))
        await pass_minute()
    assert (await turns.get("run")).holder == "b"


async def test_what_is_found_too_late_does_not_change_a_closed_period():
    it = Royalties()
    it.oracle.plays = listening(7, 60)
    it.clock.at = datetime(2026, 9, 30, tzinfo=UTC)
    for where in ("SE", "NO"):
        await it.pool(1_000_001, where=where)
        await it.pool(77_777, where=where, plan="free")
    played = it.oracle.played
    closed = []

    def slowly(*arguments):
        """The period is closed by another run while this one counts."""
        found = played(*arguments)
        it.oracle.played = played
        it.clock.at = datetime(2026, 10, 20, tzinfo=UTC)
        closed.append(asyncio.run(it.accounting.close(SEPTEMBER)))
        return found

    it.oracle.played = slowly
    await it.accounting.run()
    assert await it.books.state(SEPTEMBER) == closed[0]
    assert closed[0].status == "closed"
