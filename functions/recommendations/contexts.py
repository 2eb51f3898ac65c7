"""What the moment asks for: time of day, device, activity. Pure.

Each part multiplies the weights of sources and shifts a list's rules a little: a morning wants
the familiar, an evening the new; running wants a steady, energetic beat.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from functions.recommendations.blending import WEIGHTS, Rules
from functions.recommendations.candidates import (
    AUDIO,
    CHARTS,
    FAMILIAR,
    FRESH,
    SESSION,
    SOCIAL,
    TEXT,
)
from shared.errors import Invalid

DEVICES = ("mobile", "desktop", "tablet", "speaker", "car", "tv")
ACTIVITIES = ("running", "workout", "focus", "relaxing", "party", "commuting", "sleeping")
TIMES = ("morning", "day", "evening", "night")

_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "morning": {FAMILIAR: 1.3, FRESH: 0.9},
    "evening": {FRESH: 1.2, SOCIAL: 1.2},
    "night": {FAMILIAR: 1.1, SESSION: 1.2, FRESH: 0.8},
    "speaker": {FAMILIAR: 1.2, CHARTS: 1.5},
    "car": {FAMILIAR: 1.4},
    "tv": {CHARTS: 1.5, SOCIAL: 1.2},
    "running": {AUDIO: 1.6},
    "workout": {AUDIO: 1.6},
    "focus": {AUDIO: 1.6, TEXT: 0.5, CHARTS: 0.3},
    "relaxing": {AUDIO: 1.4, FAMILIAR: 1.2},
    "party": {CHARTS: 2.0, SOCIAL: 1.5, FAMILIAR: 1.2},
    "commuting": {FAMILIAR: 1.2, FRESH: 1.2},
    "sleeping": {AUDIO: 1.5, FRESH: 0.5, CHARTS: 0.2},
}
_WANTED: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "running": {"energy": (0.75, 0.2), "tempo": (160.0, 25.0), "danceability": (0.7, 0.3)},
    "workout": {"energy": (0.85, 0.2), "tempo": (135.0, 25.0)},
    "focus": {"speechiness": (0.0, 0.15), "instrumentalness": (0.9, 0.3), "energy": (0.4, 0.3)},
    "relaxing": {"energy": (0.25, 0.2), "acousticness": (0.6, 0.4)},
    "party": {"danceability": (0.85, 0.25), "energy": (0.75, 0.25)},
    "sleeping": {"energy": (0.1, 0.15), "acousticness": (0.7, 0.4)},
}


@dataclass(frozen=True, slots=True)
class Context:
    """The moment. Empty where nothing is known of it."""

    time: str = ""
    device: str = ""
    activity: str = ""

    @property
    def told(self) -> str:
        """As it is logged: `evening/mobile/running`."""
        return f"{self.time}/{self.device}/{self.activity}"


def context(hour: int | None, device: str | None, activity: str | None) -> Context:
    """The context of an hour of the listener's day (0 to 23), a device and an activity.

    Raises:
        Invalid: a word that is none of these (code INVALID_CONTEXT).
    """
    for value, known, what in ((device, DEVICES, "device"), (activity, ACTIVITIES, "activity")):
        if value and value not in known:
            raise Invalid(f"{what} is one of {', '.join(known)}", code="INVALID_CONTEXT")
    return Context("" if hour is None else time_of(hour), device or "", activity or "")


def time_of(hour: int) -> str:
    """Which part of the day an hour belongs to."""
    if 5 <= hour < 11:
        return "morning"
    if 11 <= hour < 17:
        return "day"
    return "evening" if 17 <= hour < 23 else "night"


def weights(of: Context, base: Mapping[str, float] = WEIGHTS) -> dict[str, float]:
    """`base` as the moment changes it."""
    found = dict(base)
    for part in (of.time, of.device, of.activity):
        for source, factor in _WEIGHTS.get(part, {}).items():
            found[source] = found.get(source, 0.0) * factor
    return found


def rules(of: Context, base: Rules) -> Rules:
    """`base` as the moment changes it: who drives or runs wants no experiments."""
    if of.device == "car" or of.activity in ("running", "workout", "focus", "sleeping"):
        return replace(base, exploration=base.exploration / 2, diversity=base.diversity * 0.7)
    if of.time == "evening":
        return replace(base, exploration=min(0.2, base.exploration * 1.2))
    return base


def wanted(of: Context) -> Mapping[str, tuple[float, float]]:
    """Attributes that the activity asks for: (aim, spread), as `tuning` takes them."""
    return _WANTED.get(of.activity, {})
