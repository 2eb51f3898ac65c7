"""Where a recording lies by its sound: a vector of its audio features. Pure.

Each part is brought to unit spread by what recordings were measured to vary by, and weighted:
timbre says most about what sounds alike, then energy and its kin, then tempo, then key.
"""

import math
from collections.abc import Mapping

from shared.events import Features

WIDTH = 44
_TIMBRE = 30
_JUDGED: Mapping[str, tuple[float, float]] = {
    "energy": (0.4, 0.25),
    "danceability": (0.6, 0.2),
    "valence": (0.3, 0.2),
    "acousticness": (0.3, 0.25),
    "instrumentalness": (0.7, 0.2),
    "liveness": (0.15, 0.15),
    "speechiness": (0.1, 0.15),
    "loudness": (-18.0, 6.0),
}
"""Mean and spread of each."""


def vector(features: Features | None) -> tuple[float, ...]:
    """`WIDTH` numbers, or none when there are no features, or one of them is no number."""
    if features is None:
        return ()
    timbre = (*features.timbre[:_TIMBRE], *([0.0] * (_TIMBRE - len(features.timbre))))
    judged = [(getattr(features, name) - mean) / spread for name, (mean, spread) in _JUDGED.items()]
    # A tempo and its double are alike: an angle per octave, and how fast it is at all.
    if not math.isfinite(features.tempo_bpm):
        return ()
    octaves = math.log2(features.tempo_bpm / 110) if features.tempo_bpm > 0 else 0.0
    beat = features.confidence if features.tempo_bpm > 0 else 0.0
    tempo = (
        math.cos(2 * math.pi * octaves) * beat,
        math.sin(2 * math.pi * octaves) * beat,
        octaves * beat,
    )
    # Keys are alike as they lie on the circle of fifths; a minor key is its relative major.
    fifths = (features.key + (0 if features.mode else 3)) * 7 % 12
    angle = 2 * math.pi * fifths / 12
    key = (0.5 * math.cos(angle), 0.5 * math.sin(angle), 0.5 * (features.mode - 0.5))
    found = (
        *(0.45 * it for it in timbre),
        *(0.6 * it for it in judged),
        *(0.7 * it for it in tempo),
        *key,
    )
    return found if all(math.isfinite(it) for it in found) else ()
