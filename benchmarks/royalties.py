"""A month's royalties: 10 million plays, 200,000 payees, to the minor unit.

`python -m benchmarks.royalties [PLAYS] [PAYEES]`. What runs is what the job runs: the statements in
`functions/royalties/sql.py`, here on DuckDB in this process, then `functions/royalties/closing.py`.
CPU seconds count from judging the plays to the ledger's hash; making the plays up does not. Peers
share the same pool by the same counts: every payee rounded as a float, as a Decimal, and by a
`Fraction`, with what they lose. The floor is one pass of multiplication and division.

A day later the month is taken up again: a hundredth of the reports are new, and only what they
touch is judged. Checked in the run: payouts are the pool to the minor unit; a second run, over
reordered reports, gives the same hash; taking up gives the same rows as judging all.
"""

import json
import sys
import time
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from benchmarks.duck import Duck
from benchmarks.report import emit
from functions.royalties import ledger
from functions.royalties.allocation import largest_remainder
from functions.royalties.closing import USER_CENTRIC, Closing, Pool, close
from functions.royalties.periods import Period
from functions.royalties.terms import Terms
from functions.royalties.warehouse import Snapshot, Warehouse
from shared.gcp.bigquery import Row
from shared.warehouse import Judgement

PERIOD = Period(2026, 9)
POOL = 12_345_678_901
BUDGET_CPU_S = 60.0
ROUNDS = 3

FILL = """
CREATE SCHEMA events;
CREATE TABLE events.licence_changed AS SELECT TIMESTAMPTZ '2026-01-01 00:00:00Z' AS occurred_at,
  'l' || i AS licence_id, 'payee' || i AS licensor_id, ['t' || i] AS track_ids
  FROM range({payees}) AS r(i);
CREATE TABLE events.track_changed AS SELECT TIMESTAMPTZ '2026-01-01 00:00:00Z' AS occurred_at,
  't' || i AS track_id, 200000 AS duration_ms FROM range({payees}) AS r(i);
-- Tracks near to Zipf; every hundredth report is of a play that was reported already; a tenth is
-- too short, some of them of two accounts that never stop.
CREATE TABLE events.track_played AS
SELECT 'e' || i AS event_id, 'p' || CASE WHEN i % 100 = 0 THEN i - 1 ELSE i END AS play_id,
  'u' || CASE WHEN i % 50 = 0 THEN i % 20 ELSE i * 7919 % {listeners} END AS user_id,
  't' || t AS track_id, 'l' || t AS licence_id,
  TIMESTAMPTZ '2026-09-01 00:00:00Z' + to_seconds(i * 15485863 % 2591000) AS started_at,
  TIMESTAMPTZ '2026-09-01 00:04:00Z' + to_seconds(i * 15485863 % 2591000) AS occurred_at,
  'SE' AS territory, CASE WHEN i % 4 = 0 THEN 'free' ELSE 'premium' END AS plan,
  CASE WHEN i % 10 = 0 THEN 12000 ELSE 180000 END AS ms_played,
  NULL::BIGINT AS ms_distinct, NULL::BIGINT AS duration_ms
FROM (SELECT i, CAST(floor({payees} * power((i * 104729 % 1000003) / 1000003.0, 2)) AS BIGINT) AS t
  FROM range({plays}) AS r(i)) AS made;
"""

LATER = "occurred_at >= TIMESTAMPTZ '2026-10-06 00:00:00Z'"
NEWS = """
INSERT INTO events.track_played BY NAME
SELECT * REPLACE ('n' || event_id AS event_id, 'n' || play_id AS play_id,
  TIMESTAMPTZ '2026-10-06 04:00:00Z' AS occurred_at,
  TIMESTAMPTZ '2026-09-29 00:00:00Z' + to_seconds(hash(event_id)::UBIGINT % 170000) AS started_at)
FROM events.track_played WHERE CAST(substr(event_id, 2) AS BIGINT) < {plays} / 100
"""
DIGEST = """
SELECT COUNT(*) AS rows, bit_xor(hash(judgements))::VARCHAR AS all FROM royalties.judgements
"""


def filled(plays: int, payees: int) -> Duck:
    """A month of plays, and who they are paid to."""
    duck = Duck()
    duck.table("royalties.judgements", Judgement)
    text = FILL
    names = {"plays": plays, "payees": payees, "listeners": max(1, plays // 50)}
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", str(value))
    duck.connection.execute(text)
    return duck


def month(warehouse: Warehouse) -> tuple[Closing, str]:
    """The whole of a closing, up to the ledger's hash."""
    snapshot = Snapshot(PERIOD, PERIOD.due_at, None)
    terms = Terms()
    warehouse.judge(snapshot, terms)
    pools = [Pool("SE", "premium", "USD", POOL), Pool("SE", "free", "USD", 777_777, USER_CENTRIC)]
    played = warehouse.played(PERIOD, terms, pools)
    found = close(str(PERIOD), PERIOD.last_day, pools, played)
    return found, ledger.chained("", found.entries)[1]


def a_day_later(duck: Duck, warehouse: Warehouse, plays: int) -> tuple[float, float, bool]:
    """CPU-s to take the month up again after a hundredth more reports, and to judge it all; and
    whether both give the same rows."""
    duck.rows(NEWS.replace("{plays}", str(plays)))
    snapshot = Snapshot(PERIOD, PERIOD.due_at + timedelta(days=1), None)
    spent: list[float] = []
    rows: list[list[Row]] = []
    for since in (PERIOD.due_at, None):
        started = time.process_time()
        warehouse.judge(snapshot, Terms(), since)
        spent.append(time.process_time() - started)
        rows.append(duck.rows(DIGEST))
    return spent[0], spent[1], rows[0] == rows[1]


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
    duck = filled(plays, payees)
    warehouse = Warehouse(duck, events="events", royalties="royalties")
    started, wall = time.process_time(), time.monotonic()
    found, digest = month(warehouse)
    spent, wall = time.process_time() - started, time.monotonic() - wall
    verdicts: dict[str, int] = {}
    for some in warehouse.verdicts(PERIOD).values():
        for verdict, count in some.items():
            verdicts[verdict] = verdicts.get(verdict, 0) + count
    resumed_s, whole_s, same = a_day_later(duck, warehouse, plays)
    # Again from the start, with the reports the other way around.
    duck.rows("DELETE FROM royalties.judgements")
    duck.rows(f"DELETE FROM events.track_played WHERE {LATER}")
    duck.rows("CREATE TABLE events.other AS SELECT * FROM events.track_played ORDER BY event_id")
    duck.rows("DROP TABLE events.track_played")
    duck.rows("ALTER TABLE events.other RENAME TO track_played")
    again = month(warehouse)[1]
    paid = sum(sum(it.totals.values()) for it in found.statements.values())
    exact = paid == POOL + 777_777 and again == digest and same
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
    print(f"{spent:.1f} CPU-s, {wall:.1f} s by the clock")
    print(f"a day later: {resumed_s:.1f} CPU-s, of all {whole_s:.1f}; the same rows: {same}")
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
        day_later_cpu_s=round(resumed_s, 1),
        day_later_whole_cpu_s=round(whole_s, 1),
        exact=exact,
        lost_minor={"ours": ours - POOL, **{name: it - POOL for name, (_, it) in peers.items()}},
    )
    if not exact:
        raise SystemExit("payouts are not the pool, or a second run gave another ledger")


if __name__ == "__main__":
    main()
