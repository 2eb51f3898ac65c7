"""Listening together: how far apart players are, over simulated links, in virtual time.

`python -m benchmarks.listening [--seeds 20] [--minutes 10]`. What steers the players is the SDK's
own clock and servo (`segue.clock`, `segue.servo`; the page's are their twins); links delay, jitter,
lose and differ by direction; clocks and audio crystals drift by up to 60 ppm; jumps take a while.
The peer is what there is without measuring clocks: each plays when the message arrives. The floor
is what no measuring can see: half the difference between the two ways of a link.
"""

import argparse
import random
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients" / "python"))

from benchmarks.report import emit
from tests.clients.python.listening import MIXED, SYMMETRIC, Link, Outcome, simulate


def p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


def on_arrival(links: tuple[Link, ...], seed: int, starts: int = 200) -> float:
    """p95 spread when everybody starts as the message arrives."""
    chance = random.Random(seed)
    spreads: list[float] = []
    for _ in range(starts):
        delays = [it.down_ms + chance.expovariate(1 / it.jitter_ms) for it in links]
        spreads.append(max(delays) - min(delays))
    return p95(spreads)


def floor(links: tuple[Link, ...]) -> float:
    """The spread that asymmetry alone makes: the clocks are that wrong, and nobody can tell."""
    wrong = [(it.up_ms - it.down_ms) / 2 for it in links]
    return max(wrong) - min(wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    results: dict[str, list[Outcome]] = {}
    for name, links in (("mixed", MIXED), ("symmetric", SYMMETRIC)):
        found = [simulate(links, seed, minutes=given.minutes) for seed in range(given.seeds)]
        results[name] = found
        spread = [it.spread_p95 for it in found]
        pair = max(it.pair_p95 for it in found)
        join = max(it.worst_join for it in found) / 1000
        print(
            f"{name:10} p95 between the earliest and the latest: "
            f"median seed {statistics.median(spread):.1f} ms, worst {max(spread):.1f} ms; "
            f"between any two {pair:.1f} ms; join at most {join:.1f} s; "
            f"floor {floor(links):.1f} ms"
        )
    worst = {name: max(it.spread_p95 for it in found) for name, found in results.items()}
    joins = max(it.worst_join for found in results.values() for it in found)
    good = worst["mixed"] <= 30 and worst["symmetric"] <= 10 and joins <= 3000
    print("within 30 ms, 10 ms, 3 s:", "yes" if good else "NO")
    emit(
        "listening together, skew over mixed links",
        "ms p95",
        worst["mixed"],
        peers={"play on arrival": on_arrival(MIXED, 1)},
        floor=floor(MIXED),
        higher_is_better=False,
        symmetric_ms=round(worst["symmetric"], 1),
        join_s=round(joins / 1000, 2),
    )


if __name__ == "__main__":
    main()
