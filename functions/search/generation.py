"""A generation: everything findable up to a position of the log, as immutable files in a bucket.

manifest-3.json                                  names the newest; the 3 is the format
generations/00000042-<token>/track/…             the index of a kind, as Tantivy wrote it
generations/00000042-<token>/track/cards         what shows the hits (`cardfile.py`)
generations/00000042-<token>/track.documents.gz  what it was made of, for the next one
generations/00000042-<token>/gone.msgpack        ids and revisions of what was removed
"""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from functions.search.document import Document
from functions.search.schema import FORMAT
from functions.search.shelf import Shelf

MANIFEST = f"manifest-{FORMAT}.json"
PREFIX = "generations/"
_LENGTH_BYTES = 4

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Document).decode


@dataclass(frozen=True, slots=True)
class Gone:
    """A removed thing. An event of an older revision that is delivered late must not revive it."""

    kind: str
    id: str
    revision: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Manifest:
    """The newest generation. `position` is the last chunk of the log that it holds, `files` the
    index files below `prefix` by kind, `counts` how many documents each kind has."""

    number: int
    position: int
    prefix: str
    built_at: datetime
    files: dict[str, list[str]]
    counts: dict[str, int]


EMPTY = Manifest(0, 0, "", datetime(1970, 1, 1), {}, {})
"""What there is before the first generation."""


def newest(shelf: Shelf) -> tuple[Manifest, int]:
    """The newest generation's manifest and its version, for `publish`; (EMPTY, 0) at first."""
    found = shelf.read(MANIFEST)
    if found is None:
        return EMPTY, 0
    return msgspec.json.decode(found[0], type=Manifest), found[1]


def outdated(shelf: Shelf) -> Manifest | None:
    """The newest generation of an older format, if there is none of this one.

    Its indexes cannot be opened, but what they were made of can be read.
    """
    if shelf.read(MANIFEST) is not None:
        return None
    for number in range(FORMAT - 1, 0, -1):
        if found := shelf.read(f"manifest-{number}.json"):
            return msgspec.json.decode(found[0], type=Manifest)
    return None


def publish(shelf: Shelf, manifest: Manifest, version: int) -> bool:
    """Make `manifest` the newest one if no other has become so since `version`."""
    return shelf.swap(MANIFEST, msgspec.json.encode(manifest), version)


def fetch_index(shelf: Shelf, manifest: Manifest, folder: Path) -> None:
    """Every kind's index into `folder/<kind>`.

    Raises:
        NotFound: a newer generation came, and this one was cleared away.
    """
    for kind, names in manifest.files.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name in names:
            shelf.download(f"{manifest.prefix}{kind}/{name}", folder / kind / name)


def fetch_documents(shelf: Shelf, manifest: Manifest, kind: str, path: Path) -> None:
    """What a kind's index was made of, for `read_documents`; no file if it has none."""
    if kind in manifest.files:
        shelf.download(f"{manifest.prefix}{kind}.documents.gz", path)


def fetch_gone(shelf: Shelf, manifest: Manifest, folder: Path) -> list[Gone]:
    """What the generation knows to be removed."""
    if not manifest.prefix:
        return []
    path = folder / "gone.msgpack"
    shelf.download(f"{manifest.prefix}gone.msgpack", path)
    return msgspec.msgpack.decode(path.read_bytes(), type=list[Gone])


def write_gone(path: Path, gone: Iterable[Gone]) -> None:
    path.write_bytes(_encode(list(gone)))


def read_documents(path: Path) -> Iterator[Document]:
    """The documents of a file that `recorded` wrote, one at a time."""
    with gzip.open(path, "rb") as file:
        while header := file.read(_LENGTH_BYTES):
            yield _decode(file.read(int.from_bytes(header, "little")))


def recorded(path: Path, documents: Iterable[Document]) -> Iterator[Document]:
    """Hand `documents` on, and write each into `path` on its way."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for document in documents:
            data = _encode(document)
            file.write(len(data).to_bytes(_LENGTH_BYTES, "little") + data)
            yield document
