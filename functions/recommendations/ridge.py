"""Local ridge: for each track, one ridge regression on the tracks that are heard with it. Pure.

For track j take its `NEIGHBOURHOOD` best neighbours N by g_ij / sqrt(g_i g_j), where G is the
co-occurrence matrix of profiles with users weighted by `EVENING`. Then

    w_j = (G_NN + diag(LAMBDA + p / (1 - p) * g_N))^-1  G_Nj        p = DROPOUT

which is a column of EASE (Steck, WWW 2019) with dropout as ridge (Steck, NeurIPS 2020), on a
neighbourhood. A user's score for j is the sum of the weights of what the user plays, so the
played tracks with the largest weights explain it. No step needs all tracks x all tracks: rows
of G come in tiles, and a system is put together from the rows of one neighbourhood.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import get_lapack_funcs

from functions.recommendations.matrix import Floats, Ints, Matrix, evening

NEIGHBOURHOOD = 100
LAMBDA = 50.0
DROPOUT = 0.5
MAX_TOGETHER = 6_000
"""Tracks whose co-occurrence may lie dense in memory at once: 6,000² floats are 144 MB. It is below
65,536,
so that a place fits into two bytes."""
BLOCK = 512
"""Tracks that are solved together, at most."""

_SOLVE: Any = get_lapack_funcs("posv", dtype=np.float32)


def evened(profiles: Matrix, sizes: Ints | None = None) -> Matrix:
    """Profiles as ones, each row by the root of its weight; `sizes` where rows were longer once.

    The co-occurrence matrix G is the product of the transpose of it with itself.
    """
    counts = np.diff(profiles.indptr) if sizes is None else sizes
    roots = np.sqrt(evening(counts)).astype(np.float32)
    data = np.repeat(roots, np.diff(profiles.indptr))
    return Matrix((data, profiles.indices, profiles.indptr), shape=profiles.shape)


def neighbourhoods(tile: Matrix, first: int, diagonal: Floats, most: int = NEIGHBOURHOOD) -> Matrix:
    """The neighbourhood of each of the tile's rows, as rows of ones; G's rows `first` and on.

    `diagonal` is G's, of all tracks.
    """
    root = 1 / np.sqrt(np.maximum(diagonal, 1e-9))
    rows: list[Ints] = []
    for row in range(tile.shape[0]):
        at = slice(tile.indptr[row], tile.indptr[row + 1])
        columns = tile.indices[at]
        likeness = tile.data[at] * root[columns]
        other = columns != first + row
        columns, likeness = columns[other], likeness[other]
        if len(columns) > most:
            columns = columns[np.argpartition(-likeness, most)[:most]]
        rows.append(np.sort(columns))
    indptr = np.concatenate([[0], np.cumsum([len(it) for it in rows])])
    indices = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int32)
    ones = np.ones(len(indices), dtype=np.float32)
    return Matrix((ones, indices, indptr), shape=tile.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Tracks to be solved together: `rows` their numbers, `near` their neighbourhoods, `needed`
    all tracks whose co-occurrence they need, ascending."""

    rows: Ints
    near: Matrix
    needed: Ints


def blocks(near: Matrix, first: int, together: int = MAX_TOGETHER) -> Iterator[Block]:
    """Split a tile's neighbourhoods so that no block needs more than `together` tracks at once.

    Tracks with the same most played neighbour go together: their neighbourhoods overlap.
    """
    sizes = np.diff(near.indptr)
    filled = np.flatnonzero(sizes)
    hubs = near.indices[near.indptr[filled]]
    order = filled[np.argsort(hubs, kind="stable")]
    begin, needed = 0, np.zeros(near.shape[1], dtype=bool)
    count = 0
    for at, row in enumerate(order):
        own = np.append(near.indices[near.indptr[row] : near.indptr[row + 1]], first + row)
        more = int((~needed[own]).sum())
        if at > begin and (count + more > together or at - begin >= BLOCK):
            yield _block(near, first, order[begin:at], needed)
            begin, count, more = at, 0, len(own)
            needed[:] = False
        needed[own] = True
        count += more
    if begin < len(order):
        yield _block(near, first, order[begin:], needed)


def _block(near: Matrix, first: int, rows: Ints, needed: Ints) -> Block:
    return Block(first + rows, near[rows], np.flatnonzero(needed))


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """Some rows of G over a block's needed tracks, up to the diagonal: G is symmetric, so the
    other half need not be told. `row` and `column` are places in `needed`."""

    row: Ints
    column: Ints
    data: Floats


def half(tile: Matrix, first: int, needed: Ints) -> Half:
    """What a tile, G's rows `first` and on, has to say of the tracks `needed`."""
    begin, end = np.searchsorted(needed, [first, first + tile.shape[0]])
    part = Matrix(tile[needed[begin:end] - first][:, needed[:end]])
    row = np.repeat(np.arange(begin, end, dtype=np.uint16), np.diff(part.indptr))
    lower = part.indices <= row
    return Half(row[lower], part.indices[lower].astype(np.uint16), part.data[lower])


def whole(halves: Iterable[Half], size: int) -> Floats:
    """G over all of a block's needed tracks, dense."""
    dense = np.zeros((size, size), dtype=np.float32)
    for it in halves:
        dense[it.row, it.column] = it.data
        dense[it.column, it.row] = it.data
    return dense


def solve(block: Block, dense: Floats, diagonal: Floats, scale: float) -> Matrix:
    """The weights of the block's tracks: row i are those by which others speak for `rows[i]`.

    `dense` is G over `block.needed`. Raises nothing: a system that cannot be solved (it holds no
    numbers) gives no weights.
    """
    ridge = (LAMBDA / scale + DROPOUT / (1 - DROPOUT) * diagonal).astype(dense.dtype)
    weights = np.zeros(block.near.nnz, dtype=np.float32)
    places = np.searchsorted(block.needed, block.near.indices)
    own = np.searchsorted(block.needed, block.rows)
    for row in range(len(block.rows)):
        at = slice(block.near.indptr[row], block.near.indptr[row + 1])
        near = places[at]
        system = dense[near[:, None], near]
        system.flat[:: len(near) + 1] += ridge[block.near.indices[at]]
        _, solution, failed = _SOLVE(system, dense[near, own[row]], lower=1, overwrite_a=1)
        if not failed and np.isfinite(solution).all():
            weights[at] = solution
    return Matrix((weights, block.near.indices, block.near.indptr), shape=block.near.shape)


def fit(
    profiles: Matrix, diagonal: Floats, scale: float, sizes: Ints | None = None
) -> sparse.csc_matrix:
    """All of it at once, in one process: W, a column a track. What the pipeline does in parts."""
    played = evened(profiles, sizes)
    both = Matrix(played.T @ played)
    both.sort_indices()
    near = neighbourhoods(both, 0, diagonal)
    parts: list[tuple[Ints, Matrix]] = []
    for block in blocks(near, 0):
        among = both[block.needed][:, block.needed].toarray()
        parts.append((block.rows, solve(block, among, diagonal, scale)))
    return columns(parts, both.shape[0])


def columns(
    parts: Sequence[tuple[Ints, Matrix]], tracks: int, width: int | None = None
) -> sparse.csc_matrix:
    """W out of solved blocks, in any order: column j are the weights that speak for track j.

    `width` columns (default: all `tracks`); those that no block solved are empty.
    """
    width = tracks if width is None else width
    if not parts:
        return sparse.csc_matrix((tracks, width), dtype=np.float32)
    order = np.concatenate([rows for rows, _ in parts])
    stacked = Matrix(sparse.vstack([weights for _, weights in parts]))
    at = np.argsort(order, kind="stable")
    place = np.zeros(width + 1, dtype=np.int64)
    sizes = np.zeros(width, dtype=np.int64)
    sizes[order[at]] = np.diff(stacked.indptr)[at]
    place[1:] = np.cumsum(sizes)
    sorted_rows = stacked[at]
    return sparse.csc_matrix((sorted_rows.data, sorted_rows.indices, place), shape=(tracks, width))
