"""How good lists are: found again, in order, how much of the catalog, how new, how different."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from benchmarks.recommend_data import Matrix, Split

Score = Callable[[np.ndarray], np.ndarray]
"""Rows of listeners to scores of all items, which may be overwritten."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the listeners asked about.

    `coverage`: share of all items in someone's 20. `novelty`: bits, -log2 of the share of
    listeners who know the item. `diversity`: 1 - cosine between two of a list, by who plays them.
    """

    recall: float
    ndcg: float
    coverage: float
    novelty: float
    diversity: float


def measure(score: Score, split: Split, k: int = 20, k_order: int = 10) -> Quality:
    """recall@k and nDCG@k_order, and the others of the lists of k. Known items are never listed."""
    known, asked = split.known, split.asked
    recall, ndcg, novelty, diversity = [], [], [], []
    seen = np.zeros(known.shape[1], dtype=bool)
    gain = 1 / np.log2(np.arange(2, k_order + 2))
    listeners = np.asarray(known.sum(axis=0)).ravel()
    bits = -np.log2(np.maximum(listeners, 0.5) / known.shape[0])
    lengths = 1 / np.sqrt(np.maximum(listeners, 1))
    unit = sparse.csc_matrix(known @ sparse.diags(lengths.astype(np.float32)))
    for begin in range(0, len(asked), 256):
        rows = asked[begin : begin + 256]
        scores = score(rows)
        for at, row in enumerate(rows):
            scores[at, known.indices[known.indptr[row] : known.indptr[row + 1]]] = -np.inf
            best = np.argpartition(-scores[at], k)[:k]
            best = best[np.argsort(-scores[at, best], kind="stable")]
            hits = np.isin(best, split.hidden[row])
            count = len(split.hidden[row])
            recall.append(hits.sum() / count)
            ndcg.append((hits[:k_order] * gain).sum() / gain[: min(k_order, count)].sum())
            novelty.append(bits[best].mean())
            seen[best] = True
            if at % 8 == 0:
                vectors = unit[:, best]
                likeness = (vectors.T @ vectors).toarray()
                diversity.append(1 - (likeness.sum() - np.trace(likeness)) / (k * (k - 1)))
    return Quality(
        *(round(float(np.mean(it)), 4) for it in (recall, ndcg, seen, novelty, diversity))
    )


def scattered(score: Score, kept: np.ndarray, items: int) -> Score:
    """Scores of some items as scores of all; those left out come last."""

    def all_of(rows: np.ndarray) -> np.ndarray:
        found = np.full((len(rows), items), -1e9, dtype=np.float32)
        found[:, kept] = score(rows)
        return found

    return all_of


__all__ = ["Matrix", "Quality", "Score", "measure", "scattered"]
