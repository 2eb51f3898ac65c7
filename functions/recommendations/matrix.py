"""Profiles as a sparse matrix, and the vocabulary that its columns are numbered by. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

if TYPE_CHECKING:

    class Matrix:
        """A `scipy.sparse.csr_matrix`, of whose attributes scipy tells type checkers too little."""

        def __init__(self, *_: Any, **__: Any) -> None: ...
        def __getattr__(self, _: str) -> Any: ...
        def __getitem__(self, _: Any) -> Any: ...
        def __matmul__(self, _: Any) -> Any: ...
        def __rmatmul__(self, _: Any) -> Any: ...
        def __add__(self, _: Any) -> Any: ...
        def __sub__(self, _: Any) -> Any: ...
        def __gt__(self, _: Any) -> Any: ...
else:
    Matrix = sparse.csr_matrix
Floats = np.ndarray
Ints = np.ndarray

MIN_LISTENERS = 2
"""A track that one listener played says nothing about another's taste. Chosen on validation."""
MAX_TRACKS = 2_000_000
"""In the model; the rest, the least played, is found by content."""
EVENING = 0.3
"""A user with n tracks counts n**-EVENING in co-occurrence: long profiles say less of each pair."""


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """What some users play: `rows[i]` is `users[i]`'s weights (0 to 1) over `tracks`."""

    users: tuple[str, ...]
    tracks: tuple[str, ...]
    rows: Matrix

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Of tracks: listeners, and listeners each weighted by `n**-EVENING`; of users: how many."""

    tracks: tuple[str, ...]
    listeners: Ints
    evened: Floats
    users: int = 0
    pairs: int = 0

    @classmethod
    def of(cls, profiles: Profiles) -> "Tally":
        sizes = np.diff(profiles.rows.indptr)
        per_pair = np.repeat(evening(sizes), sizes)
        width = len(profiles.tracks)
        return cls(
            profiles.tracks,
            np.bincount(profiles.rows.indices, minlength=width),
            np.bincount(profiles.rows.indices, weights=per_pair, minlength=width),
            int((sizes > 0).sum()),
            int(sizes.sum()),
        )

    @classmethod
    def sum(cls, tallies: Iterable["Tally"]) -> "Tally":
        """All of them as one. Tracks keep the order in which they are met."""
        places: dict[str, int] = {}
        parts = list(tallies)
        for part in parts:
            for track in part.tracks:
                places.setdefault(track, len(places))
        listeners = np.zeros(len(places), dtype=np.int64)
        evened = np.zeros(len(places))
        for part in parts:
            at = np.fromiter((places[it] for it in part.tracks), dtype=np.int64)
            listeners[at] += part.listeners
            evened[at] += part.evened
        return cls(
            tuple(places), listeners, evened,
            sum(it.users for it in parts), sum(it.pairs for it in parts),
        )  # fmt: skip


def evening(sizes: Ints) -> Floats:
    """The weight of users who play so many tracks."""
    return np.maximum(sizes, 1).astype(np.float64) ** -EVENING


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The model's tracks, the most played first; their index is their number everywhere.

    `scale` brings weighted co-occurrence back to the total it has without weights.
    """

    tracks: tuple[str, ...]
    listeners: Ints
    evened: Floats
    scale: float
    users: int
    places: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.tracks)

    @classmethod
    def of(cls, tally: Tally, min_listeners: int = MIN_LISTENERS) -> "Vocabulary":
        names = np.array(tally.tracks, dtype=object)
        order = np.lexsort((names.astype(str), -tally.listeners)) if len(names) else np.arange(0)
        order = order[tally.listeners[order] >= min_listeners][:MAX_TRACKS]
        tracks = tuple(names[order])
        evened = float(tally.evened.sum())
        return cls(
            tracks=tracks,
            listeners=tally.listeners[order],
            evened=tally.evened[order],
            scale=tally.pairs / evened if evened else 1.0,
            users=tally.users,
            places={track: at for at, track in enumerate(tracks)},
        )

    def index(self, profiles: Profiles) -> Matrix:
        """The rows of `profiles` over this vocabulary; tracks that are not in it are left out."""
        columns = np.fromiter(
            (self.places.get(it, -1) for it in profiles.tracks),
            dtype=np.int32,
            count=len(profiles.tracks),
        )
        rows = profiles.rows
        new = columns[rows.indices] if len(columns) else rows.indices
        keep = new >= 0
        counts = np.concatenate([[0], np.cumsum(keep)])
        found = Matrix(
            (rows.data[keep], new[keep], counts[rows.indptr]), shape=(len(profiles), len(self))
        )
        found.sort_indices()
        return found


def row_bounds(listeners: Sequence[int] | Ints, budget: int, longest: int = 4096) -> Ints:
    """Where row tiles of the co-occurrence matrix begin, and where the last one ends.

    Rows of much played tracks are long, so their tiles are short: the listeners of a tile's
    tracks add up to `budget` at most (a single row may exceed it), its rows are `longest` at most.
    """
    bounds, total, begin = [0], 0, 0
    for row, count in enumerate(np.asarray(listeners).tolist()):
        if row > begin and (total + count > budget or row - begin >= longest):
            bounds.append(row)
            begin, total = row, 0
        total += count
    bounds.append(len(listeners))
    return np.array(bounds if len(listeners) else [0], dtype=np.int64)
