"""Documents of token counts as low-rank vectors, and from there into the space of listening.

BM25 weights (Robertson & Zaragoza, "The probabilistic relevance framework", 2009), a randomised
singular value decomposition (Halko, Martinsson & Tropp, SIAM Review 2011), and a ridge from these
vectors to those that listening taught: a track that nobody has played then has a place among those
that are played.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

Matrix = Any
"""A sparse matrix, of whose shape scipy's types know nothing."""


K1 = 1.2
B = 0.6
LEAST_DOCUMENTS = 2
MOST_SHARE = 0.5
"""A term in more than this share of the documents tells nothing apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What was fitted: `terms` to columns, their weights, and the projection to `rank` numbers."""

    terms: Mapping[str, int]
    idf: np.ndarray
    length: float
    projection: np.ndarray

    def vectors(self, documents: Sequence[Mapping[str, float]]) -> np.ndarray:
        """Documents as rows of length 1; zeros where no term is known."""
        found = _weighted(_counts(documents, self.terms), self.idf, self.length) @ self.projection
        return _unit(np.asarray(found))


def fit(documents: Sequence[Mapping[str, float]], rank: int, seed: int = 0) -> Model | None:
    """The model of `documents`; None when they have nothing in common."""
    frequency: dict[str, int] = {}
    for document in documents:
        for term in document:
            frequency[term] = frequency.get(term, 0) + 1
    most = max(LEAST_DOCUMENTS, MOST_SHARE * len(documents))
    kept = sorted(it for it, n in frequency.items() if LEAST_DOCUMENTS <= n <= most)
    if len(kept) < 2:
        return None
    terms = {term: column for column, term in enumerate(kept)}
    counts = _counts(documents, terms)
    n = np.array([frequency[it] for it in kept], dtype=np.float64)
    idf = np.log(1 + (len(documents) - n + 0.5) / (n + 0.5))
    length = float(counts.sum(axis=1).mean()) or 1.0
    weighted = _weighted(counts, idf, length)
    return Model(terms, idf, length, _projection(weighted, min(rank, *weighted.shape), rank, seed))


def ridge(source: np.ndarray, target: np.ndarray, penalty: float = 1.0) -> np.ndarray:
    """The matrix that takes rows of `source` nearest to those of `target`: rows that are nought
    on either side teach nothing."""
    known = source.any(axis=1) & target.any(axis=1)
    x, y = source[known], target[known]
    gram = x.T @ x + penalty * np.eye(x.shape[1])
    return np.linalg.solve(gram, x.T @ y)


def _counts(documents: Sequence[Mapping[str, float]], terms: Mapping[str, int]) -> Matrix:
    rows, columns, values = [], [], []
    for row, document in enumerate(documents):
        for term, count in document.items():
            if (column := terms.get(term)) is not None:
                rows.append(row)
                columns.append(column)
                values.append(count)
    shape = (len(documents), len(terms))
    return sparse.csr_matrix((values, (rows, columns)), shape=shape, dtype=np.float64)


def _weighted(counts: Matrix, idf: np.ndarray, length: float) -> Matrix:
    """BM25's saturated frequency times the inverse document frequency; rows of length 1."""
    sizes = np.asarray(counts.sum(axis=1)).ravel()
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    norm = K1 * (1 - B + B * sizes[rows] / length)
    data = counts.data * (K1 + 1) / (counts.data + norm) * idf[counts.indices]
    found = sparse.csr_matrix((data, counts.indices, counts.indptr), shape=counts.shape)
    lengths = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    scale = sparse.diags_array(1 / np.where(lengths > 0, lengths, 1.0))
    return sparse.csr_matrix(scale @ found)


def _projection(matrix: Matrix, rank: int, width: int, seed: int) -> np.ndarray:
    """The right singular vectors as columns, `width` of them: zeros where there are fewer."""
    rng = np.random.default_rng(seed)
    columns = min(rank + 10, *matrix.shape)
    sample = matrix @ rng.normal(size=(matrix.shape[1], columns))
    for _ in range(4):
        basis, _ = np.linalg.qr(sample)
        basis, _ = np.linalg.qr(matrix.T @ basis)
        sample = matrix @ basis
    basis, _ = np.linalg.qr(sample)
    _, _, right = np.linalg.svd(np.asarray((matrix.T @ basis).T), full_matrices=False)
    found = np.zeros((matrix.shape[1], width))
    found[:, : min(rank, len(right))] = right[:rank].T
    return found


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)
