"""The boxes of a fragmented MP4 that manifests need (ISO/IEC 14496-12: moov, sidx, moof)."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from functions.transcode.segments import Segment, Segmented, group


class Malformed(ValueError):
    """Our own muxer wrote something this module does not understand."""


def read(path: Path) -> Segmented:
    """The header, index and segments of a file that starts ftyp, moov, sidx.

    `init_size` ends before the sidx. The sidx counts time from the first sample that is heard,
    after the encoder's delay.

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
        timescale, first_offset, references = _sidx(file.read(sidx_size))
    offset = sidx_offset + sidx_size + first_offset
    segments: list[Segment] = []
    start = 0
    for size, duration in references:
        segments.append(Segment(offset, size, start, duration))
        offset += size
        start += duration
    moofs = [at for kind, at, _ in tops if kind == "moof"]
    whole = segments and moofs[:1] == [segments[0].offset] and offset == path.stat().st_size
    if not whole or not {segment.offset for segment in segments} <= set(moofs):
        raise Malformed(f"{path.name}: sidx does not list its fragments")
    return Segmented(timescale, sidx_offset, tuple(segments), sidx_size)


def regroup(path: Path) -> Segmented:
    """Rewrite the sidx in place so that it lists segments as `group` makes them of fragments.

    A segment may hold several fragments (ISO/IEC 14496-12 §8.16.3). Where the shorter index
    leaves room, a free box fills it, so that no other byte of the file moves.

    Raises:
        Malformed: as `read`.
    """
    found = read(path)
    grouped = group(found.segments, found.timescale)
    room = 12 * (len(found.segments) - len(grouped))
    size = found.index_size - room
    box = struct.pack(
        ">I4sIIIQQHH", size, b"sidx", 1 << 24, 1, found.timescale, 0, room, 0, len(grouped)
    )
    for segment in grouped:
        # It starts with a stream access point of type 1: every AAC frame is one.
        box += struct.pack(">III", segment.size, segment.duration, 0x90000000)
    if room:
        box += struct.pack(">I4s", room, b"free") + bytes(room - 8)
    with path.open("r+b") as file:
        file.seek(found.init_size)
        file.write(box)
    return read(path)


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


def _sidx(box: bytes) -> tuple[int, int, list[tuple[int, int]]]:
    """Timescale, gap before the first, and (size, duration) of each segment."""
    version = box[8]
    timescale = struct.unpack_from(">I", box, 16)[0]
    at = 28 if version == 0 else 36
    first_offset = struct.unpack_from(">I", box, at - 4)[0]  # of 64 bits the lower half
    count = struct.unpack_from(">H", box, at + 2)[0]
    references = []
    for number in range(count):
        size, duration, _ = struct.unpack_from(">III", box, at + 4 + 12 * number)
        if size >> 31:
            raise Malformed("a sidx that points to another sidx")
        references.append((size, duration))
    return timescale, first_offset, references
