"""A token bucket per key, in this process's memory: slows guessing down, bounds nothing exactly."""

from collections import OrderedDict
from dataclasses import dataclass, field

MAX_KEYS = 10_000


@dataclass(slots=True)
class Limiter:
    """`burst` at once, then `per_s` a second, for each key. Forgets the longest unused keys."""

    burst: float
    per_s: float
    _levels: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, key: str, at: float) -> bool:
        """Take one from the bucket of `key` at `at` (seconds, rising); False when it is empty."""
        level = self._level(key, at)
        if level < 1:
            return False
        self._levels[key] = (level - 1, at)
        return True

    def is_empty(self, key: str, at: float) -> bool:
        """Whether `take` would fail. Takes nothing."""
        return self._level(key, at) < 1

    def _level(self, key: str, at: float) -> float:
        level, since = self._levels.pop(key, (self.burst, at))
        level = min(self.burst, level + max(0.0, at - since) * self.per_s)
        self._levels[key] = (level, at)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)
        return level
