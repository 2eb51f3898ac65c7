"""How fast the line is, and which rendition that allows: hls.js's estimator in numbers only.

Two exponentially weighted averages, a quick and a slow one; the lower counts, so that the
estimate falls fast and rises with care. Half-lives, the minimal sample of 50 ms, and the
factors 0.95 (stay) and 0.7 (go up) are hls.js's defaults for recorded media, only the start is
lower (`src/utils/ewma-bandwidth-estimator.ts`, `abrEwmaFastVoD`, `abrBandWidthUpFactor`).
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

DEFAULT_BPS = 140_000.0
"""Before any measure: enough for 96 kbit/s, so that the first sound comes soon on any line."""
STAY_FACTOR = 0.95
UP_FACTOR = 0.7
MIN_SAMPLE_S = 0.05


class Ewma:
    """An average in which a sample's weight halves every `half_life_s` seconds of download."""

    def __init__(self, half_life_s: float) -> None:
        self._alpha = 0.5 ** (1 / half_life_s)
        self._value = 0.0
        self.weight_s = 0.0

    def add(self, weight_s: float, value: float) -> None:
        kept = self._alpha**weight_s
        self._value = value * (1 - kept) + kept * self._value
        self.weight_s += weight_s

    def value(self) -> float:
        """The average, corrected for having started at zero; 0.0 before any sample."""
        grown = 1 - self._alpha**self.weight_s
        return self._value / grown if grown else 0.0


class Bandwidth:
    """The line's estimated speed in bits per second."""

    def __init__(self, *, fast_s: float = 3.0, slow_s: float = 9.0, start_bps: float = DEFAULT_BPS):
        self._fast, self._slow, self._start_bps = Ewma(fast_s), Ewma(slow_s), start_bps

    def sample(self, elapsed_s: float, size_bytes: int) -> None:
        elapsed_s = max(elapsed_s, MIN_SAMPLE_S)
        bps = 8 * size_bytes / elapsed_s
        self._fast.add(elapsed_s, bps)
        self._slow.add(elapsed_s, bps)

    @property
    def bps(self) -> float:
        if not self._fast.weight_s:
            return self._start_bps
        return min(self._fast.value(), self._slow.value())


class HasBandwidth(Protocol):
    @property
    def bandwidth_bps(self) -> int: ...


R = TypeVar("R", bound=HasBandwidth)


def choose(ladder: Sequence[R], bps: float, current: R | None) -> R:
    """The best rendition of `ladder` that `bps` carries; the lowest when none fits."""
    rising = sorted(ladder, key=lambda rendition: rendition.bandwidth_bps)
    best = rising[0]
    for rendition in rising:
        up = current is not None and rendition.bandwidth_bps > current.bandwidth_bps
        if rendition.bandwidth_bps <= bps * (UP_FACTOR if up else STAY_FACTOR):
            best = rendition
    return best
