"""Where the listener is: media time against the clock, waits included. Pure numbers."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Playhead:
    """Seconds of media buffered and heard at clock time `at_s`; `stalls` counts dry buffers.

    Playing begins when `start_s` seconds are buffered (or all there is).
    """

    start_s: float
    at_s: float = 0.0
    buffered_s: float = 0.0
    heard_s: float = 0.0
    stalls: int = 0
    playing: bool = False

    @property
    def ahead_s(self) -> float:
        return self.buffered_s - self.heard_s

    def advance(self, now_s: float, *, ended: bool = False) -> "Playhead":
        """The playhead at `now_s`. `ended`: nothing more will come, so running dry is no stall."""
        if not self.playing:
            return replace(self, at_s=now_s)
        heard = self.heard_s + (now_s - self.at_s)
        if heard < self.buffered_s:
            return replace(self, at_s=now_s, heard_s=heard)
        return replace(
            self,
            at_s=now_s,
            heard_s=self.buffered_s,
            stalls=self.stalls + (0 if ended else 1),
            playing=False,
        )

    def append(self, duration_s: float, *, last: bool = False) -> "Playhead":
        """`duration_s` more seconds are at hand."""
        buffered = self.buffered_s + duration_s
        ready = self.playing or last or buffered - self.heard_s >= self.start_s
        return replace(self, buffered_s=buffered, playing=ready)
