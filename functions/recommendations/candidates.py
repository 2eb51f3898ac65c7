"""What sources propose, and what is known of the tracks that they propose. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

LISTENING = "listening"
AUDIO = "audio"
TEXT = "text"
SOCIAL = "social"
FRESH = "fresh"
SESSION = "session"
SEEDS = "seeds"
CHARTS = "charts"
FAMILIAR = "familiar"
SOURCES = (LISTENING, AUDIO, TEXT, SOCIAL, FRESH, SESSION, SEEDS, CHARTS, FAMILIAR)
"""Every source has one interface: it answers candidates for a listener, best first."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A track that `source` proposes. Scores compare within their source only; `because` are the
    ids of tracks, artists or users that explain it, the strongest first."""

    track_id: str
    source: str
    score: float
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """What blending must know of a track. `plays`: it has audio and was not taken down.

    `vector` says where it lies among others (any length, the same for all); empty: unknown.
    """

    track_id: str
    artist_ids: tuple[str, ...]
    genres: tuple[str, ...] = ()
    explicit: bool = False
    blocked_markets: frozenset[str] = frozenset()
    released_on: date | None = None
    popularity: int = 0
    plays: bool = True
    vector: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Candidates ready to be blended, each track once: made once, blended many times.

    `scores` is sources × tracks, each source's best at 1; `vectors` has rows of length 1, or of
    zeros where nothing is known; `members` are the rows of each artist's tracks.
    """

    items: tuple[Item, ...]
    sources: tuple[str, ...]
    scores: np.ndarray
    because: tuple[Mapping[str, tuple[str, ...]], ...]
    vectors: np.ndarray
    popularity: np.ndarray
    released: np.ndarray
    explicit: np.ndarray
    members: Mapping[str, np.ndarray]
    blocked: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.items)


def gather(candidates: Iterable[Candidate], items: Mapping[str, Item], most: int = 400) -> Pool:
    """The pool of `candidates` that are known and play; the `most` that their sources rank best.

    A score that is no number, or not above nought, proposes nothing. `items` must answer for
    every id: a merged track under its old id too, so that both become one candidate.
    """
    best: dict[str, dict[str, float]] = {}
    because: dict[str, dict[str, tuple[str, ...]]] = {}
    known: dict[str, Item] = {}
    for candidate in candidates:
        item = items.get(candidate.track_id)
        if item is None or not item.plays:
            continue
        if not math.isfinite(candidate.score) or candidate.score <= 0:
            continue
        id = item.track_id
        of = best.setdefault(candidate.source, {})
        if candidate.score > of.get(id, 0.0):
            of[id] = candidate.score
            because.setdefault(id, {})[candidate.source] = candidate.because
            known[id] = item
    sources = tuple(it for it in SOURCES if it in best)
    return _pool(_ranked(best, sources, most), sources, best, because, known)


def _ranked(
    best: Mapping[str, Mapping[str, float]], sources: Sequence[str], most: int
) -> list[str]:
    """Ids in the order of the best rank that any source gives them: no source is crowded out."""
    rank: dict[str, int] = {}
    for source in sources:
        of = best[source]
        for place, id in enumerate(sorted(of, key=lambda id: (-of[id], id))):
            rank[id] = min(place, rank.get(id, place))
    return sorted(rank, key=lambda id: (rank[id], id))[:most]


def _pool(
    ids: Sequence[str],
    sources: tuple[str, ...],
    best: Mapping[str, Mapping[str, float]],
    because: Mapping[str, Mapping[str, tuple[str, ...]]],
    known: Mapping[str, Item],
) -> Pool:
    items = tuple(known[id] for id in ids)
    scores = np.zeros((len(sources), len(ids)), dtype=np.float32)
    for row, source in enumerate(sources):
        of = best[source]
        highest = max(of.values())
        scores[row] = [of.get(id, 0.0) / highest for id in ids]
    members: dict[str, list[int]] = {}
    blocked: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        for artist_id in item.artist_ids:
            members.setdefault(artist_id, []).append(row)
        for market in item.blocked_markets:
            blocked.setdefault(market, []).append(row)
    return Pool(
        items=items,
        sources=sources,
        scores=scores,
        because=tuple(because[id] for id in ids),
        vectors=unit_rows([it.vector for it in items]),
        popularity=np.array([it.popularity / 100 for it in items], dtype=np.float32),
        released=np.array(
            [it.released_on.toordinal() if it.released_on else 0 for it in items], dtype=np.int32
        ),
        explicit=np.array([it.explicit for it in items], dtype=bool),
        members={id: np.array(rows) for id, rows in members.items()},
        blocked={market: np.array(rows) for market, rows in blocked.items()},
    )


def unit_rows(vectors: Sequence[Sequence[float]]) -> np.ndarray:
    """Vectors as rows of length 1, float32; zeros for one that is empty, nought, no number, or
    of another length than the first."""
    width = next((len(it) for it in vectors if len(it)), 0)
    rows = np.zeros((len(vectors), width), dtype=np.float32)
    for row, vector in enumerate(vectors):
        if len(vector) == width:
            rows[row] = vector
    rows[~np.isfinite(rows).all(axis=1)] = 0.0
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)
