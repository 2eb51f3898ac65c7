"""The Web API's tunable attributes: min_, max_ and target_ of what tracks sound like. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from functions.recommendations.candidates import Candidate
from functions.recommendations.known import KnownTrack
from shared.errors import Invalid

ATTRIBUTES: Mapping[str, tuple[float, float, float]] = {
    "acousticness": (0, 1, 0.25),
    "danceability": (0, 1, 0.25),
    "duration_ms": (0, 36_000_000, 60_000),
    "energy": (0, 1, 0.25),
    "instrumentalness": (0, 1, 0.3),
    "key": (0, 11, 1),
    "liveness": (0, 1, 0.3),
    "loudness": (-100, 20, 5),
    "mode": (0, 1, 0.4),
    "popularity": (0, 100, 20),
    "speechiness": (0, 1, 0.25),
    "tempo": (0, 1000, 15),
    "time_signature": (0, 11, 0.5),
    "valence": (0, 1, 0.25),
}
"""Least, most, and by how much a target may be missed before it tells."""

_ALWAYS_KNOWN = ("duration_ms", "popularity")


@dataclass(frozen=True, slots=True)
class Tuning:
    """Bounds (inclusive) and targets by attribute."""

    least: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    target: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.least or self.most or self.target)


def parse(given: Mapping[str, str]) -> Tuning:
    """The tuning that query parameters ask for. Others are left alone.

    Raises:
        Invalid: no number, not finite, out of range (INVALID_ATTRIBUTE), or a minimum above a
            maximum, or a target outside both (CONTRADICTORY_TARGETS).
    """
    parts: dict[str, dict[str, float]] = {"min": {}, "max": {}, "target": {}}
    for name, text in given.items():
        kind, _, attribute = name.partition("_")
        if kind in parts and attribute in ATTRIBUTES:
            parts[kind][attribute] = _number(name, attribute, text)
    tuning = Tuning(parts["min"], parts["max"], parts["target"])
    for attribute in ATTRIBUTES:
        least = tuning.least.get(attribute, -math.inf)
        most = tuning.most.get(attribute, math.inf)
        aim = tuning.target.get(attribute)
        if least > most or (aim is not None and not least <= aim <= most):
            raise Invalid(
                f"no {attribute} is at least {least:g}, at most {most:g}"
                + ("" if aim is None else f" and aims at {aim:g}"),
                code="CONTRADICTORY_TARGETS",
            )
    return tuning


def _number(name: str, attribute: str, text: str) -> float:
    low, high, _ = ATTRIBUTES[attribute]
    try:
        value = float(text) if len(text) <= 40 else math.nan
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and low <= value <= high):
        raise Invalid(f"{name} is a number from {low:g} to {high:g}", code="INVALID_ATTRIBUTE")
    return value


def value_of(track: KnownTrack, attribute: str) -> float | None:
    """What the track has of `attribute`; None when nobody has measured it."""
    if attribute == "duration_ms":
        return float(track.card.duration_ms)
    if attribute == "popularity":
        return float(track.card.popularity)
    if track.features is None:
        return None
    value = float(getattr(track.features, "tempo_bpm" if attribute == "tempo" else attribute))
    return value if math.isfinite(value) else None


def tuned(
    candidates: Iterable[Candidate], tracks: Mapping[str, KnownTrack], tuning: Tuning
) -> list[Candidate]:
    """Those within the bounds, scored down by how far they miss the targets.

    What has no features is within no bound of theirs, and misses every target by far.
    """
    if not tuning:
        return list(candidates)
    found: list[Candidate] = []
    for it in candidates:
        track = tracks.get(it.track_id)
        if track is None or not _within(track, tuning):
            continue
        score = it.score * fit(track, {k: (v, ATTRIBUTES[k][2]) for k, v in tuning.target.items()})
        found.append(Candidate(it.track_id, it.source, score, it.because))
    return found


def fit(track: KnownTrack, targets: Mapping[str, tuple[float, float]]) -> float:
    """From 1, all targets met, towards 0: a Gaussian of the distances in spreads."""
    far = 0.0
    for attribute, (aim, spread) in targets.items():
        value = value_of(track, attribute)
        if value is None:
            far += 4.0
        elif attribute == "key":
            far += (min((value - aim) % 12, (aim - value) % 12) / spread) ** 2
        else:
            far += ((value - aim) / spread) ** 2
    return math.exp(-0.5 * far / max(1, len(targets)))


def _within(track: KnownTrack, tuning: Tuning) -> bool:
    for attribute in {*tuning.least, *tuning.most}:
        value = value_of(track, attribute)
        if value is None:
            return False
        if (
            not tuning.least.get(attribute, -math.inf)
            <= value
            <= tuning.most.get(attribute, math.inf)
        ):
            return False
    return True
