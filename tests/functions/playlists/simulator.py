"""Many editors at once, over a lossy network, against an oracle that knows what a list is.

The oracle holds a Python list and does by hand what the log's ops say. Replicas hold what they were
told on the live channel, in whatever order, and fill gaps from `changes`, as a client does.
"""

import asyncio
import random
from typing import Any

import msgspec

from functions.playlists.documents import ChunkDocument, chunk_of, key, log_path
from functions.playlists.history import whole
from functions.playlists.listing import Listing
from functions.playlists.ops import Add, Chunk, Entry, Move, Op, Place, Redo, Remove, Undo
from functions.playlists.sequencer import Appended
from shared.errors import SegueError, Unavailable
from shared.gcp.documents import from_document
from shared.gcp.memory import MemoryDocuments
from tests.functions.playlists.fakes import Cloud, Instance, uri


class Flaky(MemoryDocuments[Any]):
    """A collection whose answers are lost now and then: before the write, or after it."""

    def __init__(self, documents: MemoryDocuments[Any], noise: random.Random, share: float) -> None:
        self.__dict__.update(documents.__dict__)
        self._noise = noise
        self._share = share

    async def create_many(self, values: Any) -> set[str]:
        await asyncio.sleep(self._noise.random() * 0.002)
        lost = self._noise.random()
        if lost < self._share:
            raise Unavailable("lost on its way there")
        found = await super().create_many(values)
        if lost < 2 * self._share:
            raise Unavailable("lost on its way back")
        await asyncio.sleep(self._noise.random() * 0.002)
        return found


def flaky(cloud: Cloud, noise: random.Random, share: float):
    """`Cloud.open`, with logs that lose answers."""

    def open(path: str, cls: type[Any], what: str) -> Any:
        documents: Any = cloud.open(path, cls, what)
        return Flaky(documents, noise, share) if path.endswith("/log") else documents

    return open


class Oracle:
    """A plain list and the plainest reading of every op."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.seen: list[str] = []

    def do(self, op: Op) -> None:
        match op:
            case Add(items=items, place=place):
                self._put([it.id for it in items], place)
                self.seen += [it.id for it in items]
            case Remove(ids=ids):
                self.items = [id for id in self.items if id not in ids]
            case Move(ids=ids, place=place):
                self.items = [id for id in self.items if id not in ids]
                self._put(list(ids), place)
            case Undo(ops=ops) | Redo(ops=ops):
                for part in ops:
                    self.do(part)

    def _put(self, ids: list[str], place: Place) -> None:
        at = {"first": 0, "last": len(self.items)}.get(place.where)
        if at is None:
            at = self.items.index(place.item) + (place.where == "after")
        self.items[at:at] = ids


class Replica:
    """A client that follows the live channel and repairs what it misses."""

    def __init__(self) -> None:
        self.seq = 0
        self.listing = Listing()
        self.waiting: dict[int, Any] = {}

    def hear(self, seq: int, payload: Any) -> None:
        if seq > self.seq:
            self.waiting[seq] = payload
        while (found := self.waiting.pop(self.seq + 1, None)) is not None:
            for op in found["ops"]:
                self._do(msgspec.convert({k: v for k, v in op.items() if k in _FIELDS}, Op))
            self.seq += 1

    def recover(self, answer: dict[str, Any]) -> None:
        if answer["recovered"]:
            for pub in answer["pubs"]:
                self.hear(pub["seq"], pub["payload"])
        else:
            items = answer["snapshot"]["items"]
            self.listing = Listing(Entry(it["uri"], it["id"], it["by"], it["at"]) for it in items)
            self.seq, self.waiting = answer["tail"], {}

    def _do(self, op: Op) -> None:
        match op:
            case Add(items=items, place=place):
                self.listing.add(items, place)
            case Remove(ids=ids):
                self.listing.remove(ids)
            case Move(ids=ids, place=place):
                self.listing.move(ids, place)
            case Undo(ops=ops) | Redo(ops=ops):
                for part in ops:
                    self._do(part)


_FIELDS = frozenset(
    {"op", "items", "place", "ids", "ops", "of", "changes", "name", "owner", "attributes"}
)


def logged(cloud: Cloud, playlist_id: str) -> list[Chunk]:
    """The log as it lies in the documents."""
    documents = cloud.collections[log_path(playlist_id)]
    found: list[Chunk] = []
    while (it := documents._documents.get(key(len(found) + 1))) is not None:
        found.append(chunk_of(from_document(it[1], ChunkDocument)))
    assert len(found) == len(documents._documents), "the log is dense"
    return found


class Editor:
    """A user whose view is stale and whose answers get lost: sends again with the same nonce."""

    def __init__(self, user: str, instances: list[Instance], id: str, noise: random.Random) -> None:
        self.user = user
        self._instances = instances
        self._id = id
        self._noise = noise
        self.order: tuple[str, ...] = ()
        self.revision = 0
        self.acknowledged: dict[str, tuple[Op, Appended]] = {}

    async def look(self) -> None:
        live = await self._noise.choice(self._instances).service.store.live(self._id)
        self.order, self.revision = live.state.listing.order(), live.state.revision

    async def edit(self, number: int) -> None:
        if self._noise.random() < 0.15:
            await self.look()
        op, nonce = self.op(), f"{self.user}{number}"
        lost = False
        for _ in range(40):
            instance = self._noise.choice(self._instances)
            try:
                done = await instance.service.playlists.submit(
                    self._id, self.user, [op], nonce=nonce, base_revision=self.revision or None
                )
            except Unavailable:
                continue
            self.acknowledged.setdefault(nonce, (op, done))
            if not lost and self._noise.random() < 0.05:  # answered, but the answer was lost
                lost = True
                continue
            assert not lost or done.again or not done.batch.ops
            return
        raise AssertionError("never acknowledged")

    def op(self) -> Op:
        share, noise = self._noise.random(), self._noise
        anchor = noise.choice(self.order) if self.order else ""
        where = noise.choice(["first", "last", "before", "after"]) if anchor else "last"
        place = Place(where, anchor if where in ("before", "after") else "")  # type: ignore[arg-type]
        if share < 0.5 or not self.order:
            return Add(
                tuple(Entry(uri(noise.randrange(50))) for _ in range(noise.choice([1, 3]))), place
            )
        ids = tuple(noise.sample(self.order, min(len(self.order), noise.choice([1, 1, 2, 4]))))
        return Move(ids, place) if share < 0.8 else Remove(ids)


async def undo_something(instance: Instance, playlist_id: str, user: str) -> None:
    try:
        await instance.service.playlists.undo(playlist_id, user, None)
    except SegueError:
        return


def state_of(instance: Instance, playlist_id: str) -> dict[str, Any]:
    live = instance.service.store.cached(playlist_id)
    assert live is not None
    return whole(live.state)
