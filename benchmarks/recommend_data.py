"""Who listens to what, for measuring recommendations, and how it is parted into known and hidden.

HetRec 2011 Last.fm-2k (`SEGUE_DATA`, or ../shared/data, below it listening/hetrec-lastfm-2k; for
research that is not commercial) where it is at hand, else generated listeners with known tastes.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from functions.recommendations.matrix import Matrix

FOLDER = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
HIDDEN = 0.2
"""The share of each listener's tracks that is hidden."""
FEWEST = 5
"""Listeners with fewer are learned from, but not asked about."""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """`plays` are ones. `when` has the same places with days (0: unknown), for those that have
    times at all; `tags` is items × tags, counts, where there are any."""

    name: str
    plays: Matrix
    when: Matrix | None = None
    tags: Matrix | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """`known` is what one learns from; `hidden` what listener by listener is to be found."""

    name: str
    known: Matrix
    hidden: Sequence[np.ndarray]

    @property
    def asked(self) -> np.ndarray:
        return np.flatnonzero([len(it) > 0 for it in self.hidden])


def load() -> Data:
    """HetRec if its files are there, else generated listeners."""
    folder = Path(os.environ.get("SEGUE_DATA") or FOLDER) / "listening" / "hetrec-lastfm-2k"
    return hetrec(folder) if folder.is_dir() else generated()


def hetrec(folder: Path) -> Data:
    """1,892 listeners, 17,632 artists. Times are those of a listener's first tag of an artist."""
    pairs = np.loadtxt(folder / "user_artists.dat", skiprows=1, dtype=np.int64)
    users, user = np.unique(pairs[:, 0], return_inverse=True)
    items, item = np.unique(pairs[:, 1], return_inverse=True)
    shape = (len(users), len(items))
    plays = Matrix((np.ones(len(user), dtype=np.float32), (user, item)), shape=shape)
    tagged = np.loadtxt(folder / "user_taggedartists.dat", skiprows=1, dtype=np.int64)
    tagged = tagged[np.isin(tagged[:, 0], users) & np.isin(tagged[:, 1], items)]
    by, of = np.searchsorted(users, tagged[:, 0]), np.searchsorted(items, tagged[:, 1])
    _, tag = np.unique(tagged[:, 2], return_inverse=True)
    tags = Matrix(
        (np.ones(len(tag), dtype=np.float32), (of, tag)), shape=(len(items), tag.max() + 1)
    )
    day = tagged[:, 5] * 372 + tagged[:, 4] * 31 + tagged[:, 3]
    latest_first = np.argsort(-day, kind="stable")
    first: dict[tuple[int, int], int] = {
        (int(by[at]), int(of[at])): int(day[at]) for at in latest_first
    }
    at = np.array(list(first))
    when = Matrix((list(first.values()), (at[:, 0], at[:, 1])), shape=shape)
    return Data("hetrec-lastfm-2k", plays, when, tags)


def generated(
    users: int = 2_000, items: int = 3_000, tastes: int = 20, each: int = 40, seed: int = 7
) -> Data:
    """Listeners with one to three of `tastes`, who mostly play what belongs to them."""
    rng = np.random.default_rng(seed)
    of_item = rng.integers(tastes, size=items)
    fame = rng.zipf(1.6, size=items).clip(max=1_000).astype(float)
    rows, columns, days = [], [], []
    for user in range(users):
        likes = rng.choice(tastes, size=rng.integers(1, 4), replace=False)
        chance = fame * np.where(np.isin(of_item, likes), 1.0, 0.01)
        chosen = rng.choice(items, size=each, replace=False, p=chance / chance.sum())
        rows += [user] * each
        columns += chosen.tolist()
        days += rng.integers(1, 365, size=each).tolist()
    shape = (users, items)
    plays = Matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    tags = Matrix(
        (np.ones(items, dtype=np.float32), (np.arange(items), of_item)), shape=(items, tastes)
    )
    return Data("generated", plays, Matrix((days, (rows, columns)), shape=shape), tags)


def leave_out(plays: Matrix, seed: int = 0, share: float = HIDDEN) -> Split:
    """Hide a random `share` of every listener's tracks."""
    rng = np.random.default_rng(seed)
    hidden: list[np.ndarray] = []
    for row in range(plays.shape[0]):
        own = plays.indices[plays.indptr[row] : plays.indptr[row + 1]]
        count = round(len(own) * share) if len(own) >= FEWEST else 0
        hidden.append(np.sort(rng.permutation(own)[:count]))
    return _split("leave-20%-out", plays, hidden)


def by_time(plays: Matrix, when: Matrix, share: float = HIDDEN) -> Split:
    """Hide every listener's latest `share` of what has a time; what has none is not used."""
    dated = Matrix(plays.multiply(when > 0))
    hidden: list[np.ndarray] = []
    for row in range(when.shape[0]):
        at = slice(when.indptr[row], when.indptr[row + 1])
        own, days = when.indices[at], when.data[at]
        kept = np.isin(own, dated.indices[dated.indptr[row] : dated.indptr[row + 1]])
        own, days = own[kept], days[kept]
        count = round(len(own) * share) if len(own) >= FEWEST else 0
        hidden.append(np.sort(own[np.argsort(-days, kind="stable")][:count]))
    return _split("temporal", dated, hidden)


def newcomers(plays: Matrix, seed: int = 0, share: float = 0.1, known: int = 5) -> Split:
    """Of one listener in ten only `known` tracks are known, all others hidden."""
    rng = np.random.default_rng(seed)
    hidden: list[np.ndarray] = []
    for row in range(plays.shape[0]):
        own = plays.indices[plays.indptr[row] : plays.indptr[row + 1]]
        few = rng.random() < share and len(own) >= 2 * known
        hidden.append(np.sort(rng.permutation(own)[known:]) if few else own[:0])
    return _split("new-listeners", plays, hidden)


def _split(name: str, plays: Matrix, hidden: Sequence[np.ndarray]) -> Split:
    rows = np.repeat(np.arange(len(hidden)), [len(it) for it in hidden])
    columns = np.concatenate(hidden)
    out = Matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=plays.shape)
    known = Matrix(plays - out)
    known.eliminate_zeros()
    known.sort_indices()
    return Split(name, known, hidden)
