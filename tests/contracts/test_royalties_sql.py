"""Royalties' statements on BigQuery, held against the same rules in plain Python."""

import dataclasses
import random
from datetime import UTC, datetime, timedelta

import pytest

from functions.royalties.closing import PRO_RATA, USER_CENTRIC, Pool
from functions.royalties.periods import Period
from functions.royalties.terms import SCREENS, VERDICTS, Terms
from functions.royalties.warehouse import Snapshot, Warehouse
from shared.errors import Unavailable
from shared.gcp.bigquery import BigQuery
from shared.warehouse import Judgement
from tests import bigquery
from tests.functions.royalties.events import LICENCES, TRACKS, listening, played
from tests.functions.royalties.oracle import Oracle

TERMS = Terms(hour_ms=1_900_000, day_plays=90, track_day_plays=60, loop_plays=6, minimum_streams=5)
POOLS = [
    Pool(where, plan, "SEK", 5, PRO_RATA if (where, plan) == ("NO", "free") else USER_CENTRIC)
    for where in ("SE", "NO")
    for plan in ("free", "premium")
]
PERIODS = [Period(2026, 9), Period(2026, 10), Period(2026, 11)]


def royalties(warehouse: bigquery.Warehouse) -> Warehouse:
    return Warehouse(
        warehouse.statements,
        events=warehouse.name("events"),
        royalties=warehouse.name("royalties"),
    )


def judgements(warehouse: bigquery.Warehouse) -> list[Judgement]:
    names = [it.name for it in dataclasses.fields(Judgement)]
    rows = warehouse.statements.rows(
        f"SELECT {', '.join(names)} FROM `{warehouse.name('royalties')}.judgements`"
    )
    return sorted((Judgement(**row) for row in rows), key=lambda it: (it.period, it.play_id))


def snapshots(oracle: Oracle) -> list[Snapshot]:
    """Three months in order; what the first screened out is lifted for the third."""
    cutoffs = [it.ends_at + timedelta(days=4) for it in PERIODS]
    screened = sorted(it.play_id for it in oracle.judgements if it.verdict in SCREENS)
    return [
        Snapshot(PERIODS[0], cutoffs[0], None),
        Snapshot(PERIODS[1], cutoffs[1], cutoffs[0]),
        Snapshot(PERIODS[2], cutoffs[2], cutoffs[1], screened[:3], ["farm 2026-09"], PERIODS[0]),
    ]


@pytest.mark.parametrize("seed", [1])
def test_sql_judges_and_counts_as_the_rules_say(warehouse: bigquery.Warehouse, seed: int):
    plays = listening(seed, 1500)
    oracle = Oracle(plays, LICENCES, TRACKS)
    told = [*plays, *plays[:200]]  # delivered twice
    random.Random(seed).shuffle(told)
    warehouse.insert([*told, *LICENCES, *TRACKS])
    ours = royalties(warehouse)
    for step in range(3):
        snapshot = snapshots(oracle)[step]
        oracle.judge(snapshot, TERMS)
        ours.judge(snapshot, TERMS)
        if step == 1:
            ours.judge(snapshot, TERMS)  # again: an execution was repeated
        found = judgements(warehouse)
        assert found == sorted(oracle.judgements, key=lambda it: (it.period, it.play_id))
        asked = snapshot.period, TERMS, POOLS
        assert ours.played(*asked) == oracle.played(*asked)
        assert ours.verdicts(snapshot.period) == oracle.verdicts(snapshot.period)
    assert {it.verdict for it in oracle.judgements} == set(VERDICTS)
    assert any(it.lifted and it.period != it.of_period for it in oracle.judgements)
    assert any(it.period > it.of_period and not it.lifted for it in oracle.judgements)
    assert ours.tracks(datetime(2027, 1, 1, tzinfo=UTC)) == oracle.tracks(
        datetime(2027, 1, 1, tzinfo=UTC)
    )
    payees = ours.payees(datetime(2027, 1, 1, tzinfo=UTC))
    assert payees == oracle.payees(datetime(2027, 1, 1, tzinfo=UTC))
    play_id = oracle.judgements[0].play_id
    assert ours.explain(play_id) == oracle.explain(play_id)
    assert sum(it["plays"] for it in ours.screened(PERIODS[0])) == sum(
        it["plays"] for it in oracle.screened(PERIODS[0])
    )


def test_a_play_counts_from_thirty_seconds_and_once(warehouse: bigquery.Warehouse):
    warehouse.insert(
        [
            *LICENCES,
            *TRACKS,
            played(1, ms_played=29_999),
            played(2, ms_played=30_000),
            played(3, ms_played=90_000, ms_distinct=29_999),  # the same part, three times
            played(4, ms_played=31_000),
            played(5, play_id="play-4", ms_played=12_000),
            played(6, play_id="play-4", ms_played=200_000),
        ]
    )
    ours = royalties(warehouse)
    ours.judge(Snapshot(PERIODS[0], datetime(2026, 10, 5, tzinfo=UTC), None), Terms())
    assert ours.verdicts(PERIODS[0]) == {"payee-0": {"COUNTED": 2, "TOO_SHORT": 2}}


def test_a_broken_statement_is_a_named_error(warehouse: bigquery.Warehouse):
    with pytest.raises(Unavailable) as caught:
        BigQuery(warehouse.project).rows("SELECT * FROM `segue-dev.segue_events.nowhere`")
    assert caught.value.code == "QUERY_FAILED"
