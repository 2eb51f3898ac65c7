"""MPEG audio frames: where each starts, and what the LAME tag says about delay and padding."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from functions.transcode.segments import Segment, Segmented, group

# ISO/IEC 11172-3 and 13818-3, layer III: kbit/s by index, for MPEG-1 and MPEG-2.
_KBPS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATE_HZ = {1: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000)}


class Malformed(ValueError):
    """Our own encoder wrote something this module does not understand."""


@dataclass(frozen=True, slots=True)
class Gapless:
    """Samples a player must drop at either end (LAME tag); None of them are music."""

    delay: int
    padding: int


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame's header: bytes, samples and rate."""

    size: int
    samples: int
    rate_hz: int


def parse_frame(header: bytes) -> Frame:
    """The frame that starts with these four bytes.

    Raises:
        Malformed: not a layer III header of MPEG-1 or MPEG-2.
    """
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        raise Malformed(f"no frame header: {header.hex()}")
    version = {3: 1, 2: 2}.get(header[1] >> 3 & 3)
    bit_rate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version is None or bit_rate in (0, 15) or rate == 3:
        raise Malformed(f"a frame of unknown kind: {header.hex()}")
    rate_hz = _RATE_HZ[version][rate]
    samples = 1152 if version == 1 else 576
    padding = header[2] >> 1 & 1
    return Frame(samples // 8 * _KBPS[version][bit_rate] * 1000 // rate_hz + padding, samples,
                 rate_hz)  # fmt: skip


def read(path: Path) -> tuple[Segmented, Gapless]:
    """The segments of a file that starts with a LAME tag: its frames, as `group` joins them.

    The tag's own frame is left out: it is no music, and packed audio segments
    (RFC 8216 §3.4) are frames alone. `init_size` is nought for the same reason.

    Raises:
        Malformed: something between the frames, or no tag.
    """
    with path.open("rb") as file:
        first = parse_frame(file.read(4))
        file.seek(0)
        gapless = _lame(file.read(first.size))
    return Segmented(first.rate_hz, 0, group(frames(path), first.rate_hz)), gapless


def frames(path: Path) -> Iterator[Segment]:
    """Every frame after the tag's, one at a time: two hours have 275,000.

    Raises:
        Malformed: something between the frames.
    """
    with path.open("rb") as file:
        yield from _frames(file, parse_frame(file.read(4)).size)


def _frames(file: BinaryIO, offset: int) -> Iterator[Segment]:
    start = 0
    file.seek(offset)
    while header := file.read(4):
        frame = parse_frame(header)
        yield Segment(offset, frame.size, start, frame.samples)
        offset += frame.size
        start += frame.samples
        file.seek(offset)


def _lame(frame: bytes) -> Gapless:
    at = max(frame.find(b"Info"), frame.find(b"Xing"))
    if at < 0:
        raise Malformed("no LAME tag")
    flags = int.from_bytes(frame[at + 4 : at + 8], "big")
    # Optional fields before the LAME part: frames, bytes, seek table, quality.
    lame = at + 8 + sum(size for bit, size in enumerate((4, 4, 100, 4)) if flags >> bit & 1)
    both = int.from_bytes(frame[lame + 21 : lame + 24], "big")
    return Gapless(both >> 12, both & 0xFFF)
