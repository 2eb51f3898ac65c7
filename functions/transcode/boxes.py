"""The boxes of a fragmented MP4 that manifests need (ISO/IEC 14496-12: moov, sidx, moof)."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from functions.transcode.segments import Segment, Segmented


class Malformed(ValueError):
    """Our own muxer wrote something this module does not understand."""


def read(path: Path) -> Segmented:
    """The header and fragments of a file that starts ftyp, moov, sidx.

    `init_size` ends before the sidx: a player that follows a manifest has no use for it.
    The sidx counts time from the first sample that is heard, after the encoder's delay.

    Raises:
        Malformed: a box is missing, or sidx and fragments disagree.
    """
    with path.open("rb") as file:
        tops = list(_tops(file))
        kinds = [kind for kind, _, _ in tops]
        if kinds[:3] != ["ftyp", "moov", "sidx"]:
            raise Malformed(f"{path.name} starts with {kinds[:3]}")
        _, sidx_offset, sidx_size = tops[2]
        file.seek(sidx_offset)
        timescale, references = _sidx(file.read(sidx_size))
    offset = sidx_offset + sidx_size
    segments: list[Segment] = []
    start = 0
    for size, duration in references:
        segments.append(Segment(offset, size, start, duration))
        offset += size
        start += duration
    moofs = [at for kind, at, _ in tops if kind == "moof"]
    if moofs != [segment.offset for segment in segments] or offset != path.stat().st_size:
        raise Malformed(f"{path.name}: sidx does not list its fragments")
    return Segmented(timescale, sidx_offset, tuple(segments))


def _tops(file: BinaryIO) -> Iterator[tuple[str, int, int]]:
    """(type, offset, size) of every top-level box."""
    offset = 0
    while header := file.read(8):
        if len(header) < 8:
            raise Malformed("a box header is cut short")
        size, kind = struct.unpack(">I4s", header)
        if size == 1:
            size = struct.unpack(">Q", file.read(8))[0]
        if size < 8:
            raise Malformed(f"a box of {size} bytes")
        yield kind.decode("latin-1"), offset, size
        offset += size
        file.seek(offset)


def _sidx(box: bytes) -> tuple[int, list[tuple[int, int]]]:
    """Timescale and (size, duration) of each subsegment (ISO/IEC 14496-12 §8.16.3)."""
    version = box[8]
    timescale = struct.unpack_from(">I", box, 16)[0]
    at = 28 if version == 0 else 36
    count = struct.unpack_from(">H", box, at + 2)[0]
    references = []
    for number in range(count):
        size, duration, _ = struct.unpack_from(">III", box, at + 4 + 12 * number)
        if size >> 31:
            raise Malformed("a sidx that points to another sidx")
        references.append((size, duration))
    return timescale, references
