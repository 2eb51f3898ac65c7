"""How a playlist lies in Firestore.

    playlists/{id}                    the view: attributes, first page, where the others are
    playlists/{id}/log/{seq:012d}     a chunk of 1 to 200 ops; never written twice. The truth.
    playlists/{id}/pages/{page id}    250 items; never written twice
    playlists/{id}/snapshots/{revision:012d}   a view that stays, every 1,000 ops

All but the log can be made from the log (`python -m functions.playlists.job --all`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from functions.playlists import codec
from functions.playlists.ops import Chunk, Entry
from functions.playlists.playlist import Attributes
from shared.gcp.documents import Documents

VIEWS = "playlists"
MARKS = "playlist_marks"
SHELF = "playlist_shelf"
FOLDERS = "playlist_folders"

T = TypeVar("T")
Open = Callable[[str, type[Any], str], Documents[Any]]
"""Opens a collection by its path, for documents of a class; the last names one in errors."""

Directory = tuple[tuple[str, int], ...]
"""Pages after the first: id and number of items."""
_directory = msgspec.msgpack.Decoder(Directory)
_pairs = msgspec.msgpack.Decoder(tuple[tuple[int, int], ...])
_pack = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class ChunkDocument:
    """`n` is the seq once more: Firestore scans no keys backwards. `at` in Unix ms."""

    n: int
    base: int
    writer: str
    at: int
    batches: bytes


@dataclass(frozen=True, slots=True)
class PageDocument:
    page_id: str
    entries: bytes


@dataclass(frozen=True, slots=True)
class SnapshotDocument:
    """A playlist at `revision`, after chunk `seq`; `at` in Unix ms."""

    n: int
    seq: int
    at: int
    attributes: bytes
    front: bytes
    pages: bytes


@dataclass(frozen=True, slots=True)
class ViewDocument:
    """A playlist as of chunk `seq`. `kept`: pages of the newest snapshot, which stay. `snapshots`:
    revision and seq of each. `cover_ids`: up to four covers, for a mosaic. `folded_at` Unix ms."""

    playlist_id: str
    seq: int
    revision: int
    count: int
    attributes: bytes
    front: bytes
    pages: bytes
    nonces: bytes
    kept: tuple[str, ...]
    snapshots: bytes
    cover_ids: tuple[str, ...]
    folded_at: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Instance `writer` edits the playlist: look at `due_at` whether everybody was told."""

    playlist_id: str
    writer: str
    due_at: datetime | None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shelved:
    """That a playlist is in a user's list. `user`, `lost` and `follows` hold one id, or none:
    lists, by which they are found; `lost` what its owner has deleted, and may restore. `told_at`:
    when the follow was last heard of. `shared_at`: since when the user has a role there. `as_of`:
    the revision of the playlist's log that this is of. `away`: put out of the list by the user."""

    playlist_id: str
    user: tuple[str, ...]
    follows: tuple[str, ...]
    owned_at: datetime | None = None
    followed_at: datetime | None = None
    told_at: datetime | None = None
    shared_at: datetime | None = None
    deleted_at: datetime | None = None
    lost: tuple[str, ...] = ()
    as_of: int = 0
    away: bool = False


def log_path(playlist_id: str) -> str:
    return f"{VIEWS}/{playlist_id}/log"


def pages_path(playlist_id: str) -> str:
    return f"{VIEWS}/{playlist_id}/pages"


def snapshots_path(playlist_id: str) -> str:
    return f"{VIEWS}/{playlist_id}/snapshots"


def key(number: int) -> str:
    """`000000000042`: ids in the order of numbers."""
    return f"{number:012d}"


def chunk_document(chunk: Chunk) -> ChunkDocument:
    batches = codec.pack_batches(chunk.batches)
    return ChunkDocument(chunk.seq, chunk.base, chunk.writer, chunk.at, batches)


def chunk_of(document: ChunkDocument) -> Chunk:
    batches = codec.batches_of(document.batches)
    return Chunk(document.n, document.base, document.writer, batches)


def pack_directory(pages: Directory) -> bytes:
    return _pack(pages)


def directory_of(data: bytes) -> Directory:
    return _directory.decode(data)


def pack_pairs(pairs: Iterable[tuple[int, int]]) -> bytes:
    return _pack(tuple(pairs))


def pairs_of(data: bytes) -> list[tuple[int, int]]:
    return list(_pairs.decode(data))


def attributes_of(view: ViewDocument) -> Attributes:
    return codec.attributes_of(view.attributes)


def front_of(view: ViewDocument | SnapshotDocument) -> tuple[Entry, ...]:
    return codec.entries_of(view.front)
