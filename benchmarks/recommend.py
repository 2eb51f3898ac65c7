"""Quality of recommendations beside the known ways, in one run: `python -m benchmarks.recommend`.

`--split` names one of leave-out, temporal, newcomers (default: all). Parameters of ours are
constants of the code, chosen on a validation part of the known plays (`--validate` shows that
part's figures instead: nothing hidden is looked at).
"""

import argparse
import time

import numpy as np

from benchmarks.recommend_data import Data, Matrix, Split, by_time, leave_out, load, newcomers
from benchmarks.recommend_metrics import Quality, Score, measure, scattered
from benchmarks.recommend_peers import PEERS
from benchmarks.report import emit
from functions.recommendations import factors, ridge
from functions.recommendations.matrix import Profiles, Tally, Vocabulary
from functions.recommendations.scoring import RIDGE, as_ones


def ours(known: Matrix) -> dict[str, tuple[Score, float]]:
    """Our two models and their blend, with the CPU seconds that each took to fit."""
    vocabulary, plays = indexed(known)
    kept = np.array([int(it) for it in vocabulary.tracks])
    sizes = np.diff(known.indptr)
    began = time.process_time()
    weights = Matrix(ridge.fit(plays, vocabulary.evened, vocabulary.scale, sizes))
    ridge_s = time.process_time() - began
    began = time.process_time()
    vectors = factors.fit(plays)
    side = factors.Side.of(vectors, strength=factors.strength_of(plays))
    factors_s = time.process_time() - began

    def by_ridge(rows: np.ndarray) -> np.ndarray:
        return (plays[rows] @ weights).toarray()

    def by_factors(rows: np.ndarray) -> np.ndarray:
        return factors.solve(as_ones(Matrix(plays[rows])), side) @ vectors.T

    def blended(rows: np.ndarray) -> np.ndarray:
        return by_factors(rows) + RIDGE * by_ridge(rows)

    return {
        name: (scattered(score, kept, known.shape[1]), cpu_s)
        for name, score, cpu_s in (
            ("local ridge (ours)", by_ridge, ridge_s),
            ("factors (ours)", by_factors, factors_s),
            ("blended (ours)", blended, ridge_s + factors_s),
        )
    }


def indexed(known: Matrix) -> tuple[Vocabulary, Matrix]:
    """The vocabulary of `known`, whose tracks are called by their column, and its rows over it."""
    profiles = Profiles(
        tuple(str(it) for it in range(known.shape[0])),
        tuple(str(it) for it in range(known.shape[1])),
        known,
    )
    vocabulary = Vocabulary.of(Tally.of(profiles))
    return vocabulary, vocabulary.index(profiles)


def table(split: Split) -> dict[str, Quality]:
    """Print a line for each way; answer what they reached."""
    print(f"\n{split.name}: {split.known.nnz:,} plays known, {len(split.asked):,} listeners asked")
    print(f"{'':22} recall@20 nDCG@10 coverage novelty diversity   fit CPU-s")
    found: dict[str, Quality] = {}

    def line(name: str, score: Score, cpu_s: float) -> None:
        found[name] = it = measure(score, split)
        print(
            f"{name:22} {it.recall:9.4f} {it.ndcg:7.4f} {it.coverage:8.3f} {it.novelty:7.2f} "
            f"{it.diversity:9.3f} {cpu_s:11.2f}",
            flush=True,
        )

    for name, fit in PEERS.items():
        began = time.process_time()
        score = fit(split.known)
        line(name, score, time.process_time() - began)
    for name, (score, cpu_s) in ours(split.known).items():
        line(name, score, cpu_s)
    return found


def splits(data: Data, validate: bool) -> dict[str, Split]:
    """By name. For validation the hidden part of leave-out is gone before anything is parted."""
    plays = leave_out(data.plays).known if validate else data.plays
    seed = 100 if validate else 0
    found = {"leave-out": leave_out(plays, seed)}
    if data.when is not None and not validate:
        found["temporal"] = by_time(plays, data.when)
    found["newcomers"] = newcomers(plays, seed)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("leave-out", "temporal", "newcomers"))
    parser.add_argument("--validate", action="store_true")
    given = parser.parse_args()
    data = load()
    print(f"{data.name}: {data.plays.shape[0]:,} listeners, {data.plays.shape[1]:,} items")
    chosen = splits(data, given.validate)
    names = [given.split] if given.split else list(chosen)
    found = {name: table(chosen[name]) for name in names}
    first = found[names[0]]
    best = first["blended (ours)"]
    emit(
        "recommend",
        f"recall@20 on {data.name}, {names[0]}",
        best.recall,
        peers={name: it.recall for name, it in first.items() if name in PEERS},
        floor=first["popularity"].recall,
        higher_is_better=True,
        ndcg10=best.ndcg,
        ratio_ndcg10=round(
            best.ndcg / max(it.ndcg for name, it in first.items() if name in PEERS), 3
        ),
    )


if __name__ == "__main__":
    main()
