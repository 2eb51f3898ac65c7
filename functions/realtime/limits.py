"""How much one connection may ask. Pure: time is an argument, in seconds."""

from dataclasses import dataclass

FRAMES_PER_S = 20.0
BURST = 100.0
MAX_CHANNELS = 100
MAX_IN_WORK = 8
"""Frames of one connection that are being answered; beyond it, its socket is not read."""
MAX_CONNECTIONS_PER_USER = 20


@dataclass(slots=True)
class Bucket:
    """A token bucket: `burst` at once, `per_s` in the long run."""

    per_s: float = FRAMES_PER_S
    burst: float = BURST
    left: float = BURST
    at: float = 0.0

    def take(self, now: float, cost: float = 1.0) -> bool:
        """Whether there was room for `cost` more."""
        self.left = min(self.burst, self.left + max(0.0, now - self.at) * self.per_s)
        self.at = now
        if self.left < cost:
            return False
        self.left -= cost
        return True
