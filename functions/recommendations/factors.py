"""Matrix factors of profiles by implicit alternating least squares. Pure.

Loss: sum over played (1 - x.y)² + UNPLAYED * sum over all (x.y)² + sum of each vector's squared
length times STRENGTH * (k + UNPLAYED * n)**GROWTH, k being how much it was played and n the size
of the other side (Rendle et al., RecSys 2022). The part that all rows share is turned into its
eigenbasis once; a row with k < FACTORS plays then costs a k x k system, not a FACTORS² one.
"""

from dataclasses import dataclass

import numpy as np

from functions.recommendations.matrix import Floats, Ints, Matrix

FACTORS = 128
UNPLAYED = 0.1
STRENGTH = 0.05
DENSE, SPARSER = 30.0, 0.35
"""Where listeners have fewer tracks than `DENSE` in the mean, vectors are held the more firmly: by
that power. Chosen on validation parts of 31 and of 7 tracks a listener."""
GROWTH = 0.75
ROUNDS = 12
_AT_ONCE = 4_000_000
"""Floats in one batch of rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side's vectors, ready for solving the other's: in the eigenbasis of what all share.
    `strength` is what they were fitted with, and the other side is solved with."""

    turned: Floats
    basis: Floats
    shared: Floats
    strength: float = STRENGTH

    @classmethod
    def of(cls, vectors: Floats, unplayed: float = UNPLAYED, strength: float = STRENGTH) -> "Side":
        both = (unplayed * (vectors.T @ vectors)).astype(np.float64)
        values, basis = np.linalg.eigh(both)
        basis = basis.astype(np.float32)
        return cls(vectors @ basis, basis, np.maximum(values, 0).astype(np.float32), strength)


def solve(
    plays: Matrix,
    other: Side,
    *,
    unplayed: float = UNPLAYED,
    strength: float | None = None,
    growth: float = GROWTH,
) -> Floats:
    """The best vector of every row of `plays`, given the columns' vectors; zeros for empty rows."""
    strength = other.strength if strength is None else strength
    count, factors = other.turned.shape
    found = np.zeros((plays.shape[0], factors), dtype=np.float32)
    sizes = np.diff(plays.indptr)
    order = np.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    begin = 0
    while begin < len(order):
        longest = int(sizes[order[begin]] * 1.15) + 1
        most = max(1, min(512, _AT_ONCE // (longest * factors)))
        end = begin + int(
            np.searchsorted(sizes[order[begin : begin + most]], longest, side="right")
        )
        rows = order[begin:end]
        begin = end
        ridge = strength * (sizes[rows] + unplayed * count) ** growth
        found[rows] = _batch(plays, rows, other, ridge.astype(np.float32))
    return found


def _batch(plays: Matrix, rows: Ints, other: Side, ridge: Floats) -> Floats:
    sizes = np.diff(plays.indptr)[rows]
    width = int(sizes.max())
    places = np.arange(width)
    mask = places < sizes[:, None]
    at = np.where(mask, plays.indptr[rows][:, None] + places, 0)
    near = other.turned[plays.indices[at]] * mask[:, :, None]
    diagonal = other.shared[None] + ridge[:, None]
    factors = near.shape[2]
    if width < factors:
        scaled = near / diagonal[:, None, :]
        system = scaled @ near.transpose(0, 2, 1)
        system[:, places, places] += 1
        dual = np.linalg.solve(system, mask.astype(np.float32)[:, :, None])
        solved = (dual * scaled).sum(axis=1)
    else:
        system = near.transpose(0, 2, 1) @ near
        each = np.arange(factors)
        system[:, each, each] += diagonal
        solved = np.linalg.solve(system, near.sum(axis=1)[:, :, None])[:, :, 0]
    return solved @ other.basis.T


def strength_of(plays: Matrix) -> float:
    """How firmly the vectors of these profiles are to be held."""
    played = int((np.diff(plays.indptr) > 0).sum())
    mean = plays.nnz / played if played else DENSE
    return STRENGTH * max(1.0, (DENSE / mean) ** SPARSER)


def fit(
    plays: Matrix,
    *,
    factors: int = FACTORS,
    rounds: int = ROUNDS,
    unplayed: float = UNPLAYED,
    strength: float | None = None,
    growth: float = GROWTH,
    seed: int = 0,
) -> Floats:
    """The columns' vectors. The same seed gives the same vectors."""
    strength = strength_of(plays) if strength is None else strength
    rng = np.random.default_rng(seed)
    near = 0.1 / np.sqrt(factors)
    items = (rng.standard_normal((plays.shape[1], factors)) * near).astype(np.float32)
    turned = Matrix(plays.T)
    for _ in range(rounds):
        users = solve(
            plays, Side.of(items, unplayed), unplayed=unplayed, strength=strength, growth=growth
        )
        items = solve(
            turned, Side.of(users, unplayed), unplayed=unplayed, strength=strength, growth=growth
        )
    return items
