"""Whether a file breaks off: its own structure promises bytes that are not there.

A decoder takes what it gets, and some containers state no duration to compare with. The
promise of the last chunk, box or page shows what was cut.
"""

import struct
from pathlib import Path
from typing import BinaryIO

# The last Ogg page starts in the last 64 KiB: it has at most 255 segments of 255 bytes.
_OGG_PAGE_BYTES = 27 + 255 + 255 * 255
_STREAMED = (0, 0xFFFFFFFF)  # sizes that writers leave when they do not know yet


def breaks_off(path: Path) -> bool:
    """True if the container says that more was to follow; False if not, or if it cannot tell."""
    size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(12)
        if magic[:4] == b"RIFF" and magic[8:] == b"WAVE":
            return _chunk_breaks_off(file, size, b"data", "<I")
        if magic[:4] == b"FORM" and magic[8:] in (b"AIFF", b"AIFC"):
            return _chunk_breaks_off(file, size, b"SSND", ">I")
        if magic[4:8] == b"ftyp":
            return _mp4_breaks_off(file, size)
        if magic[:4] == b"OggS":
            return _ogg_breaks_off(file, size)
    return False


def _chunk_breaks_off(file: BinaryIO, size: int, wanted: bytes, order: str) -> bool:
    """IFF chunks: four letters, the length, the bytes, padded to an even length."""
    at = 12
    while at + 8 <= size:
        file.seek(at)
        header = file.read(8)
        length = struct.unpack(order, header[4:])[0]
        if header[:4] == wanted:
            return length not in _STREAMED and at + 8 + length > size
        at += 8 + length + (length & 1)
    return True  # the audio never came


def _mp4_breaks_off(file: BinaryIO, size: int) -> bool:
    """Boxes (ISO/IEC 14496-12 §4.2) must fit; without a moov nothing can be played."""
    at = 0
    indexed = False
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:
            wide = file.read(8)
            length = struct.unpack(">Q", wide)[0] if len(wide) == 8 else size
        if length == 0:  # to the end of the file
            length = size - at
        if length < 8:
            return False  # garbage: not for this module to judge
        indexed = indexed or kind == b"moov"
        at += length
    return at > size or not indexed


def _ogg_breaks_off(file: BinaryIO, size: int) -> bool:
    """The last page (RFC 3533 §6) must have all its segments."""
    start = max(0, size - 2 * _OGG_PAGE_BYTES)
    file.seek(start)
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0:
        return False
    if len(tail) < page + 27:
        return True
    segments = tail[page + 26]
    table = tail[page + 27 : page + 27 + segments]
    return len(table) < segments or page + 27 + segments + sum(table) > len(tail)
