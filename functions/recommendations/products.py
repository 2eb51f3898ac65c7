"""The lists that are made for everyone: Discover Weekly, Daily Mixes, release radar. Pure.

All are functions of what they are given: the same generation gives the same list again, so a
batch that is run twice changes nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

import numpy as np

from functions.recommendations.blending import WEIGHTS, Chosen, Listener, Rules, blend
from functions.recommendations.candidates import (
    CHARTS,
    FAMILIAR,
    FRESH,
    LISTENING,
    Candidate,
    Item,
    Pool,
    gather,
    unit_rows,
)
from functions.recommendations.explaining import joined
from shared.ids import derived_id

DISCOVER_WEEKLY = "discover-weekly"
DAILY_MIX = "daily-mix"
RELEASE_RADAR = "release-radar"

MOST_MIXES = 6
MIX_SIZE = 25
FEWEST_LOVED = 3
"""Loved tracks that make a taste: fewer make no mix of their own."""
RADAR_DAYS = 28

BEYOND = 4
"""Of the thirty, for what listening does not propose: were they left to their scores, tracks that
nobody has played would never get a listener to be known by."""
MIX_BEYOND = 2

_WEEKLY = Rules(
    size=30, heard="never", per_artist=2, spacing=4, diversity=0.3, freshness=0.05,
    discovery=0.1, exploration=0.05,
)  # fmt: skip
_MIX = Rules(
    size=MIX_SIZE, heard="rest", rest_days=0.5, per_artist=4, spacing=2, diversity=0.15,
    freshness=0.0, exploration=0.03,
)  # fmt: skip
_RADAR = Rules(
    size=30, heard="never", per_artist=2, spacing=2, diversity=0.1, freshness=0.6, exploration=0.0
)


@dataclass(frozen=True, slots=True)
class Mix:
    """A list for one user. `kind` and `number` say which; `tracks` in order."""

    user_id: str
    kind: str
    number: int | None
    title: str
    tracks: tuple[Chosen, ...]

    @property
    def playlist_id(self) -> str:
        """The same for every generation: the playlist stays, its items change."""
        return derived_id("mix", self.user_id, self.kind, str(self.number or 0))


@dataclass(frozen=True, slots=True)
class Loved:
    """A track that the user listens to, and how much of their listening it is."""

    item: Item
    weight: float


def discover_weekly(
    pool: Pool,
    listener: Listener,
    *,
    generation: str,
    on: date,
    weights: Mapping[str, float] = WEIGHTS,
) -> Mix:
    """Thirty tracks that the listener never played, `BEYOND` of them found by other ways than by
    listening, where there are as many."""
    rng = _random(listener.user_id, DISCOVER_WEEKLY, generation)
    tracks = _with_beyond(pool, listener, _WEEKLY, BEYOND, on=on, rng=rng, weights=weights)
    return Mix(listener.user_id, DISCOVER_WEEKLY, None, "Discover Weekly", tuple(tracks))


def _with_beyond(
    pool: Pool,
    listener: Listener,
    rules: Rules,
    places: int,
    *,
    on: date,
    rng: Random,
    weights: Mapping[str, float],
) -> list[Chosen]:
    """A blend in which `places`, evenly spread, belong to tracks that neither listening nor the
    charts propose, each by an artist who is not in it yet. What there are too few of, others fill.
    """
    tracks = blend(pool, listener, rules, on=on, rng=rng, weights=weights)
    rows = np.flatnonzero(_beyond(pool))
    if not len(rows):
        return tracks
    found = {pool.items[row].track_id for row in rows}
    missing = places - sum(it.item.track_id in found for it in tracks[: rules.size - places])
    if missing <= 0:
        return tracks
    kept = tracks[: rules.size - missing]
    there = {id for it in kept for id in (it.item.track_id, *it.item.artist_ids)}
    more = blend(
        taken(pool, rows), replace(listener, blocked=listener.blocked | there),
        replace(rules, size=missing, per_artist=1), on=on, rng=rng, weights=weights,
    )  # fmt: skip
    tracks = tracks[: rules.size - len(more)]
    for number, chosen in enumerate(more, start=1):
        tracks.insert(min(len(tracks), number * rules.size // (len(more) + 1)), chosen)
    return tracks


def _beyond(pool: Pool) -> np.ndarray:
    """Which tracks of a pool only other sources know than listening and the charts."""
    known = [at for at, source in enumerate(pool.sources) if source in (LISTENING, CHARTS)]
    return np.logical_not((pool.scores[known] > 0).any(axis=0))


def release_radar(pool: Pool, listener: Listener, *, generation: str, on: date) -> Mix:
    """What came out within `RADAR_DAYS` by artists that the user follows or plays, then others.

    Empty when nothing came out: the last one then stays.
    """
    since = (on - timedelta(days=RADAR_DAYS)).toordinal()
    rows = np.flatnonzero((pool.released >= since) & (pool.released <= on.toordinal()))
    tracks: list[Chosen] = []
    if len(rows):
        tracks = blend(
            taken(pool, rows), listener, _RADAR, on=on, weights={**WEIGHTS, FRESH: 1.0},
            rng=_random(listener.user_id, RELEASE_RADAR, generation),
        )  # fmt: skip
    return Mix(listener.user_id, RELEASE_RADAR, None, "Release Radar", tuple(tracks))


def daily_mixes(
    loved: Sequence[Loved],
    pool: Pool,
    listener: Listener,
    *,
    generation: str,
    on: date,
    weights: Mapping[str, float] = WEIGHTS,
) -> tuple[Mix, ...]:
    """At most `MOST_MIXES` lists, one for each taste that shows in `loved`: mostly what the user
    knows of it, a third new.

    A track stands in one mix only. The mixes keep their order, the largest taste first.
    """
    usable = [it for it in loved if it.item.plays and it.weight > 0]
    groups = tastes(usable)
    found: list[Mix] = []
    near = _nearest(pool, usable, groups)
    for number, group in enumerate(groups, start=1):
        own = [usable[row] for row in group]
        heaviest = max(it.weight for it in own)
        familiar = [
            Candidate(it.item.track_id, FAMILIAR, it.weight / heaviest, it.item.artist_ids[:1])
            for it in own
        ]
        fresh = [
            Candidate(pool.items[row].track_id, source, float(pool.scores[at, row]), because)
            for row in np.flatnonzero(near == number - 1)
            for at, source in enumerate(pool.sources)
            if pool.scores[at, row] > 0
            for because in (pool.because[row].get(source, ()),)
        ]
        items = {it.item.track_id: it.item for it in own}
        items |= {pool.items[row].track_id: pool.items[row] for row in range(len(pool))}
        tracks = _interleaved(
            familiar, fresh, items, listener, f"{generation}/{number}", on, weights
        )
        if len(tracks) >= FEWEST_LOVED:
            title = f"Daily Mix {len(found) + 1}"
            found.append(Mix(listener.user_id, DAILY_MIX, len(found) + 1, title, tuple(tracks)))
    return tuple(found)


def description(mix: Mix, names: Mapping[str, str]) -> str:
    """`Radiohead, Björk and more`: whom the list holds most of."""
    counts: dict[str, int] = {}
    for chosen in mix.tracks:
        for artist_id in chosen.item.artist_ids[:1]:
            counts[artist_id] = counts.get(artist_id, 0) + 1
    most = sorted(counts, key=lambda id: -counts[id])
    shown = [names[id] for id in most if names.get(id)][:3]
    if not shown:
        return "Made for you"
    return joined([*shown, "more"]) if len(most) > len(shown) else joined(shown)


def tastes(loved: Sequence[Loved], most: int = MOST_MIXES) -> list[list[int]]:
    """Rows of `loved` in groups of like tracks, the group of the largest weight first.

    Spherical k-means on the vectors, begun from tracks far apart and heavy; groups too small
    are dissolved into their neighbours. Tracks without a vector go by their genres.
    """
    if len(loved) < FEWEST_LOVED:
        return []
    vectors = unit_rows([it.item.vector for it in loved])
    if not vectors.any():
        vectors = _genre_rows(loved)
    weights = np.array([it.weight for it in loved], dtype=np.float64)
    count = min(most, max(1, len(loved) // (2 * FEWEST_LOVED)))
    centres = _apart(vectors, weights, count)
    group = np.zeros(len(loved), dtype=int)
    for _ in range(20):
        nearest = (vectors @ centres.T).argmax(axis=1)
        if (nearest == group).all() and _ > 0:
            break
        group = nearest
        centres = unit_rows(
            [
                (vectors[group == it] * weights[group == it, None]).sum(axis=0).tolist()
                if (group == it).any()
                else centres[it].tolist()
                for it in range(len(centres))
            ]
        )
    sizes = np.bincount(group, minlength=len(centres))
    large = np.flatnonzero(sizes >= FEWEST_LOVED)
    if not len(large):
        return [list(range(len(loved)))]
    group = large[(vectors @ centres[large].T).argmax(axis=1)]
    groups = [np.flatnonzero(group == it).tolist() for it in large]
    return sorted(groups, key=lambda rows: -weights[rows].sum())


def _apart(vectors: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """`count` rows, each heavy and far from those before it; fewer when none is far enough."""
    chosen = [int(weights.argmax())]
    while len(chosen) < count:
        distance = 1 - (vectors @ vectors[chosen].T).max(axis=1)
        distance[chosen] = 0
        value = distance * np.sqrt(weights)
        if distance[best := int(value.argmax())] < 0.2:
            break
        chosen.append(best)
    return vectors[chosen]


def _genre_rows(loved: Sequence[Loved]) -> np.ndarray:
    genres = {
        genre: at for at, genre in enumerate(sorted({g for it in loved for g in it.item.genres}))
    }
    rows = np.zeros((len(loved), len(genres) + 1))
    for row, it in enumerate(loved):
        for genre in it.item.genres:
            rows[row, genres[genre]] = 1.0
        if not it.item.genres:
            rows[row, -1] = 1.0
    return unit_rows(rows.tolist())


def _nearest(pool: Pool, loved: Sequence[Loved], groups: Sequence[Sequence[int]]) -> np.ndarray:
    """For each row of `pool`, the group it is nearest to; −1 where there is no telling."""
    nearest = np.full(len(pool), -1)
    if not groups or not len(pool):
        return nearest
    vectors = unit_rows([it.item.vector for it in loved])
    if vectors.shape[1] and vectors.shape[1] == pool.vectors.shape[1]:
        centres = unit_rows([vectors[list(rows)].sum(axis=0).tolist() for rows in groups])
        known = pool.vectors.any(axis=1)
        nearest[known] = (pool.vectors[known] @ centres.T).argmax(axis=1)
    for row in np.flatnonzero(nearest < 0):
        alike = [
            sum(bool(set(loved[at].item.genres) & set(pool.items[row].genres)) for at in rows)
            / len(rows)
            for rows in groups
        ]
        if max(alike) > 0:
            nearest[row] = int(np.argmax(alike))
    return nearest


def _interleaved(
    familiar: Sequence[Candidate],
    fresh: Sequence[Candidate],
    items: Mapping[str, Item],
    listener: Listener,
    seed: str,
    on: date,
    weights: Mapping[str, float],
) -> list[Chosen]:
    """Two familiar ones, a new one, and so on; whichever is left fills up."""
    rng = _random(listener.user_id, DAILY_MIX, seed)
    old = blend(gather(familiar, items), listener, _MIX, on=on, rng=rng)
    rules = replace(_MIX, heard="never", size=MIX_SIZE)
    less = {**weights, CHARTS: 0.5 * weights[CHARTS]}
    new = _with_beyond(
        gather(fresh, items), listener, rules, MIX_BEYOND, on=on, rng=rng, weights=less
    )
    tracks: list[Chosen] = []
    while (old or new) and len(tracks) < MIX_SIZE:
        take_new = new and (not old or len(tracks) % 3 == 2)
        tracks.append((new if take_new else old).pop(0))
    return tracks


def taken(pool: Pool, rows: np.ndarray) -> Pool:
    """The pool of some rows only."""
    place = {int(row): at for at, row in enumerate(rows)}

    def kept(index: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = {key: [place[r] for r in old.tolist() if r in place] for key, old in index.items()}
        return {key: np.array(new) for key, new in found.items() if new}

    return replace(
        pool,
        items=tuple(pool.items[row] for row in rows),
        scores=pool.scores[:, rows],
        because=tuple(pool.because[row] for row in rows),
        vectors=pool.vectors[rows],
        popularity=pool.popularity[rows],
        released=pool.released[rows],
        explicit=pool.explicit[rows],
        members=kept(pool.members),
        blocked=kept(pool.blocked),
    )


def _random(*parts: str) -> Random:
    """The same numbers for the same parts, on every machine."""
    return Random(hashlib.sha256("/".join(parts).encode()).digest())  # noqa: S311
