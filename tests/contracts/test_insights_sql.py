"""Insights' statements on BigQuery, held against counting by hand."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from functions.insights import sql
from functions.insights.aggregates import Aggregates, Data
from functions.insights.figures import Figures, Scope
from shared.events import Credit, Impression, PopularityChanged, RecommendationsShown
from tests import bigquery
from tests.functions.royalties.events import listening, played, track

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 9, 1), date(2026, 9, 30)
ALL = Scope(FIRST, LAST, (), True)
TRACKS = [
    track(
        it,
        duration_ms=200_000,
        label="Blå" if it % 2 else None,
        credits=(
            Credit(f"artist-{it % 3}", f"Artist {it % 3}", "main"),
            Credit("artist-9", "Nine", "featured"),
            Credit("writer", "W", "songwriter"),
        ),
    )
    for it in range(8)
]


class Said:
    def __init__(self) -> None:
        self.events: list[PopularityChanged] = []

    async def __call__(self, events: Any) -> None:
        self.events += events


@pytest.fixture
def data(warehouse: bigquery.Warehouse) -> Data:
    return Data(
        warehouse.statements, events=warehouse.name("events"), insights=warehouse.name("insights")
    )


def history() -> list[Any]:
    plays = [
        replace(it, source=["album", None, "search"][at % 3], end_reason="fwdbtn"
                if at % 4 == 0 else "trackdone")
        for at, it in enumerate(listening(3, 600, 1))
    ]  # fmt: skip
    return [it for it in plays if it.occurred_at < NOW and it.started_at < NOW]


def told_again() -> list[Any]:
    """Second reports of plays: by a tired client, by another account, of the day before; a bot."""
    first = [it for it in history() if it.started_at.date() > FIRST + timedelta(days=6)][:60]
    again = [
        replace(
            it,
            event_id=f"again-{at}",
            user_id=it.user_id if at % 2 else "someone-else",
            ms_played=it.ms_played + (5000 if at % 3 else -1000),
            started_at=it.started_at - timedelta(hours=(0, 0, 7, 60)[at % 4]),
        )
        for at, it in enumerate(first)
    ]
    bot = [
        played(
            10_000 + at,
            user_id="bot",
            track_id="track-3" if at % 3 else "track-2",
            started_at=datetime(2026, 9, 20, tzinfo=UTC) + timedelta(minutes=12 * at),
            ms_played=31_000,
        )
        for at in range(60)
    ]
    return [*again, *bot]


def heard(it: Any) -> int:
    given = (it.ms_played, it.ms_distinct, it.duration_ms or 200_000)
    return min(each for each in given if each is not None)


def standing(reports: list[Any]) -> list[Any]:
    """Each play once: a report gives way to a better one of a day next to its own."""

    def order(it: Any) -> tuple[Any, ...]:
        told = (it.ms_played, it.ms_distinct, it.duration_ms)
        best = -min(each for each in told if each is not None)
        return (best, it.occurred_at, it.event_id, it.started_at, it.user_id, it.track_id)

    by_play: dict[str, list[Any]] = defaultdict(list)
    for it in {it.event_id: it for it in reports}.values():
        by_play[it.play_id].append(it)
    return [
        it
        for of_one in by_play.values()
        for it in of_one
        if all(
            order(it) <= order(other)
            or abs((it.started_at.date() - other.started_at.date()).days) > 1
            for other in of_one
        )
    ]


def believed(once: list[Any]) -> list[Any]:
    """Counted plays, of one account's day no more than the bounds, one play after the other."""
    days: dict[tuple[str, date], list[Any]] = defaultdict(list)
    for it in once:
        if heard(it) >= 30_000:
            days[it.user_id, it.started_at.date()].append(it)
    found: list[Any] = []
    for day in days.values():
        of_track: Counter[str] = Counter()
        for place, it in enumerate(sorted(day, key=lambda it: (it.started_at, it.play_id)), 1):
            of_track[it.track_id] += 1
            began = it.started_at - timedelta(hours=1)
            hour = sum(
                min(heard(other), 3_600_000)
                for other in day
                if began <= other.started_at <= it.started_at
            )
            if (
                of_track[it.track_id] <= sql.TRACK_DAY_PLAYS
                and place <= sql.DAY_PLAYS
                and hour <= sql.HOUR_MS
            ):
                found.append(it)
    return found


async def test_figures_are_those_of_counting_by_hand(
    warehouse: bigquery.Warehouse, data: Data, monkeypatch: pytest.MonkeyPatch
):
    plays = [*history(), *told_again()]
    warehouse.insert([*plays, *plays[:150], *TRACKS])
    monkeypatch.setattr("functions.insights.aggregates.BACK", timedelta(days=60))
    said = Said()
    aggregates = Aggregates(data, said, now=lambda: NOW)
    done = await aggregates.run()
    assert done["days"] == len({it.started_at.date() for it in plays})
    once = standing(plays)
    assert len(once) < len(plays) - 40
    in_range = [it for it in once if FIRST <= it.started_at.date() <= LAST]
    figures = Figures(data)
    for by, key in (
        ("track", lambda it: it.track_id),
        ("day", lambda it: str(it.started_at.date())),
        ("hour", lambda it: str(it.started_at.hour)),
        ("territory", lambda it: it.territory),
        ("plan", lambda it: it.plan),
        ("source", lambda it: it.source or "unknown"),
    ):
        found = {row["key"]: row for row in await figures.plays(ALL, by)}
        assert {k: row["plays"] for k, row in found.items()} == Counter(map(key, in_range))
        counted = Counter(key(it) for it in in_range if heard(it) >= 30_000)
        assert {k: row["counted"] for k, row in found.items() if row["counted"]} == counted
        assert sum(row["skipped"] for row in found.values()) == sum(
            heard(it) < 30_000 and it.end_reason == "fwdbtn" for it in in_range
        )
        assert sum(row["ms_played"] for row in found.values()) == sum(
            it.ms_played for it in in_range
        )
        assert sum(row["completed"] for row in found.values()) == sum(
            heard(it) * 100 >= (it.duration_ms or 200_000) * 90 for it in in_range
        )
    listeners = await figures.listeners(ALL)
    fans = [it for it in in_range if heard(it) >= 30_000]
    assert listeners["listeners"] == len({it.user_id for it in fans})
    days: dict[str, set[str]] = defaultdict(set)
    for it in fans:
        days[str(it.started_at.date())].add(it.user_id)
    assert listeners["days"] == [
        {"day": day, "listeners": len(users)} for day, users in sorted(days.items())
    ]
    curve = await figures.curve(replace(ALL, track_id="track-0"))
    theirs = [it for it in in_range if it.track_id == "track-0"]
    assert sum(point["ended"] for point in curve) == len(theirs)
    assert [point["still_playing"] for point in curve] == sorted(
        (point["still_playing"] for point in curve), reverse=True
    )
    half = sum(heard(it) * 2 >= (it.duration_ms or 200_000) for it in theirs)
    assert curve[10]["still_playing"] == pytest.approx(half / len(theirs))
    cohorts = await figures.retention(ALL)
    weeks: dict[str, set[date]] = defaultdict(set)
    for it in fans:
        day = it.started_at.date()
        weeks[it.user_id].add(day - timedelta(days=day.weekday()))
    for cohort in cohorts:
        members = [theirs for theirs in weeks.values() if min(theirs) == cohort["week"]]
        assert cohort["listeners"] == len(members)
        for later, kept in enumerate(cohort["kept"], 1):
            week = cohort["week"] + timedelta(weeks=later)
            assert kept == sum(week in theirs for theirs in members)
    assert sum(cohort["listeners"] for cohort in cohorts) == len(weeks)
    top = await figures.top(ALL, "tracks", "", 3)
    best = Counter(it.track_id for it in fans).most_common(1)[0]
    assert (top[0]["id"], top[0]["plays"], top[0]["title"]) == (
        best[0], best[1], f"Track {best[0][-1]}",
    )  # fmt: skip
    artists = {it["id"]: it["plays"] for it in await figures.top(ALL, "artists", "SE", 9)}
    swedish = [it for it in fans if it.territory == "SE" and it.track_id != "track-8"]
    assert artists["artist-9"] == len(swedish)
    # Scoped by ownership: the label has the odd tracks.
    mine = Scope(FIRST, LAST, ["label:Blå"], False)
    rows = await figures.plays(mine, "track")
    assert {row["key"] for row in rows} == {it.track_id for it in in_range if
                                            int(it.track_id[-1]) % 2}  # fmt: skip
    assert await figures.plays(Scope(FIRST, LAST, ["label:Other"], False), "track") == []
    # Popularity was told once, and again only of what changed.
    since = NOW.date() - timedelta(days=28)
    trusted = believed(once)
    assert len(trusted) < sum(heard(it) >= 30_000 for it in once) - 20
    recent = Counter(it.track_id for it in trusted if since < it.started_at.date() <= NOW.date())
    told = {it.track_id: it for it in said.events}
    assert {id: it.plays for id, it in told.items()} == recent
    assert max(it.popularity for it in told.values()) == 100
    before, hours = len(said.events), await figures.plays(ALL, "hour")
    assert (await aggregates.run())["ranked"] == 0
    assert len(said.events) == before
    assert await figures.plays(ALL, "hour") == hours
    # A view for people says the same.
    (row,) = warehouse.statements.rows(
        f"SELECT COUNT(*) AS plays, COUNTIF(counted) AS counted FROM `{warehouse.name('insights')}"
        ".plays` WHERE day BETWEEN @first AND @last", {"first": FIRST, "last": LAST},
    )  # fmt: skip
    assert row["plays"] == len(in_range)


async def test_a_late_report_renews_the_days_that_it_is_of(
    warehouse: bigquery.Warehouse, data: Data
):
    old = played(1, started_at=datetime(2026, 9, 3, 8, tzinfo=UTC))
    short = played(2, started_at=datetime(2026, 9, 3, 23, 59, tzinfo=UTC), ms_played=9000)
    warehouse.insert([old, short, *TRACKS])
    aggregates = Aggregates(data, Said(), now=lambda: NOW - timedelta(days=27))
    assert (await aggregates.run())["days"] == 1
    late = played(3, started_at=datetime(2026, 9, 3, 9, tzinfo=UTC), occurred_at=NOW)
    # The better report of a play takes it away from the day before.
    better = replace(
        short, event_id="better", started_at=datetime(2026, 9, 4, 0, 1, tzinfo=UTC),
        occurred_at=NOW, ms_played=90_000,
    )  # fmt: skip
    warehouse.insert([late, better])
    assert (await Aggregates(data, Said(), now=lambda: NOW).run())["days"] == 2
    figures = Figures(data)
    rows = await figures.plays(ALL, "hour")
    assert [(row["key"], row["plays"]) for row in rows] == [("0", 1), ("8", 1), ("9", 1)]
    rows = await figures.plays(ALL, "day")
    assert [(row["key"], row["counted"]) for row in rows] == [("2026-09-03", 2), ("2026-09-04", 1)]


async def test_figures_are_of_the_owners_tracks_alone_and_a_bot_is_as_popular_as_a_listener(
    warehouse: bigquery.Warehouse, data: Data
):
    at = datetime(2026, 9, 30, 8, tzinfo=UTC)
    plays = [
        played(10 * track + user, track_id=f"track-{track}", user_id=f"user-{track}-{user}",
               started_at=at, ms_played=200_000)
        for track in range(8)
        for user in range(track + 1)
    ]  # fmt: skip
    midnight = datetime(2026, 10, 1, tzinfo=UTC)  # after the figures' last day
    bot = [
        played(1000 + it, user_id="bot", track_id="track-1",
               started_at=midnight + timedelta(minutes=it))
        for it in range(200)
    ]  # fmt: skip
    warehouse.insert([*plays, *bot, *TRACKS])
    said = Said()
    await Aggregates(data, said, now=lambda: NOW).run()
    told = {it.track_id: it.plays for it in said.events}
    assert told["track-1"] == 2 + sql.TRACK_DAY_PLAYS
    figures = Figures(data)
    for scope, tracks in (
        (ALL, range(8)),
        (Scope(FIRST, LAST, ["label:Blå"], False), (1, 3, 5, 7)),
        (Scope(FIRST, LAST, ["artist:artist-1"], False), (1, 4, 7)),
        (Scope(FIRST, LAST, ["artist:writer"], False), ()),
        (Scope(FIRST, LAST, [], False), ()),
    ):
        theirs = {f"track-{it}" for it in tracks}
        count = sum(it.track_id in theirs for it in plays)
        assert {it["key"] for it in await figures.plays(scope, "track")} == theirs
        assert sum(it["plays"] for it in await figures.plays(scope, "territory")) == count
        assert (await figures.listeners(scope))["listeners"] == count
        assert sum(it["ended"] for it in await figures.curve(scope)) == count
        assert sum(it["listeners"] for it in await figures.retention(scope)) == count
        assert {it["id"] for it in await figures.top(scope, "tracks", "", 50)} == theirs
        artists = {it["id"]: it["plays"] for it in await figures.top(scope, "artists", "", 50)}
        assert artists.get("artist-9", 0) == count


async def test_an_experiments_arms_are_weighed_by_propensity(
    warehouse: bigquery.Warehouse, data: Data
):
    def shown(number: int, arm: str, *impressions: Impression) -> RecommendationsShown:
        at = datetime(2026, 9, 3, 8, tzinfo=UTC)
        return RecommendationsShown(
            f"shown-{number}", at, f"shown-{number}", f"user-{number}", "home", "blend", arm,
            "p", None, "SE", "//", impressions,
        )  # fmt: skip

    likely, rare = (Impression(0, "track-0", "text", 1.0, 0.5),
                    Impression(1, "track-1", "text", 0.5, 0.05))  # fmt: skip
    lists = [shown(it, "a" if it % 2 else "b", likely, rare) for it in range(8)]
    heard_it = [
        played(it, user_id=f"user-{it}", track_id="track-1" if it == 3 else "track-0",
               started_at=datetime(2026, 9, 3, 9, tzinfo=UTC))
        for it in (1, 3, 4)
    ]  # fmt: skip
    too_late = played(9, user_id="user-5", started_at=datetime(2026, 9, 4, 9, tzinfo=UTC))
    warehouse.insert([*lists, *lists[:3], *heard_it, too_late])
    found = await Figures(data).experiment("blend", FIRST, LAST)
    assert [(it["arm"], it["impressions"], it["plays"]) for it in found] == [
        ("a", 8, 2),
        ("b", 8, 1),
    ]
    a, b = found
    assert a["rate"] == 0.25
    assert a["snips"] == pytest.approx((2 + 20) / (4 * 22))
    assert b["snips"] == pytest.approx(2 / (4 * 22))
    assert a["ips"] == pytest.approx((2 + 20) / 8)
    assert a["effective"] == pytest.approx((4 * 22) ** 2 / (4 * (4 + 400)))


def test_every_statement_names_its_data_sets_in_braces():
    for statement in (*sql.AGGREGATES, sql.OWNERS, sql.RANKED, sql.TOLD, sql.SHOWN):
        assert "{insights}." in statement or "{events}." in statement
        assert "{{" not in statement
