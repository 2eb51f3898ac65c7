"""Finding known things among a million: ours beside bm25s, SQLite FTS5 and DuckDB's FTS.

`python -m benchmarks.search [--documents N] [--queries N]`: everyone is given the same generated
documents and searches, kind by kind, and is asked for ten hits. Times are CPU time of this
process. The floor is an index of exact names alone: what recall costs nothing. `index_mb` is all
of our files; `cards_mb` of it is what shows a hit as a whole object, which no peer keeps.
"""

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

from benchmarks import search_peers
from benchmarks.report import emit
from benchmarks.search_corpus import Corpus, Known, Row, searches
from functions.search import cardfile
from functions.search.document import Document
from functions.search.index import TantivyIndex, build, opened
from functions.search.query import parse

HEAP_BYTES = 256_000_000
TODAY = date(2026, 6, 1)
MB = 1e6
Finder = Callable[[str, str], list[str]]
"""Ids found in a kind for a text, best first, ten at most."""


@dataclass(frozen=True, slots=True)
class Score:
    build_s: float
    megabytes: float
    mrr: float
    recall: float
    p50_ms: float
    p99_ms: float
    by_group: dict[str, tuple[float, float]]


class Ours:
    """The index as the job builds it and an instance opens it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._indexes: dict[str, TantivyIndex] = {}

    def build(self, documents: Iterable[Document]) -> None:
        # As in the job, the documents of a kind arrive together, and like next to like.
        in_order = sorted(documents, key=lambda it: (cardfile.ordered(it.kind), it.company))
        for kind, group in groupby(in_order, key=lambda it: it.kind):
            near = cardfile.opened(self.folder)
            build(kind, self.folder / kind, group, HEAP_BYTES, near)

    def open(self) -> None:
        self._indexes = opened(self.folder, ())

    def find(self, kind: str, text: str) -> list[str]:
        query = parse(text)
        hits = self._indexes[kind].search(query, market=None, limit=10, offset=0, today=TODAY)
        return [hit.id for hit in hits.items]

    def megabytes(self, name: str = "*") -> float:
        """Of all files, or of those with a name: the cards show hits."""
        files = (it for it in self.folder.rglob(name) if it.is_file())
        return sum(it.stat().st_size for it in files) / MB


def measure(find: Finder, known: list[Known], build_s: float, megabytes: float) -> Score:
    """Ask everything once to warm up a little, then once to be judged."""
    for search in known[:: max(1, len(known) // 50)]:
        find(search.kind, search.text)
    took_ms: list[float] = []
    ranks: dict[str, list[int]] = {}
    for search in known:
        begun = time.process_time_ns()
        found = find(search.kind, search.text)
        took_ms.append((time.process_time_ns() - begun) / 1e6)
        rank = found.index(search.id) + 1 if search.id in found else 0
        ranks.setdefault(search.group, []).append(rank)
    every = [rank for group in ranks.values() for rank in group]
    return Score(
        build_s=build_s,
        megabytes=megabytes,
        mrr=_mrr(every),
        recall=_recall(every),
        p50_ms=statistics.median(took_ms),
        p99_ms=sorted(took_ms)[math.ceil(len(took_ms) * 0.99) - 1],
        by_group={name: (_mrr(group), _recall(group)) for name, group in ranks.items()},
    )


def _mrr(ranks: list[int]) -> float:
    return sum(1 / rank for rank in ranks if rank) / len(ranks)


def _recall(ranks: list[int]) -> float:
    return sum(rank > 0 for rank in ranks) / len(ranks)


def show(name: str, score: Score) -> None:
    groups = "  ".join(f"{it} {mrr:.3f}/{hit:.3f}" for it, (mrr, hit) in score.by_group.items())
    print(
        f"{name:10} build {score.build_s:6.1f} s  {score.megabytes:6.1f} MB  "
        f"MRR {score.mrr:.3f} recall@10 {score.recall:.3f}  "
        f"p50 {score.p50_ms:.2f} p99 {score.p99_ms:.2f} ms  | {groups}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.search", description=__doc__)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=2745)
    parser.add_argument("--alone", action="store_true", help="leave out the peers")
    asked = parser.parse_args()
    corpus = Corpus(asked.documents)
    begun = time.process_time()
    documents = sorted(corpus.documents(), key=lambda it: it.kind)
    rows = [
        Row(it.kind, it.id, it.name, " ".join(it.by), it.album or "", it.popularity)
        for it in documents
    ]
    known = searches(corpus, rows, asked.queries)
    print(f"{len(documents)} documents and {len(known)} searches made "
          f"in {time.process_time() - begun:.0f} s", flush=True)  # fmt: skip
    scores: dict[str, Score] = {}
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(Path(folder) / "ours")
        begun = time.process_time()
        ours.build(documents)
        build_s = time.process_time() - begun
        ours.open()
        documents.clear()
        scores["ours"] = measure(ours.find, known, build_s, ours.megabytes())
        show("ours", scores["ours"])
        cards_mb = ours.megabytes(cardfile.NAME)
        floor = search_peers.ExactNames(rows)
        scores["floor"] = measure(floor.find, known, 0.0, 0.0)
        show("floor", scores["floor"])
        for name, peer, share in () if asked.alone else search_peers.PEERS:
            begun = time.process_time()
            try:
                built = peer(rows, Path(folder) / name)
            except search_peers.Missing as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
                continue
            build_s = time.process_time() - begun
            scores[name] = measure(built.find, known[::share], build_s, built.megabytes())
            show(name, scores[name])
            built.close()
    mine = scores.pop("ours")
    floor_score = scores.pop("floor")
    emit(
        "search", "MRR", mine.mrr,
        peers={name: score.mrr for name, score in scores.items()} or {"none": math.nan},
        floor=floor_score.mrr, higher_is_better=True,
        documents=asked.documents, recall_at_10=round(mine.recall, 4),
        p50_cpu_ms=round(mine.p50_ms, 3), p99_cpu_ms=round(mine.p99_ms, 3),
        index_mb=round(mine.megabytes, 1), cards_mb=round(cards_mb, 1),
        build_cpu_s=round(mine.build_s, 1),
        peers_p50_cpu_ms={name: round(score.p50_ms, 3) for name, score in scores.items()},
        peers_mb={name: round(score.megabytes, 1) for name, score in scores.items()},
        peers_build_cpu_s={name: round(score.build_s, 1) for name, score in scores.items()},
        targets={"mrr": 0.96, "recall_at_10": 0.985, "p50_cpu_ms": 1, "p99_cpu_ms": 20,
                 "index_mb": 100, "build_cpu_s": 90},
    )  # fmt: skip


if __name__ == "__main__":
    main()
