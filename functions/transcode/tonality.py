"""Key and mode from how much of each pitch class there is. Pure.

Krumhansl's key-finding algorithm with the profiles of Albrecht & Shanahan, "The use of large
corpora to train a new type of key-finding algorithm", Music Perception 31(1), 2013.
"""

from dataclasses import dataclass

import numpy as np

_MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
_MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)


@dataclass(frozen=True, slots=True)
class Key:
    """`tonic` from 0 (C) to 11 (B), `mode` 1 major, 0 minor; `fit` the profile's correlation."""

    tonic: int
    mode: int
    fit: float


def key(chroma: np.ndarray) -> Key:
    """The key whose profile correlates best; C major with fit 0 where there is no pitch."""
    if not chroma.any():
        return Key(0, 1, 0.0)
    found = [
        Key(tonic, mode, float(np.corrcoef(np.roll(profile, tonic), chroma)[0, 1]))
        for mode, profile in ((1, _MAJOR), (0, _MINOR))
        for tonic in range(12)
    ]
    best = max(found, key=lambda it: it.fit if np.isfinite(it.fit) else -1.0)
    return best if np.isfinite(best.fit) else Key(0, 1, 0.0)
