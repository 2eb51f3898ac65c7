"""What is offered, out of what every source proposes: weigh, filter, explore, diversify. Pure.

Greedy maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998): each place goes to the
track of the highest `relevance - diversity * likeness to the nearest track chosen before`. With
chance `exploration` the place goes to any eligible track instead, all alike; so the chance of
every choice, given those before it, is known exactly, and is told with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Literal

import numpy as np

from functions.recommendations.candidates import (
    AUDIO,
    CHARTS,
    FAMILIAR,
    FRESH,
    LISTENING,
    SEEDS,
    SESSION,
    SOCIAL,
    TEXT,
    Item,
    Pool,
)

WEIGHTS: Mapping[str, float] = {
    LISTENING: 1.0,
    AUDIO: 0.2,
    TEXT: 0.3,
    SOCIAL: 0.35,
    FRESH: 0.35,
    SESSION: 1.2,
    SEEDS: 1.0,
    CHARTS: 0.1,
    FAMILIAR: 0.8,
}
"""How much each source counts before taste and context. Text and audio stand to listening as the
measurements of cold tracks found best; charts only fill up."""

NEW_DAYS = 90
_OUT = np.float32(-np.inf)


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom it is for. `heard` maps track ids to days since they were last played; `blocked` holds
    ids of tracks and artists that the user does not want to see."""

    user_id: str
    market: str | None = None
    explicit: bool = True
    heard: Mapping[str, float] = field(default_factory=dict)
    blocked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """What a list must be like.

    `heard`: "never" leaves out every track ever played, "rest" those played within `rest_days`,
    "any" none. `spacing` other tracks stand between two of an artist where that can be had.
    `freshness` favours new releases, `discovery` (−1 to 1) what few know, or many.
    """

    size: int = 20
    heard: Literal["never", "rest", "any"] = "rest"
    rest_days: float = 2.0
    per_artist: int = 3
    spacing: int = 3
    diversity: float = 0.25
    freshness: float = 0.1
    discovery: float = 0.0
    exploration: float = 0.05


@dataclass(frozen=True, slots=True)
class Chosen:
    """A track at its place. `source` gave it most of its score; `because` is that source's."""

    item: Item
    source: str
    score: float
    propensity: float
    because: tuple[str, ...] = ()


def blend(
    pool: Pool,
    listener: Listener,
    rules: Rules,
    *,
    on: date,
    rng: Random,
    weights: Mapping[str, float] = WEIGHTS,
) -> list[Chosen]:
    """At most `rules.size` tracks of `pool`, in order. Fewer only when no more are eligible."""
    if not len(pool):
        return []
    parts = pool.scores * _column(pool, weights)
    relevance = parts.sum(axis=0)
    highest = float(relevance.max())
    if highest <= 0:
        return []
    relevance /= highest
    if rules.freshness:
        age = np.clip(on.toordinal() - pool.released, 0, NEW_DAYS)
        relevance += rules.freshness * (1 - age.astype(np.float32) / NEW_DAYS)
    if rules.discovery:
        relevance -= rules.discovery * pool.popularity
    relevance[~eligible(pool, listener, rules)] = _OUT
    picked = _choose(pool, relevance, rules, rng)
    strongest = parts.argmax(axis=0)
    return [
        Chosen(
            item=pool.items[row],
            source=(source := pool.sources[strongest[row]]),
            score=float(relevance[row]),
            propensity=propensity,
            because=pool.because[row].get(source, ()),
        )
        for row, propensity in picked
    ]


def eligible(pool: Pool, listener: Listener, rules: Rules) -> np.ndarray:
    """Which rows the listener may be offered: rights, explicit filter, blocks, repetition."""
    allowed = np.ones(len(pool), dtype=bool)
    if not listener.explicit:
        allowed &= ~pool.explicit
    if listener.market is not None and listener.market in pool.blocked:
        allowed[pool.blocked[listener.market]] = False
    for id in listener.blocked:
        if id in pool.members:
            allowed[pool.members[id]] = False
    heard, unwanted = listener.heard, listener.blocked
    if heard or unwanted:
        rest = {"never": float("inf"), "rest": rules.rest_days, "any": -1.0}[rules.heard]
        for row, item in enumerate(pool.items):
            id = item.track_id
            if id in unwanted or (id in heard and heard[id] <= rest):
                allowed[row] = False
    return allowed


def _column(pool: Pool, weights: Mapping[str, float]) -> np.ndarray:
    found = [max(0.0, weights.get(source, 0.0)) for source in pool.sources]
    return np.array(found, dtype=np.float32)[:, None]


def _choose(
    pool: Pool, relevance: np.ndarray, rules: Rules, rng: Random
) -> list[tuple[int, float]]:
    """Rows and their propensities, place by place."""
    value = relevance.copy()
    likeness = np.zeros(len(pool), dtype=np.float32)
    diversify = rules.diversity > 0 and pool.vectors.shape[1] > 0
    counts: dict[str, int] = {}
    last: list[list[np.ndarray]] = []
    picked: list[tuple[int, float]] = []
    while len(picked) < rules.size:
        open_ = value.copy()
        for near in last:
            for rows in near:
                open_[rows] = _OUT
        best = int(open_.argmax())
        if open_[best] == _OUT:  # spacing cannot be had: rather near than not at all
            open_ = value
            best = int(open_.argmax())
            if open_[best] == _OUT:
                break
        row, propensity = best, 1.0
        if rules.exploration > 0:
            choices = np.flatnonzero(open_ != _OUT)
            share = rules.exploration / len(choices)
            if rng.random() < rules.exploration:
                row = int(choices[rng.randrange(len(choices))])
            propensity = share + (1 - rules.exploration if row == best else 0.0)
        picked.append((row, propensity))
        value[row] = _OUT
        here: list[np.ndarray] = []
        for artist_id in pool.items[row].artist_ids:
            rows = pool.members[artist_id]
            here.append(rows)
            counts[artist_id] = counts.get(artist_id, 0) + 1
            if counts[artist_id] >= rules.per_artist:
                value[rows] = _OUT
        last = [*last, here][-rules.spacing :] if rules.spacing else []
        if diversify:
            nearer = np.maximum(likeness, pool.vectors @ pool.vectors[row])
            value -= rules.diversity * (nearer - likeness)
            likeness = nearer
    return picked
