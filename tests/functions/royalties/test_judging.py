"""Judging as far as something is new gives what judging everything gives, to the byte."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.duck import Duck
from functions.royalties import closing, ledger
from functions.royalties.accounting import BACK
from functions.royalties.closing import USER_CENTRIC, Pool
from functions.royalties.terms import Terms
from functions.royalties.warehouse import Snapshot, Warehouse
from shared.events import LicenceChanged, TrackChanged, TrackPlayed, table_of
from shared.warehouse import Judgement
from tests.functions.royalties.events import LICENCES, TRACKS, licence, listening, played, track
from tests.functions.royalties.fakes import SEPTEMBER

OCTOBER = SEPTEMBER.next
TERMS = Terms(hour_ms=1_900_000, day_plays=30, track_day_plays=20, loop_plays=4)
POOLS = [
    Pool(where, plan, "SEK", 1_000_003, USER_CENTRIC if plan == "free" else "pro-rata")
    for where in ("SE", "NO")
    for plan in ("free", "premium")
]
# While October runs: a track and a licence appear, a length grows, an edit changes nothing.
NEWS = [
    track(7, occurred_at=datetime(2026, 10, 9, tzinfo=UTC)),
    licence(6, occurred_at=datetime(2026, 10, 14, tzinfo=UTC)),
    track(4, occurred_at=datetime(2026, 10, 19, tzinfo=UTC), duration_ms=180_000, revision=2),
    track(2, occurred_at=datetime(2026, 10, 21, tzinfo=UTC), title="Remastered", revision=2),
    licence(9, "track-3", occurred_at=datetime(2026, 10, 25, tzinfo=UTC)),
]
SEPTEMBER_ENDS = SEPTEMBER.due_at


class Books:
    """A warehouse of its own, and the ledger that October's judgements give."""

    def __init__(self) -> None:
        self.duck = Duck()
        for event in (TrackPlayed, TrackChanged, LicenceChanged):
            self.duck.table(f"events.{table_of(event)}", event)
        self.duck.table("royalties.judgements", Judgement)
        self.warehouse = Warehouse(self.duck, events="events", royalties="royalties")

    def told(self, some: Iterable[Any]) -> None:
        by_table: dict[str, list[Any]] = {}
        for it in some:
            by_table.setdefault(f"events.{table_of(it)}", []).append(it)
        for name, rows in by_table.items():
            self.duck.insert(name, rows)

    def judge(self, cutoff: datetime, told_since: datetime | None = None) -> None:
        self.warehouse.judge(Snapshot(OCTOBER, cutoff, SEPTEMBER_ENDS), TERMS, told_since)

    def judgements(self) -> list[dict[str, Any]]:
        return self.duck.rows("SELECT * FROM royalties.judgements ORDER BY period, play_id")

    def hash(self) -> str:
        rows = self.warehouse.played(OCTOBER, TERMS, POOLS)
        found = closing.close(str(OCTOBER), OCTOBER.last_day, POOLS, rows)
        return ledger.chained("", found.entries)[1]


def september(some: Sequence[Any]) -> Books:
    """With September judged for good."""
    books = Books()
    books.told(it for it in some if it.occurred_at < SEPTEMBER_ENDS)
    books.warehouse.judge(Snapshot(SEPTEMBER, SEPTEMBER_ENDS, None), TERMS)
    return books


def _farmed(it: TrackPlayed, dice: random.Random) -> TrackPlayed:
    """Farms work for a week in October as well, day after day."""
    if it.user_id != "farm" or dice.random() < 0.3:
        return it
    later = timedelta(days=35 + dice.randrange(7))
    return replace(it, started_at=it.started_at + later, occurred_at=it.occurred_at + later)


def holds(seed: int, plays: int) -> None:
    """However the reports are split over runs, delayed and doubled, the last run's judgements and
    ledger are those of judging all of them at once."""
    dice = random.Random(seed)
    plays_told = [_farmed(it, dice) for it in listening(seed, plays, 2)]
    world = [*plays_told, *LICENCES, *TRACKS, *NEWS]
    ends = [SEPTEMBER_ENDS + timedelta(hours=dice.randrange(1, 35 * 24)) for _ in range(4)]
    ends = [*sorted(ends), SEPTEMBER_ENDS + timedelta(days=40)]
    whole = september(world)
    whole.told(it for it in world if SEPTEMBER_ENDS <= it.occurred_at < ends[-1])
    whole.judge(ends[-1])

    split = september(world)
    later = [it for it in world if it.occurred_at >= SEPTEMBER_ENDS]
    later += dice.sample(later, len(later) // 5)
    arrived = [(it.occurred_at + BACK * dice.random() ** 4, it) for it in later]
    before, resumed = SEPTEMBER_ENDS - timedelta(days=1), 0
    for number, end in enumerate(ends):
        last = end == ends[-1]
        split.told(
            it for at, it in arrived
            if (it.occurred_at if last else at) < end and at >= before
            and not (number and (at < before))
        )  # fmt: skip
        split.judge(end, before - BACK if number else None)
        resumed += number > 0
        before = end
    assert resumed == 4
    assert split.judgements() == whole.judgements()
    assert split.hash() == whole.hash()


@pytest.mark.parametrize("seed", range(1))
def test_any_split_of_the_reports_over_runs_gives_the_same_ledger(seed: int):
    holds(seed, 250)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_any_split_of_more_reports_gives_the_same_ledger(seed: int):
    holds(seed, 150 + 20 * (seed % 10))


def test_a_run_writes_what_is_new_and_what_that_touches():
    books = september([*LICENCES, *TRACKS])
    day = timedelta(days=1)
    start = OCTOBER.starts_at
    many = [
        played(
            at,
            user_id=f"user-{at % 40}",
            track_id=f"track-{at % 3}",
            started_at=start + timedelta(minutes=30 * at),
        )
        for at in range(400)
    ]
    books.told(many)
    end = start + 10 * day

    def written(cutoff: datetime, since: datetime | None) -> int:
        asked: list[int] = []
        rows = books.duck.rows

        def counting(sql: str, values: Any = None) -> Any:
            found = rows(sql, values)
            asked.append(found[0]["Count"])
            return found

        books.duck.rows = counting
        try:
            books.judge(cutoff, since)
        finally:
            books.duck.rows = rows
        return asked[0]

    assert written(end, None) == 400
    assert written(end, None) == 0, "the same again"
    assert written(end + day, end) == 0, "nothing was reported"
    # A late play; and another report of a play that is known, which says less.
    books.told(
        [
            played(900, user_id="user-3", started_at=start + 2 * day, occurred_at=end + day / 2),
            played(901, play_id="play-7", user_id="user-7", started_at=many[7].started_at,
                   ms_played=5_000, occurred_at=end + day / 2),
        ]
    )  # fmt: skip
    assert written(end + day, end) == 1, "the accounts' other plays are judged as before"
    assert sum(row["period"] == "2026-10" for row in books.judgements()) == 401


def test_a_play_that_two_accounts_report_is_who_heard_mosts():
    books = september([*LICENCES, *TRACKS])
    start = OCTOBER.starts_at
    end = start + timedelta(days=10)
    books.told([played(1, user_id="ada", started_at=start, ms_played=90_000)])
    books.judge(end)
    books.told([played(2, play_id="play-1", user_id="bob", started_at=start, occurred_at=end,
                       ms_played=95_000)])  # fmt: skip
    books.judge(end + timedelta(days=1), end)
    (row,) = [row for row in books.judgements() if row["period"] == "2026-10"]
    assert (row["play_id"], row["user_id"], row["heard_ms"]) == ("play-1", "bob", 95_000)
