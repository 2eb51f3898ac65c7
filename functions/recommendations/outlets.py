"""Where the batch reads facts and leaves documents: Firestore and Pub/Sub, or a folder.

An outlet is picklable and holds nothing open; `open` gives what works, once in each worker.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec

from functions.recommendations import known, texts
from functions.recommendations.generations import (
    CHARTS,
    ITEMS,
    POINTERS,
    RUNS,
    USERS,
    Chart,
    ItemGeneration,
    Pointer,
    Run,
    UserGeneration,
    forward,
)
from functions.recommendations.known import KnownTrack
from functions.recommendations.mixing import Facts
from functions.recommendations.taste import Taste, TasteDocument, taste_of
from functions.recommendations.texts import TextModel, VectorPart
from shared.events import MixPublished, RelatedArtistsChanged
from shared.gcp.documents import Documents

T = TypeVar("T")
Event = MixPublished | RelatedArtistsChanged
E = TypeVar("E", MixPublished, RelatedArtistsChanged)
TASTES = "reco_tastes"
TYPES: Mapping[str, type] = {
    POINTERS: Pointer,
    USERS: UserGeneration,
    ITEMS: ItemGeneration,
    CHARTS: Chart,
    RUNS: Run,
    known.TRACKS: KnownTrack,
    TASTES: TasteDocument,
    texts.MODELS: TextModel,
    texts.VECTORS: VectorPart,
}


class Opened(Protocol):
    """Documents by collection and id, and events. Every call is safe to repeat."""

    def find(self, collection: str, ids: Iterable[str]) -> dict[str, Any]: ...

    def scan(self, collection: str, after: str | None, limit: int) -> list[Any]:
        """Documents in the order of their ids, beyond `after`."""
        ...

    def put(self, collection: str, documents: Mapping[str, Any]) -> None: ...

    def change(self, collection: str, changes: Mapping[str, Callable[[Any], Any]]) -> None: ...

    def delete_generation(self, collection: str, generation: str) -> int: ...

    def publish(self, events: Iterable[Event]) -> None: ...


@runtime_checkable
class Outlet(Protocol):
    def open(self) -> Opened: ...


_open: dict[Any, Opened] = {}


@dataclass(frozen=True, slots=True)
class CloudOutlet:
    """Firestore and Pub/Sub of a project."""

    project: str

    def open(self) -> Opened:
        if self not in _open:
            _open[self] = _Cloud(self.project)
        return _open[self]


class _Cloud:
    """Asynchronous clients on a loop of their own, for a worker's synchronous code."""

    def __init__(self, project: str) -> None:
        from shared.gcp.firestore import FirestoreDocuments, client
        from shared.gcp.pubsub import Publisher

        self._loop = asyncio.new_event_loop()
        database = client(project)
        self._documents: dict[str, Documents[Any]] = {
            name: FirestoreDocuments(database, name, cls, name, patience_s=60)
            for name, cls in TYPES.items()
        }
        self._publish = Publisher(project, deadline_s=60)

    def find(self, collection: str, ids: Iterable[str]) -> dict[str, Any]:
        wanted, found = list(dict.fromkeys(ids)), {}
        for start in range(0, len(wanted), 300):
            part = self._documents[collection].find_many(wanted[start : start + 300])
            found |= self._loop.run_until_complete(part)
        return found

    def scan(self, collection: str, after: str | None, limit: int) -> list[Any]:
        found = self._documents[collection].scan(after=after, limit=limit)
        return self._loop.run_until_complete(found)

    def put(self, collection: str, documents: Mapping[str, Any]) -> None:
        items = list(documents.items())
        for part in _by_size(items):
            self._loop.run_until_complete(self._documents[collection].put_many(dict(part)))

    def change(self, collection: str, changes: Mapping[str, Callable[[Any], Any]]) -> None:
        self._loop.run_until_complete(self._documents[collection].update_many(changes))

    def delete_generation(self, collection: str, generation: str) -> int:
        count, after = 0, f"{generation}~"
        documents = self._documents[collection]
        while True:
            page = self._loop.run_until_complete(documents.scan(after=after, limit=300))
            ids = [it for it in map(_id_of, page) if it.startswith(f"{generation}~")]
            if not ids:
                return count
            self._loop.run_until_complete(documents.delete_many(ids))
            count, after = count + len(ids), ids[-1]

    def publish(self, events: Iterable[Event]) -> None:
        async def all_of() -> None:
            await asyncio.gather(*(self._publish(event) for event in events))

        self._loop.run_until_complete(all_of())


def _by_size(
    items: list[tuple[str, Any]], most: int = 200, size_bytes: int = 4 << 20
) -> Iterable[list[tuple[str, Any]]]:
    """Parts that one request of Firestore holds."""
    part: list[tuple[str, Any]] = []
    size = 0
    for id, value in items:
        own = 3 * len(msgspec.msgpack.encode(value))
        if part and (len(part) >= most or size + own > size_bytes):
            yield part
            part, size = [], 0
        part.append((id, value))
        size += own
    if part:
        yield part


def _id_of(value: Any) -> str:
    of = {UserGeneration: "user_id", ItemGeneration: "track_id", Chart: "market"}[type(value)]
    return f"{value.generation}~{getattr(value, of)}"


@dataclass(frozen=True, slots=True)
class FolderOutlet:
    """Documents as JSON files, for looking at what a batch would do, and for tests."""

    folder: Path

    def open(self) -> Opened:
        return _Folder(self.folder)


@dataclass(slots=True)
class _Folder:
    folder: Path
    _encoder: msgspec.json.Encoder = field(default_factory=msgspec.json.Encoder)

    def _path(self, collection: str, id: str) -> Path:
        return self.folder / collection / f"{id}.json"

    def find(self, collection: str, ids: Iterable[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for id in ids:
            path = self._path(collection, id)
            if path.is_file():
                found[id] = msgspec.json.decode(path.read_bytes(), type=TYPES[collection])
        return found

    def scan(self, collection: str, after: str | None, limit: int) -> list[Any]:
        found = sorted(it.stem for it in (self.folder / collection).glob("*.json"))
        found = [it for it in found if after is None or it > after][:limit]
        return list(self.find(collection, found).values())

    def put(self, collection: str, documents: Mapping[str, Any]) -> None:
        (self.folder / collection).mkdir(parents=True, exist_ok=True)
        for id, value in documents.items():
            self._path(collection, id).write_bytes(self._encoder.encode(value))

    def change(self, collection: str, changes: Mapping[str, Callable[[Any], Any]]) -> None:
        known = self.find(collection, changes)
        after = {id: change(known.get(id)) for id, change in changes.items()}
        self.put(collection, {id: value for id, value in after.items() if value is not None})

    def delete_generation(self, collection: str, generation: str) -> int:
        found = list((self.folder / collection).glob(f"{generation}~*.json"))
        for path in found:
            path.unlink()
        return len(found)

    def publish(self, events: Iterable[Event]) -> None:
        for event in events:
            folder = self.folder / "events" / type(event).__name__
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{event.event_id}.json").write_bytes(self._encoder.encode(event))


def published(folder: Path, cls: type[E]) -> list[E]:
    """What a `FolderOutlet` was given to publish of an event; the same one once."""
    found = sorted((folder / "events" / cls.__name__).glob("*.json"))
    return [msgspec.json.decode(it.read_bytes(), type=cls) for it in found]


def facts_of(opened: Opened, track_ids: Iterable[str]) -> Facts:
    """Items and names of tracks, and the names of their artists."""
    tracks: dict[str, KnownTrack] = opened.find(known.TRACKS, track_ids)
    names = {id: it.card.title for id, it in tracks.items()}
    for track in tracks.values():
        names |= {it.artist_id: it.name for it in track.card.credits if it.artist_id}
    return Facts({id: known.item(it) for id, it in tracks.items()}, names)


def tastes_of(opened: Opened, user_ids: Iterable[str]) -> dict[str, Taste]:
    """What is known of listeners besides their plays; an empty taste where nothing is."""
    ids = list(user_ids)
    found = opened.find(TASTES, ids)
    return {id: taste_of(found.get(id), id) for id in ids}


def switch(opened: Opened, user_ids: Iterable[str], generation: str, now: datetime) -> None:
    """Point users at `generation`, each by one write; nobody goes back."""

    def to(user_id: str) -> Callable[[Pointer | None], Pointer | None]:
        return lambda current: forward(current, user_id, generation, now)

    opened.change(POINTERS, {id: to(id) for id in user_ids})
