"""A catalog file in chunks of lines, to a catalog that answers each when it is kept.

A chunk that was answered is done for good, and sent again it is only read; so an import that was
cut short goes on with the first chunk that the catalog does not have. The file is read a line at a
time: its size does not matter.
"""

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from segue.client import Client

MAX_CHUNK_BYTES = 3_500_000
"""The catalog takes 4 MiB."""
MAX_LINE_BYTES = 1 << 20
"""Longer lines are cut here, and refused by the catalog as too long."""
_XML = (".xml", ".ern")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines of a file, the first of which is its line number `first` (from 1). `end`: how much
    of the file is read then, in bytes as they lie on the disk."""

    number: int
    first: int
    body: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A line of the file that the catalog did not take."""

    line: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done_bytes` of the file, and lines that were answered."""

    import_id: str
    done_bytes: int = 0
    lines: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file, in however many runs. `lines` are those that say something."""

    import_id: str
    lines: int
    made: int
    changed: int
    unchanged: int
    refused: tuple[Refused, ...]


def is_message(path: Path) -> bool:
    """Whether the file is one DDEX message rather than lines."""
    return path.suffix.lower() in _XML


def digest_of(path: Path) -> str:
    """The file's SHA-256 in hex, by which an import that was cut short is known again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def chunks(path: Path, max_lines: int) -> Iterator[Chunk]:
    """The file's lines, always in the same chunks."""
    with path.open("rb") as raw:
        packed = path.suffix == ".gz"
        # Not a context manager: it has no file of its own to close.
        text = gzip.GzipFile(fileobj=raw) if packed else raw
        number, first, at, size = 0, 1, 1, 0
        lines: list[bytes] = []
        for line in _lines(text):
            if lines and (len(lines) == max_lines or size + len(line) > MAX_CHUNK_BYTES):
                yield Chunk(number, first, b"".join(lines), raw.tell())
                number, first, lines, size = number + 1, at, [], 0
            lines.append(line)
            size += len(line)
            at += 1
        if lines:
            yield Chunk(number, first, b"".join(lines), raw.tell())


def _lines(file: BinaryIO | io.BufferedIOBase) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE_BYTES + 2):
        if not line.endswith(b"\n") and len(line) > MAX_LINE_BYTES:
            while (rest := file.readline(1 << 20)) and not rest.endswith(b"\n"):
                pass
            line += b"\n"
        yield line


def begin(client: Client) -> tuple[str, int]:
    """A new import: its id, and how many lines a chunk may have."""
    made = client.post("/v1/catalog/imports", {})
    return made["import_id"], int(made["max_lines"])


def next_chunk(client: Client, import_id: str) -> int:
    """The first chunk that the catalog has no answer for.

    Raises:
        NotFound: it does not know that import.
    """
    return int(client.get(f"/v1/catalog/imports/{import_id}")["next_chunk"])


def send(
    client: Client,
    path: Path,
    import_id: str,
    max_lines: int,
    *,
    since: int = 0,
    told: Callable[[Progress], None] = lambda progress: None,
) -> Report:
    """Send the file's chunks from number `since` on; how the whole import stands then.

    `told` is called after each chunk, with what this run alone has done.
    """
    so_far = Progress(import_id)
    firsts: list[int] = []
    for chunk in chunks(path, max_lines):
        firsts.append(chunk.first)
        if chunk.number >= since:
            answer = client.call(
                "PUT",
                f"/v1/catalog/imports/{import_id}/chunks/{chunk.number}",
                content=chunk.body,
            )
            so_far = replace(
                so_far,
                lines=so_far.lines + answer["lines"],
                refused=so_far.refused + len(answer["refused"]),
            )
        so_far = replace(so_far, done_bytes=chunk.end)
        told(so_far)
    total = client.get(f"/v1/catalog/imports/{import_id}")
    return Report(
        import_id,
        *(int(total[name]) for name in ("lines", "made", "changed", "unchanged")),
        refused=tuple(_refused(client, import_id, firsts)) if total["refused"] else (),
    )


def _refused(client: Client, import_id: str, firsts: Sequence[int]) -> Iterator[Refused]:
    for it in client.lines(f"/v1/catalog/imports/{import_id}/errors"):
        line = firsts[it["chunk"]] + int(it["line"]) - 1
        yield Refused(line, str(it["reason"]), str(it["message"]))


def message(client: Client, path: Path) -> dict[str, Any]:
    """Send a DDEX release notification; what the catalog made of it."""
    return client.call(
        "POST",
        "/v1/catalog/messages",
        idempotent=True,
        content=path.read_bytes(),
    )
