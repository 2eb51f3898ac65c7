"""Candidates for listeners out of the two models, and the plays that speak for each. Pure.

Local ridge proposes `POOL` tracks, in the order of its scores; factors and ridge together put
them into the order that is served. Measured on listening data, that loses nothing against scoring
every track by both, and its cost does not grow with the catalog times the listeners.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from functions.recommendations import factors
from functions.recommendations.matrix import Floats, Ints, Matrix

RIDGE = 0.35
"""What a point of ridge counts beside one of the factors. Chosen on validation."""
POOL = 400
BECAUSE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What was learned, or a part of it.

    `weights` are columns of W, from `first` on, stored by rows: `weights[i, j]` is what playing
    track i says for track `first + j`. `vectors` are all tracks' factors; `side` the same, ready to
    fold listeners in.
    """

    weights: Matrix
    vectors: Floats
    side: factors.Side
    first: int = 0


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
    model: Model,
    profiles: Matrix,
    heard: Matrix,
    most: int,
    pool: int = POOL,
    *,
    listeners: Floats | None = None,
) -> Proposals:
    """Candidates for each row of `profiles`, none of which the same row of `heard` holds.

    `listeners`: the rows' own factors, where they were solved before.
    """
    users, width = profiles.shape[0], model.weights.shape[1]
    tracks = np.full((users, most), -1, dtype=np.int32)
    scores = np.zeros((users, most), dtype=np.float32)
    because = np.full((users, most, BECAUSE), -1, dtype=np.int32)
    vectors = factors.solve(as_ones(profiles), model.side) if listeners is None else listeners
    if not width:
        return Proposals(tracks, scores, because, vectors)
    ridge = Matrix(profiles @ model.weights)
    for row in range(users):
        own = slice(profiles.indptr[row], profiles.indptr[row + 1])
        at = slice(ridge.indptr[row], ridge.indptr[row + 1])
        columns, points = ridge.indices[at], ridge.data[at]
        new = ~np.isin(
            columns + model.first, heard.indices[heard.indptr[row] : heard.indptr[row + 1]]
        )
        columns, points = columns[new], points[new]
        if len(columns) > pool:
            best = np.argpartition(-points, pool)[:pool]
            columns, points = columns[best], points[best]
        if not len(columns):
            continue
        total = RIDGE * points + model.vectors[model.first + columns] @ vectors[row]
        order = np.lexsort((columns, -total))[:most]
        tracks[row, : len(order)] = model.first + columns[order]
        scores[row, : len(order)] = total[order]
        because[row, : len(order)] = _because(
            model.weights, profiles.indices[own], profiles.data[own], columns[order]
        )
    return Proposals(tracks, scores, because, vectors)


def merged(parts: Sequence[Proposals]) -> Proposals:
    """The best of proposals for the same listeners out of several parts of the model."""
    if len(parts) == 1:
        return parts[0]
    tracks = np.concatenate([it.tracks for it in parts], axis=1)
    scores = np.concatenate([np.where(it.tracks < 0, -np.inf, it.scores) for it in parts], axis=1)
    because = np.concatenate([it.because for it in parts], axis=1)
    most = parts[0].tracks.shape[1]
    order = np.lexsort((tracks, -scores), axis=1)[:, :most]
    rows = np.arange(len(tracks))[:, None]
    best = tracks[rows, order]
    return Proposals(
        best, np.where(best < 0, 0, scores[rows, order]), because[rows, order], parts[0].vectors
    )


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


def neighbours(weights: Matrix, first: int, most: int) -> list[list[tuple[int, float]]]:
    """For each row of `weights` (columns of W from `first` on) the `most` largest above nought:
    which tracks a play of it speaks for, and how much."""
    found: list[list[tuple[int, float]]] = []
    for row in range(weights.shape[0]):
        at = slice(weights.indptr[row], weights.indptr[row + 1])
        columns, values = weights.indices[at], weights.data[at]
        order = np.lexsort((columns, -values))[:most]
        found.append(
            [(first + int(columns[it]), float(values[it])) for it in order if values[it] > 0]
        )
    return found
