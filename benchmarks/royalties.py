"""A month's royalties: 10 million plays, 200,000 payees, to the minor unit.

`python -m benchmarks.royalties [PLAYS] [PAYEES]`. What runs is what the job runs: the statements in
`functions/royalties/sql.py`, here on the local BigQuery, then `functions/royalties/closing.py`.
CPU seconds of both processes count, from judging the plays to the ledger's hash; writing the plays
there first does not. Peers share the same pool by the same counts: every payee rounded as a
float, as a Decimal, and by a `Fraction`, with what they lose. The floor is one pass of
multiplication and division over the payees.

Checked in the run: payouts are the pool to the minor unit; a second run gives the same hash.
"""

import json
import sys
import tempfile
import time
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

import psutil

from benchmarks.report import emit
from functions.royalties import ledger
from functions.royalties.allocation import largest_remainder
from functions.royalties.closing import USER_CENTRIC, Closing, Pool, close
from functions.royalties.periods import Period
from functions.royalties.terms import Terms
from functions.royalties.warehouse import Snapshot, Warehouse
from tests import bigquery
from tests.infra.graphs import evaluated

PERIOD = Period(2026, 9)
POOL = 12_345_678_901
BUDGET_CPU_S = 60.0
ROUNDS = 3

FILL_PLAYS = """
INSERT INTO `{events}.track_played` (event_id, occurred_at, play_id, user_id, track_id, started_at,
  ms_played, codec, kbps, end_reason, territory, plan, licence_id)
SELECT CONCAT('e', n), TIMESTAMP_ADD(at, INTERVAL 4 MINUTE), CONCAT('p', n), CONCAT('u', u),
  CONCAT('t', t), at, ms, 'aac', 96, 'trackdone', 'SE', IF(MOD(u, 4) = 0, 'free', 'premium'),
  CONCAT('l', t)
FROM (
  SELECT n, MOD(n * 7919 + DIV(n, 1000), {listeners}) AS u,
    -- Zipf, as near as squaring comes: the first tracks have most of the plays.
    DIV(MOD(n * 104729, 1000003) * MOD(n * 104729, 1000003), 1000003) * {payees} / 1000003 AS raw,
    TIMESTAMP_ADD(TIMESTAMP '2026-09-01 00:00:00 UTC', INTERVAL MOD(n * 15485863, 2591000) SECOND)
      AS at,
    IF(MOD(n, 10) = 0, 12000, 180000) AS ms, CAST(FLOOR(
      DIV(MOD(n * 104729, 1000003) * MOD(n * 104729, 1000003), 1000003) * {payees} / 1000003
    ) AS INT64) AS t
  FROM UNNEST(GENERATE_ARRAY({first}, {last})) AS n
) AS made
"""
FILL_LICENCES = """
INSERT INTO `{events}.licence_changed` (event_id, occurred_at, licence_id, version, track_ids,
  territories, plans, withdrawn, licensor_id, licensor_name)
SELECT CONCAT('l', n), TIMESTAMP '2026-01-01 00:00:00 UTC', CONCAT('l', n), 1, [CONCAT('t', n)],
  ['*'], ['free', 'premium'], FALSE, CONCAT('payee', n), 'Payee'
FROM UNNEST(GENERATE_ARRAY(0, {payees} - 1)) AS n
"""
FILL_TRACKS = """
INSERT INTO `{events}.track_changed` (event_id, occurred_at, track_id, revision, title, explicit,
  duration_ms, removed)
SELECT CONCAT('t', n), TIMESTAMP '2026-01-01 00:00:00 UTC', CONCAT('t', n), 1, 'Track', FALSE,
  200000, FALSE
FROM UNNEST(GENERATE_ARRAY(0, {payees} - 1)) AS n
"""
BATCH = 2_000_000


def fill(there: bigquery.Warehouse, plays: int, payees: int) -> None:
    """Write the month's events, by statement."""

    def run(sql: str, **more: int) -> None:
        names = {"payees": payees, "listeners": max(1, plays // 50), **more}
        text = sql.replace("{events}", there.name("events"))
        for name, value in names.items():
            text = text.replace(f"{{{name}}}", str(value))
        there.statements.rows(text)

    run(FILL_LICENCES)
    run(FILL_TRACKS)
    for first in range(1, plays + 1, BATCH):
        run(FILL_PLAYS, first=first, last=min(plays, first + BATCH - 1))


def cpu_s(*processes: psutil.Process) -> float:
    return sum(it.cpu_times().user + it.cpu_times().system for it in processes)


def month(warehouse: Warehouse) -> tuple[Closing, str]:
    """The whole of a closing, up to the ledger's hash."""
    snapshot = Snapshot(PERIOD, PERIOD.due_at, None)
    terms = Terms()
    warehouse.judge(snapshot, terms)
    pools = [Pool("SE", "premium", "USD", POOL), Pool("SE", "free", "USD", 777_777, USER_CENTRIC)]
    found = close(str(PERIOD), PERIOD.last_day, pools, warehouse.played(PERIOD, terms))
    return found, ledger.chained("", found.entries)[1]


def floats(pool: int, weights: dict[str, int]) -> int:
    total = sum(weights.values())
    return sum(round(pool * (weight / total)) for weight in weights.values())


def decimals(pool: int, weights: dict[str, int]) -> int:
    total, cents = Decimal(sum(weights.values())), Decimal(1)
    return sum(
        int((Decimal(pool) * weight / total).quantize(cents, ROUND_HALF_UP))
        for weight in weights.values()
    )


def fractions(pool: int, weights: dict[str, int]) -> int:
    total = sum(weights.values())
    return sum(round(Fraction(pool * weight, total)) for weight in weights.values())


def bare(pool: int, weights: dict[str, int]) -> int:
    """The floor: what no exact sharing can leave out."""
    total = sum(weights.values())
    return sum(pool * weight // total for weight in weights.values())


def timed(share, pool: int, weights: dict[str, int]) -> tuple[float, int]:
    best, result = float("inf"), 0
    for _ in range(ROUNDS):
        started = time.process_time()
        result = share(pool, weights)
        best = min(best, time.process_time() - started)
    return best, result


def main() -> None:
    """Fill, run twice, check, compare, print."""
    plays = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    payees = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    with (
        tempfile.TemporaryDirectory() as folder,
        bigquery.running(Path(folder), evaluated("dev")) as there,
    ):
        import os

        os.environ["BIGQUERY_EMULATOR_HOST"] = there.url
        fill(there, plays, payees)
        warehouse = Warehouse(
            there.statements, events=there.name("events"), royalties=there.name("royalties")
        )
        engine, own = psutil.Process(there.pid), psutil.Process()
        before, sql_before, wall = cpu_s(engine, own), cpu_s(engine), time.monotonic()
        found, digest = month(warehouse)
        spent, wall = cpu_s(engine, own) - before, time.monotonic() - wall
        in_sql = cpu_s(engine) - sql_before
        verdicts: dict[str, int] = {}
        for some in warehouse.verdicts(PERIOD).values():
            for verdict, count in some.items():
                verdicts[verdict] = verdicts.get(verdict, 0) + count
        again = month(warehouse)[1]
    paid = sum(sum(it.totals.values()) for it in found.statements.values())
    exact = paid == POOL + 777_777 and again == digest
    weights: dict[str, int] = {}
    for payee, it in found.statements.items():
        weights[payee] = sum(line.plays for line in it.lines if line.plan == "premium")
    ours_s, ours = timed(lambda p, w: sum(largest_remainder(p, w).values()), POOL, weights)
    peers = {
        name: timed(share, POOL, weights)
        for name, share in (("float", floats), ("decimal", decimals), ("fraction", fractions))
    }
    floor_s, _ = timed(bare, POOL, weights)
    print(f"{plays:,} plays, {len(found.statements):,} payees; verdicts {json.dumps(verdicts)}")
    print(f"exact: {exact}; ledger {digest}; {len(found.entries):,} entries")
    print(f"{spent:.1f} CPU-s ({in_sql:.1f} in SQL), {wall:.1f} s by the clock")
    print(f"sharing {POOL / 100:,.2f} USD among {len(weights):,}:")
    print(f"  ours       {ours_s:.3f} s, off by {(ours - POOL) / 100:+.2f} USD")
    for name, (seconds, result) in peers.items():
        print(f"  {name:<10} {seconds:.3f} s, off by {(result - POOL) / 100:+.2f} USD")
    print(f"  floor      {floor_s:.3f} s (multiply and divide only)")
    emit(
        "royalties",
        "CPU-s to share the pool",
        ours_s,
        peers={name: seconds for name, (seconds, _) in peers.items()},
        floor=floor_s,
        higher_is_better=False,
        peer="decimal",
        plays=plays,
        payees=len(found.statements),
        whole_cpu_s=round(spent, 1),
        budget_cpu_s=BUDGET_CPU_S,
        exact=exact,
        lost_minor={"ours": ours - POOL, **{name: it - POOL for name, (_, it) in peers.items()}},
    )
    if not exact:
        raise SystemExit("payouts are not the pool, or a second run gave another ledger")


if __name__ == "__main__":
    main()
