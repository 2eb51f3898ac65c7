"""A channel's latest numbers in memory, without gaps. Pure.

A storm of clients that come back after a gateway died is answered from here.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

KEPT = 512


class Offer(Enum):
    """What a number that came in is."""

    NEXT = "next"
    KNOWN = "known"
    GAP = "gap"
    FOREIGN = "foreign"
    """Of another epoch."""


@dataclass(slots=True)
class Ring:
    """Numbers `first` to `tail` of `epoch`, as JSON payloads; `first` is `tail + 1` when empty."""

    epoch: str
    tail: int
    kept: int = KEPT
    _payloads: deque[bytes] = field(default_factory=deque)

    @property
    def first(self) -> int:
        return self.tail - len(self._payloads) + 1

    def offer(self, epoch: str, seq: int) -> Offer:
        """What number `seq` of `epoch` is to this ring."""
        if epoch != self.epoch:
            return Offer.FOREIGN
        if seq <= self.tail:
            return Offer.KNOWN
        return Offer.NEXT if seq == self.tail + 1 else Offer.GAP

    def append(self, payload: bytes) -> int:
        """Take the next number; gives it."""
        self._payloads.append(payload)
        if len(self._payloads) > self.kept:
            self._payloads.popleft()
        self.tail += 1
        return self.tail

    def covers(self, epoch: str | None, since: int | None) -> bool:
        """Whether everything after number `since` is here."""
        if epoch != self.epoch or since is None:
            return False
        return self.first <= since + 1 <= self.tail + 1

    def after(self, since: int) -> list[tuple[int, bytes]]:
        """Numbers after `since` with their payloads; only what `covers` said yes to is whole."""
        start = max(0, since + 1 - self.first)
        return [
            (self.first + at, payload) for at, payload in enumerate(self._payloads) if at >= start
        ]

    def begin(self, epoch: str, tail: int) -> None:
        """Forget everything: the channel goes on from number `tail` of `epoch`."""
        self.epoch, self.tail = epoch, tail
        self._payloads.clear()
