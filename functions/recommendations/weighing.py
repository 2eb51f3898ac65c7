"""How much each source shall count, fitted to what held-out listeners turn out to play. Pure.

An example is a track that some source proposes to a listener of whom a part is hidden: its scores
by source, and whether it was hidden. The weights are a logistic regression's, drawn to those that
were set by hand. What much played tracks are found by was likelier to be played whoever proposed
it: a hit counts the inverse of how likely its exposure was (Schnabel et al., "Recommendations as
treatments", ICML 2016), with a bound. Weights are adopted only if they find more than the prior
does, on listeners that they were not fitted to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from functions.recommendations.blending import WEIGHTS
from functions.recommendations.candidates import AUDIO, CHARTS, LISTENING, SOCIAL, TEXT
from functions.recommendations.matrix import Floats, Ints

FITTED = (LISTENING, AUDIO, TEXT, SOCIAL, CHARTS)
"""What is hidden is not hidden by its date: by that `fresh` cannot be judged, and keeps its own."""
LISTENERS = 200
"""Fewer teach nothing: the prior stays."""
MOST = 400_000
"""Examples in memory together, at most: 10 MB."""
LEAST, HIGHEST = 0.25, 4.0
"""No source falls below a quarter of its prior, none rises above four times that."""
FIRMNESS = 2.0
"""How sure the prior is: a weight's standard deviation is its own size divided by this."""
LEAST_EXPOSED = 0.1
TOP = 20


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Rows of scores by source (`FITTED`, each listener's best 1), whether it is a `hit`, what a
    hit counts, and the number of its listener."""

    scores: Floats
    hits: Floats
    counts: Floats
    listeners: Ints

    def __len__(self) -> int:
        return len(self.hits)

    @classmethod
    def nothing(cls) -> "Examples":
        none = np.zeros(0, dtype=np.float32)
        return cls(np.zeros((0, len(FITTED)), np.float32), none, none, np.zeros(0, dtype=np.int64))

    @classmethod
    def sum(cls, parts: Iterable["Examples"], most: int = MOST) -> "Examples":
        """All of them, or every so many-th listener's. Numbers of listeners differ in each part."""
        known = [it for it in parts if len(it)]
        if not known:
            return cls.nothing()
        whole = cls(
            np.concatenate([it.scores for it in known]),
            np.concatenate([it.hits for it in known]),
            np.concatenate([it.counts for it in known]),
            np.concatenate([it.listeners for it in known]),
        )
        if len(whole) <= most:
            return whole
        every = -(-len(whole) // most)
        kept = whole.listeners % every == 0
        return whole.taken(kept)

    def taken(self, rows: np.ndarray) -> "Examples":
        """Some of the rows."""
        return Examples(self.scores[rows], self.hits[rows], self.counts[rows], self.listeners[rows])


@dataclass(frozen=True, slots=True)
class Weights:
    """What a generation blends by. `adopted`: the fitted ones, else the prior; `why` says so.

    `prior_found` and `found` are recall@20 of both on listeners that neither was fitted to.
    """

    values: dict[str, float]
    adopted: bool
    why: str
    listeners: int = 0
    prior_found: float = 0.0
    found: float = 0.0


def exposure(listeners: Floats) -> Floats:
    """How likely it was that someone met tracks with so many listeners, the most played being 1:
    the root of their share of it, `LEAST_EXPOSED` at least."""
    highest = max(1.0, float(np.max(listeners, initial=0)))
    return np.maximum(np.sqrt(listeners / highest), LEAST_EXPOSED)


def fit(examples: Examples, prior: Mapping[str, float] = WEIGHTS) -> Weights:
    """The weights to blend by: `prior` with those of `FITTED` as the examples have them."""
    listeners = np.unique(examples.listeners[examples.hits > 0])
    if len(listeners) < LISTENERS:
        why = f"{len(listeners)} held-out listeners are too few: {LISTENERS} are needed"
        return Weights(dict(prior), False, why, len(listeners))
    other = examples.listeners % 2 == 1
    trial = _fitted(examples.taken(~other), prior)
    test = examples.taken(other)
    before, after = recalls(test, prior), recalls(test, trial)
    gain = after - before
    if len(gain) < 2:
        why = "hits are of too few held-out listeners to be judged by"
        return Weights(dict(prior), False, why, len(listeners))
    error = float(gain.std(ddof=1) / np.sqrt(len(gain)))
    found = (len(listeners), round(float(before.mean()), 4), round(float(after.mean()), 4))
    if gain.mean() <= error:
        why = f"fitted ones find {gain.mean():+.4f} ± {error:.4f}, which is no gain"
        return Weights(dict(prior), False, why, *found)
    why = f"they find {gain.mean():+.4f} ± {error:.4f} more than those set by hand"
    return Weights(_fitted(examples, prior), True, why, *found)


def recalls(examples: Examples, weights: Mapping[str, float], top: int = TOP) -> Floats:
    """For each listener with a hit, what share of the hits' counts is among the `top`."""
    value = examples.scores @ np.array([weights[it] for it in FITTED], dtype=np.float32)
    order = np.lexsort((-value, examples.listeners))
    who = examples.listeners[order]
    rank = np.arange(len(order)) - np.searchsorted(who, who)
    gained = (examples.hits * examples.counts)[order]
    _, at = np.unique(who, return_inverse=True)
    all_of = np.bincount(at, weights=gained)
    near = np.bincount(at, weights=gained * (rank < top))
    return near[all_of > 0] / all_of[all_of > 0]


def _fitted(examples: Examples, prior: Mapping[str, float]) -> dict[str, float]:
    before = np.array([prior[it] for it in FITTED])
    weight = np.where(examples.hits > 0, examples.counts, 1.0)
    base = examples.scores @ before
    scale, bias = _newton(base[:, None], examples.hits, weight, np.zeros(1), np.zeros(1))
    centre = max(float(scale[0]), 1e-3) * before
    firm = (FIRMNESS / np.maximum(centre, 1e-6)) ** 2
    point, _ = _newton(examples.scores, examples.hits, weight, centre, firm, bias)
    ratio = point / max(float(point[0]), 1e-6) * before[0]
    bounded = np.clip(ratio, LEAST * before, HIGHEST * before)
    fitted = {it: round(float(value), 4) for it, value in zip(FITTED, bounded, strict=True)}
    return {**prior, **fitted}


def _newton(
    x: Floats, y: Floats, weight: Floats, centre: Floats, firm: Floats, bias: float = 0.0
) -> tuple[Floats, float]:
    """Maximum of a weighted logistic likelihood with Gaussians of precision `firm` around `centre`;
    a bias without one."""
    rows = np.hstack([x, np.ones((len(x), 1))]).astype(np.float64)
    at = np.append(centre, bias)
    aim, sure = at.copy(), np.append(firm, 0.0)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(rows @ at, -30, 30)))
        slope = rows.T @ (weight * (y - chance)) - sure * (at - aim)
        curve = (rows * (weight * chance * (1 - chance))[:, None]).T @ rows
        step = np.linalg.solve(curve + np.diag(sure + 1e-6), slope)
        at = at + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-6:
            break
    return at[:-1], float(at[-1])


def example(
    sources: Sequence[str], scores: Floats, hit: np.ndarray, listeners: Floats, number: int
) -> Examples:
    """A listener's pool (`scores` is sources × tracks); `listeners` of its tracks as shares of the
    most played one's, `hit` which were hidden."""
    rows = np.zeros((scores.shape[1], len(FITTED)), dtype=np.float32)
    for at, source in enumerate(sources):
        if source in FITTED:
            rows[:, FITTED.index(source)] = scores[at]
    return Examples(
        rows,
        hit.astype(np.float32),
        (1 / exposure(listeners)).astype(np.float32),
        np.full(len(rows), number, dtype=np.int64),
    )
