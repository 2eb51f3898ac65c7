"""Keeping a player where the session says it should be. Pure; milliseconds.

The session says: at server time `at` the track is, or will be, at `pos`. What is far off jumps;
what is a little off plays half a percent faster or slower, which nobody hears, until it is there.
Right after a jump, when the sound has broken off already, a landing that is not near enough is
corrected by another, which knows how long a jump takes here.
"""

from dataclasses import dataclass

SEEK_ABOVE_MS = 80.0
RATE_STEP = 0.005
DEAD_BAND_MS = 4.0
"""Nearer than this counts as there: what a player says of its position is no truer."""
RELEASE_MS = 1.5
LANDING_MS = 20.0
JUMPS = 3
"""How often in a row; a player that never lands is left to its rate."""
SEEK_LEAD_MS = 30.0
"""What a jump takes at first guess; learned from the jumps that were made."""


@dataclass(frozen=True, slots=True)
class Target:
    """A session's `now`. `version` tells a new one from the same one."""

    version: int
    track: str | None
    pos_ms: float
    at_ms: float
    playing: bool

    def position_at(self, server_ms: float) -> float:
        """Where the track should be; before the start it waits."""
        return self.pos_ms + (max(0.0, server_ms - self.at_ms) if self.playing else 0.0)

    def due_in(self, server_ms: float) -> float:
        """How long until it starts; 0 when it has."""
        return max(0.0, self.at_ms - server_ms) if self.playing else 0.0


@dataclass(frozen=True, slots=True)
class Correction:
    """What to do: jump to `seek_ms`, unless None; and play at `rate`."""

    seek_ms: float | None
    rate: float


@dataclass(slots=True)
class Servo:
    """Steers one player. `seek_takes_ms`: what a jump costs here, as learned."""

    seek_takes_ms: float = SEEK_LEAD_MS
    rate: float = 1.0
    _jumps: int = 0
    _learned: bool = False

    def jump(self, expected_ms: float) -> Correction:
        """Go where the track should be, from wherever: at a late start, or when far off."""
        self.rate = 1.0
        self._jumps = min(JUMPS, self._jumps + 1)
        return Correction(max(0.0, expected_ms + self.seek_takes_ms), 1.0)

    def correct(self, expected_ms: float, actual_ms: float) -> Correction:
        """What to do about a player that is at `actual_ms` and should be at `expected_ms`."""
        behind = expected_ms - actual_ms
        near_ms = SEEK_ABOVE_MS
        if self._jumps:
            # The first look after a jump tells how long it took.
            took = self.seek_takes_ms + behind
            if 0.0 <= took <= 1000.0:
                share = 0.5 if self._learned else 1.0
                self.seek_takes_ms += share * (took - self.seek_takes_ms)
                self._learned = True
            near_ms = LANDING_MS if self._jumps < JUMPS else SEEK_ABOVE_MS
        if abs(behind) > near_ms:
            return self.jump(expected_ms)
        self._jumps = 0
        limit = DEAD_BAND_MS if self.rate == 1.0 else RELEASE_MS
        if abs(behind) <= limit or ((behind > 0) != (self.rate > 1.0) and self.rate != 1.0):
            self.rate = 1.0
        else:
            self.rate = 1.0 + RATE_STEP if behind > 0 else 1.0 - RATE_STEP
        return Correction(None, self.rate)
