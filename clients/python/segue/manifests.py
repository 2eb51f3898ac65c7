"""What a player needs of a manifest: renditions, and each one's byte ranges in order."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes `[start, end)` of `url`, heard for `duration_s`; `end` None is to the end.

    A whole object is `start` 0 and `end` None. An init segment lasts 0 seconds.
    """

    url: str
    duration_s: float
    start: int = 0
    end: int | None = None

    @property
    def ranged(self) -> bool:
        return self.start > 0 or self.end is not None


@dataclass(frozen=True, slots=True)
class Track:
    """One rendition of the ladder: `name` ("aac-96"), peak bits per second and its chunks.

    `playlist` is set, and `chunks` empty, while its own playlist has yet to be fetched.
    """

    name: str
    bandwidth_bps: int
    init: Chunk | None = None
    chunks: tuple[Chunk, ...] = ()
    playlist: str | None = None
    index: Chunk | None = None
    """A DASH segment index (sidx) that the chunks must be read from."""


def name_of(url: str) -> str:
    """The rendition's name out of its address: `…/base/aac-96.m3u8?…` is `aac-96`."""
    return url.split("?", 1)[0].rsplit("/", 1)[-1].rsplit(".", 1)[0]
