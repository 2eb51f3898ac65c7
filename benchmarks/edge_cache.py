"""The edge's cache with pre-positioning: ours, other policies, the bound of any policy.

`python -m benchmarks.edge_cache`: hit rates on a seeded trace, the same for all in one run.
24 edges, one for each time zone; demand Zipf 0.9 over a catalog of which 2% fit; the first day
warms every cache up. On the second day every edge's midnight releases new tracks, westwards: what
is out at one edge already is what the next ones can learn from. Requests for new releases fall
over the day with a time constant of a day.

- ours: `Prewarmed`, the class that the local edge runs, filled ahead of each edge's midnight with
  the warm list that `functions.warmer` makes of noisy pre-saves and the plays of earlier zones;
  the warm list has a tenth of the cache's bytes as its budget, and may not look ahead.
- peers: LRU, SIEVE and S3-FIFO (from the paper) without pre-warming; Belady's MIN is the bound.

Printed: hit rate overall, hit rate of new releases in their first hour at each edge, and which
part of what was fetched ahead was asked for within the day.
"""

import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.edge_policies import Lru, PaperS3Fifo, Sieve, belady
from benchmarks.report import emit
from emulators.runtime.edge.prewarm import PINNED_SHARE, Prewarmed
from functions.warmer.forecast import TAU_S, Signals, expected_plays
from functions.warmer.plan import Candidate, warm_list

SEED = 20261120
EDGES, CATALOG, CACHE_SHARE, ZIPF = 24, 200_000, 0.02, 0.9
RELEASES, REQUESTS, RELEASE_REQUESTS = 600, 60_000, 2_000
HOUR_S, DAY_S = 3600, 86_400
PRESAVES_PER_EDGE = 700
HORIZON_S = DAY_S
NEW = 1 << 32
"""Keys from here on are new releases."""


@dataclass(slots=True)
class Trace:
    """One edge's requests in order: (second, key). `midnight_s` is when its releases come out."""

    midnight_s: int
    share: float
    requests: list[tuple[float, int]] = field(default_factory=list)


def weights(count: int) -> list[float]:
    return [1 / (rank**ZIPF) for rank in range(1, count + 1)]


def traces(rng: random.Random) -> list[Trace]:
    """Two days at every edge; edges differ in size by up to four times."""
    popularity = weights(CATALOG)
    catalog = range(CATALOG)
    sizes = [rng.uniform(0.5, 2.0) for _ in range(EDGES)]
    appeal = [w * rng.lognormvariate(0, 0.2) for w in weights(RELEASES)]
    rng.shuffle(appeal)
    found: list[Trace] = []
    for edge, size in enumerate(sizes):
        midnight = DAY_S + edge * HOUR_S
        trace = Trace(midnight, size / sum(sizes))
        end = midnight + DAY_S
        count = round(REQUESTS * size * end / DAY_S / 2)
        # Tastes differ a little from place to place: a part of the catalog trades ranks.
        local = list(catalog)
        for _ in range(CATALOG // 20):
            a, b = rng.randrange(CATALOG), rng.randrange(CATALOG)
            local[a], local[b] = local[b], local[a]
        asked = rng.choices(local, popularity, k=count)
        trace.requests = [(rng.uniform(0, end), key) for key in asked]
        fresh = [w * rng.lognormvariate(0, 0.3) for w in appeal]
        for key in rng.choices(range(RELEASES), fresh, k=round(RELEASE_REQUESTS * size)):
            after = -TAU_S * math.log(1 - rng.random() * (1 - math.exp(-DAY_S / TAU_S)))
            trace.requests.append((midnight + after, NEW + key))
        trace.requests.sort()
        found.append(trace)
    return found


def presaves(rng: random.Random, found: list[Trace]) -> list[list[int]]:
    """Who waits for what at each edge: a sample of who will listen, off by half as often as not."""
    totals: Counter[int] = Counter()
    for trace in found:
        totals.update(key - NEW for _, key in trace.requests if key >= NEW)
    all_plays = sum(totals.values())
    bias = [rng.lognormvariate(0, 0.5) for _ in range(RELEASES)]
    return [
        [
            _poisson(rng, PRESAVES_PER_EDGE * EDGES * trace.share * totals[n] / all_plays * bias[n])
            for n in range(RELEASES)
        ]
        for trace in found
    ]


def warm(edge: int, found: list[Trace], waiting: list[list[int]], budget: int) -> list[int]:
    """The warm list of an edge, made an hour before its midnight of what is known then."""
    trace = found[edge]
    now = trace.midnight_s - HOUR_S / 4
    earlier = [it for it in found if it.midnight_s < now]
    seen: Counter[int] = Counter()
    share = sum(it.share for it in earlier)
    for it in earlier:
        seen.update(key - NEW for at, key in it.requests if key >= NEW and at < now)
    # How long the average listener of those zones has had it.
    out_s = sum(it.share * (now - it.midnight_s) for it in earlier) / share if share else 0.0
    candidates = [
        Candidate(
            str(n),
            1,
            expected_plays(
                Signals(
                    str(n), 1, waiting[edge][n], sum(one[n] for one in waiting),
                    seen[n], share, out_s,
                ),
                share=trace.share,
                horizon_s=HORIZON_S,
            ),
        )
        for n in range(RELEASES)
    ]  # fmt: skip
    return [NEW + int(it.track_id) for it in warm_list(candidates, budget_bytes=budget)]


class Ours:
    def __init__(self, capacity: int) -> None:
        self.cache: Prewarmed[int, bool] = Prewarmed(capacity)

    def hit(self, key: int) -> bool:
        if self.cache.get(key):
            return True
        self.cache.put(key, True, 1)
        return False


@dataclass(slots=True)
class Score:
    hits: int = 0
    requests: int = 0
    first_hits: int = 0
    first: int = 0

    def add(self, hit: bool, first_hour: bool) -> None:
        self.requests += 1
        self.hits += hit
        if first_hour:
            self.first += 1
            self.first_hits += hit


def judged(trace: Trace) -> Iterator[tuple[float, int, bool, bool]]:
    """Requests with: does it count (the first day does not), is it a release's first hour."""
    for at, key in trace.requests:
        yield at, key, at >= DAY_S, key >= NEW and at < trace.midnight_s + HOUR_S


def main() -> None:
    """Run all policies over the trace, and print the result."""
    began = time.process_time()
    rng = random.Random(SEED)
    found = traces(rng)
    waiting = presaves(rng, found)
    capacity = round(CATALOG * CACHE_SHARE)
    scores = {name: Score() for name in ("ours", "lru", "sieve", "s3_fifo", "belady")}
    fetched = used = 0
    for edge, trace in enumerate(found):
        policies = {
            "lru": Lru(capacity),
            "sieve": Sieve(capacity),
            "s3_fifo": PaperS3Fifo(capacity),
            "ours": (ours := Ours(capacity)),
        }
        best = belady([key for _, key in trace.requests], capacity)
        list_ = warm(edge, found, waiting, int(capacity * PINNED_SHARE))
        sent = False
        for (at, key, counts, first), known in zip(judged(trace), best, strict=True):
            if not sent and at >= trace.midnight_s:
                sent = True
                for one in list_:
                    ours.cache.put(one, True, 1, warm=True)
            for name, policy in policies.items():
                hit = policy.hit(key)
                if counts:
                    scores[name].add(hit, first)
            if counts:
                scores["belady"].add(known, first)
        fetched += len(list_)
        used += ours.cache.used
    overall = {name: it.hits / it.requests for name, it in scores.items()}
    first = {name: it.first_hits / it.first for name, it in scores.items()}
    print(f"{EDGES} edges, {scores['ours'].requests:,} requests counted, {capacity:,} objects fit")
    for name in scores:
        print(f"{name:<8} overall {overall[name]:.4f}   first hour of releases {first[name]:.4f}")
    share_used = used / fetched if fetched else 0.0
    print(f"fetched ahead {fetched:,}, of which used {share_used:.3f}")
    print(f"{time.process_time() - began:.0f} CPU-s")
    emit(
        "edge_cache",
        "hit rate",
        overall["ours"],
        peers={name: overall[name] for name in ("lru", "sieve", "s3_fifo")},
        peer="s3_fifo",
        floor=overall["belady"],
        higher_is_better=True,
        points_to_s3_fifo=round(100 * (overall["ours"] - overall["s3_fifo"]), 2),
        points_to_lru=round(100 * (overall["ours"] - overall["lru"]), 2),
        first_hour={name: round(value, 3) for name, value in first.items()},
        first_hour_ratio=round(first["ours"] / max(first["lru"], first["s3_fifo"]), 2),
        prefetched_used=round(share_used, 3),
    )


def _poisson(rng: random.Random, mean: float) -> int:
    """Knuth's method for small means, a rounded normal for large ones."""
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


if __name__ == "__main__":
    main()
