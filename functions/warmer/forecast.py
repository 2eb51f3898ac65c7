"""How often each release will be asked for at each edge in the hours to come. Pure.

Three signals, each of which sees what the others cannot:

    pre-saves            how many here wait for a release: all there is before it is out anywhere
    earlier time zones   what it really draws where its day has begun already
    plays here           what it draws here, by hour of the day, once it is out

Counts are small, so none is believed blindly: the forecast is the mean of a gamma distribution
whose prior comes from the pre-saves, updated by the plays seen elsewhere and here (a conjugate
prior to Poisson counts). A rate that two plays suggest moves little, one of two hundred a lot.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PLAYS_PER_PRESAVE = 1.0
"""First-day plays for each pre-save, before the releases of the last days have taught better."""
PRIOR_PLAYS = 2.0
"""How many plays' worth of belief the pre-saves get: below it they lead, above it plays do."""
TAU_S = 24 * 3600.0
"""Demand for a release falls to 1/e of its first hour's in this time."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of one release for one edge.

    `presaves_here` and `presaves` count who waits for it, here and in all. `seen` are plays in
    markets where it is out, `seen_share` the share of all listening that those markets have
    (so that plays can be scaled), `seen_s` for how long it has been out there, at the longest.
    """

    track_id: str
    size_bytes: int
    presaves_here: int = 0
    presaves: int = 0
    seen: int = 0
    seen_share: float = 0.0
    seen_s: float = 0.0


def expected_plays(
    signals: Signals,
    *,
    share: float,
    horizon_s: float,
    age_s: float = 0.0,
    per_presave: float = PLAYS_PER_PRESAVE,
) -> float:
    """Plays to expect at an edge that has `share` of all listening, from `age_s` after the release
    comes out there, for `horizon_s`.

    `per_presave` is what releases before have drawn on their first day for each pre-save.
    """
    # Pre-saves here are few: what is waited for elsewhere tells more than chance does here.
    waiting = (signals.presaves_here + signals.presaves * share) / 2
    first_day = waiting * per_presave
    seen_part = _part(signals.seen_s) * signals.seen_share / share if share > 0 else 0.0
    # Gamma(shape, rate): `rate` counts first days at this edge that are believed to be seen.
    rate = PRIOR_PLAYS / first_day if first_day > 0 else 1.0
    shape = first_day * rate
    believed = (shape + signals.seen) / (rate + seen_part)
    return believed * (_part(age_s + horizon_s) - _part(age_s))


def chance_of_use(expected: float) -> float:
    """That at least one of a Poisson number of plays comes."""
    return 1.0 - math.exp(-expected)


def per_presave(plays: Mapping[str, int], presaves: Mapping[str, int]) -> float:
    """First-day plays for each pre-save of releases that have had their first day."""
    waited = sum(presaves.values())
    drawn = sum(plays.get(track_id, 0) for track_id in presaves)
    # As much belief in the standing figure as in a thousand pre-saves.
    return (drawn + 1000 * PLAYS_PER_PRESAVE) / (waited + 1000)


def shares(plays_by_territory: Mapping[str, int], served: Iterable[str]) -> float:
    """The share of all listening that the territories `served` have."""
    total = sum(plays_by_territory.values())
    return sum(plays_by_territory.get(one, 0) for one in served) / total if total else 0.0


def _part(seconds: float) -> float:
    """Which part of a release's first day's plays has come `seconds` after it came out."""
    whole = 1.0 - math.exp(-86_400 / TAU_S)
    return (1.0 - math.exp(-max(0.0, seconds) / TAU_S)) / whole
