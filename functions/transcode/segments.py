"""Segments of a rendition: byte ranges of one file with their times, grouped and measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# The first segments are short so that playing starts soon; the later ones long, because
# every request to the CDN costs the same, however much it fetches.
GROUPS_S: tuple[int, ...] = (2, 4)
SEGMENT_S = 10


@dataclass(frozen=True, slots=True)
class Segment:
    """`size` bytes from `offset` of the file play for `duration` ticks from `start`."""

    offset: int
    size: int
    start: int
    duration: int


@dataclass(frozen=True, slots=True)
class Segmented:
    """A rendition's segments; `timescale` is in ticks a second.

    The file starts with `init_size` bytes of header and `index_size` bytes of index.
    """

    timescale: int
    init_size: int
    segments: tuple[Segment, ...]
    index_size: int = 0


def group(pieces: Iterable[Segment], timescale: int) -> tuple[Segment, ...]:
    """Join adjacent `pieces` into segments that end at the first piece past each boundary.

    Boundaries are at 2 s, 6 s, 16 s, 26 s, … so that renditions with equal pieces get equal
    segments. What is left at the end joins no further than it reaches.
    """
    groups: list[Segment] = []
    boundary = 0
    current: Segment | None = None
    for piece in pieces:
        if current is None:
            current = piece
            boundary += timescale * (GROUPS_S[len(groups)] if len(groups) < 2 else SEGMENT_S)
        else:
            current = Segment(
                current.offset,
                current.size + piece.size,
                current.start,
                current.duration + piece.duration,
            )
        # The first fragment ends early by what the encoder delays; that still is the boundary.
        if current.start + current.duration >= boundary - timescale // 50:
            groups.append(current)
            current = None
    if current is not None:
        groups.append(current)
    return tuple(groups)


def peak_bps(segments: Sequence[Segment], timescale: int) -> int:
    """The peak segment bit rate (RFC 8216 §4.1).

    That is the largest bit rate of any contiguous segments whose total duration is 0.5 to 1.5
    times the target duration; of the whole, where it is shorter than that.
    """
    target = max(segment.duration for segment in segments)
    best = 0.0
    for first in range(len(segments)):
        size = duration = 0
        for segment in segments[first:]:
            size += segment.size
            duration += segment.duration
            if duration > 1.5 * target:
                break
            if duration >= 0.5 * target:
                best = max(best, size * 8 * timescale / duration)
    return max(round(best), average_bps(segments, timescale))


def average_bps(segments: Sequence[Segment], timescale: int) -> int:
    """The mean bit rate over all segments."""
    duration = sum(segment.duration for segment in segments)
    return round(sum(segment.size for segment in segments) * 8 * timescale / duration)
