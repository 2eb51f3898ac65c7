"""Tags in a WAV file's LIST/INFO chunk, which tag readers pass over."""

import struct
from pathlib import Path

_LONGEST_BYTES = 64 << 10


def info(path: Path) -> dict[str, str]:
    """The texts by their four letters: `{"INAM": "title", "IART": "artist", "IPRD": "album"}`.

    Empty if there are none. Text is UTF-8, or else Latin-1, as writers disagree.
    """
    with path.open("rb") as file:
        magic = file.read(12)
        if magic[:4] != b"RIFF" or magic[8:] != b"WAVE":
            return {}
        at = 12
        while len(header := file.read(8)) == 8:
            kind, length = struct.unpack("<4sI", header)
            if kind == b"LIST" and file.read(4) == b"INFO":
                return _texts(file.read(min(length - 4, _LONGEST_BYTES)))
            at += 8 + length + (length & 1)
            file.seek(at)
    return {}


def _texts(chunk: bytes) -> dict[str, str]:
    texts: dict[str, str] = {}
    at = 0
    while at + 8 <= len(chunk):
        kind, length = struct.unpack_from("<4sI", chunk, at)
        raw = chunk[at + 8 : at + 8 + length].rstrip(b"\0")
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        texts[kind.decode("latin-1")] = text
        at += 8 + length + (length & 1)
    return texts
