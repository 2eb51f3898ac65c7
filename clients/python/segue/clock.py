"""The server's clock as it can be known from here: pings, of which the quickest tell most.

A ping leaves at `sent_ms` and is back at `back_ms`, by a local clock that only rises; the server
wrote `server_ms` into it on its way. Had both ways taken the same time, the server's clock stood
at `server_ms` in the middle. The quicker the round trip, the less the two ways can differ: the
error is at most half of it. Pure.

Source: D. L. Mills, RFC 5905 §10 (clock filter); design notes in docs/decisions/0035
"""

from collections import deque
from dataclasses import dataclass, field

BURST = 8
"""Pings at once when a session begins."""
BURST_EVERY_MS = 60.0
EVERY_MS = 2000.0
KEPT = 24
"""Samples to choose from: most of a minute, in which a bad clock drifts by two milliseconds."""
BEST = 3
LONGEST_ROUND_MS = 5000.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One ping: how long it took, and by how much the server's clock is ahead."""

    round_ms: float
    ahead_ms: float


@dataclass(slots=True)
class ServerClock:
    """What is known of the server's clock."""

    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=KEPT))

    def pong(self, sent_ms: float, server_ms: float, back_ms: float) -> None:
        """A ping came back. One that took too long, or came before it left, tells nothing."""
        round_ms = back_ms - sent_ms
        if 0 <= round_ms <= LONGEST_ROUND_MS:
            self.samples.append(Sample(round_ms, server_ms - (sent_ms + back_ms) / 2))

    @property
    def known(self) -> bool:
        return bool(self.samples)

    @property
    def ahead_ms(self) -> float:
        """How far the server's clock is ahead of the local one: the mean of the quickest few,
        of those that took hardly longer than the very quickest."""
        quickest = sorted(self.samples, key=lambda it: it.round_ms)[:BEST]
        if not quickest:
            return 0.0
        limit = quickest[0].round_ms * 1.1 + 1.0
        good = [it.ahead_ms for it in quickest if it.round_ms <= limit]
        return sum(good) / len(good)

    @property
    def uncertain_ms(self) -> float:
        """The most by which `ahead_ms` can be wrong."""
        return min((it.round_ms for it in self.samples), default=float("inf")) / 2

    def server_ms(self, local_ms: float) -> float:
        """The server's time when the local clock shows `local_ms`."""
        return local_ms + self.ahead_ms

    def wait_ms(self, answered: int) -> float:
        """How long to wait for the next ping after `answered` of them."""
        return BURST_EVERY_MS if answered < BURST else EVERY_MS
