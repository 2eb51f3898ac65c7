"""Candidates for listeners out of the two models, and the plays that speak for each. Pure.

Local ridge proposes `POOL` tracks, in the order of its scores; factors and ridge together put
them into the order that is served. Measured on listening data, that loses nothing against scoring
every track by both, and its cost does not grow with the catalog times the listeners.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from functions.recommendations import factors
from functions.recommendations.matrix import Floats, Ints, Matrix

RIDGE = 0.35
"""What a point of ridge counts beside one of the factors. Chosen on validation."""
POOL = 400
BECAUSE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What was learned. `weights` is W as rows: `weights[i, j]` is what playing i says for j.

    `vectors` are the tracks' factors; `side` the same, ready to fold listeners in.
    """

    weights: Matrix
    vectors: Floats
    side: factors.Side

    @classmethod
    def of(cls, columns: sparse.csc_matrix, vectors: Floats) -> "Model":
        return cls(Matrix(columns), vectors, factors.Side.of(vectors))


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """For each listener `most` tracks, best first; −1 where there are no more.

    `because` are the listener's own tracks that say most for each, strongest first, −1 for none.
    """

    tracks: Ints
    scores: Floats
    because: Ints
    vectors: Floats


def propose(
    model: Model, profiles: Matrix, heard: Matrix, most: int, pool: int = POOL
) -> Proposals:
    """Candidates for each row of `profiles`, none of which the same row of `heard` holds."""
    users, width = profiles.shape[0], model.weights.shape[0]
    tracks = np.full((users, most), -1, dtype=np.int32)
    scores = np.zeros((users, most), dtype=np.float32)
    because = np.full((users, most, BECAUSE), -1, dtype=np.int32)
    vectors = factors.solve(as_ones(profiles), model.side)
    if not width:
        return Proposals(tracks, scores, because, vectors)
    ridge = Matrix(profiles @ model.weights)
    for row in range(users):
        own = slice(profiles.indptr[row], profiles.indptr[row + 1])
        at = slice(ridge.indptr[row], ridge.indptr[row + 1])
        columns, points = ridge.indices[at], ridge.data[at]
        new = ~np.isin(columns, heard.indices[heard.indptr[row] : heard.indptr[row + 1]])
        columns, points = columns[new], points[new]
        if len(columns) > pool:
            best = np.argpartition(-points, pool)[:pool]
            columns, points = columns[best], points[best]
        if not len(columns):
            continue
        total = RIDGE * points + model.vectors[columns] @ vectors[row]
        order = np.lexsort((columns, -total))[:most]
        tracks[row, : len(order)] = columns[order]
        scores[row, : len(order)] = total[order]
        because[row, : len(order)] = _because(
            model.weights, profiles.indices[own], profiles.data[own], columns[order]
        )
    return Proposals(tracks, scores, because, vectors)


def as_ones(profiles: Matrix) -> Matrix:
    """The same rows, every weight 1."""
    ones = np.ones(profiles.nnz, dtype=np.float32)
    return Matrix((ones, profiles.indices, profiles.indptr), shape=profiles.shape)


def _because(weights: Matrix, played: Ints, how_much: Floats, offered: Ints) -> Ints:
    """The `BECAUSE` of `played` with the largest part in the score of each of `offered`."""
    found = np.full((len(offered), BECAUSE), -1, dtype=np.int32)
    order = np.argsort(offered)
    rows = weights[played]
    place = np.searchsorted(offered[order], rows.indices)
    place[place == len(offered)] = 0
    hit = (offered[order][place] == rows.indices) & (rows.data > 0)
    owner = np.repeat(np.arange(len(played)), np.diff(rows.indptr))[hit]
    part = rows.data[hit] * how_much[owner]
    at = order[place[hit]]
    by = np.lexsort((owner, -part, at))
    begins = np.searchsorted(at[by], at[by])
    rank = np.arange(len(by)) - begins
    kept = rank < BECAUSE
    found[at[by][kept], rank[kept]] = played[owner[by][kept]]
    return found


def neighbours(columns: sparse.csc_matrix, first: int, last: int, most: int) -> list[Sequence]:
    """For each of the tracks `first` to `last`: (track, weight) pairs of those that it speaks for.

    Rows of W: what a play of the track adds to others' scores, largest first.
    """
    rows = Matrix(columns)[first:last]
    found: list[Sequence] = []
    for row in range(rows.shape[0]):
        at = slice(rows.indptr[row], rows.indptr[row + 1])
        order = np.lexsort((rows.indices[at], -rows.data[at]))[:most]
        pairs = zip(rows.indices[at][order].tolist(), rows.data[at][order].tolist(), strict=True)
        found.append(tuple(it for it in pairs if it[1] > 0))
    return found
