"""Playlists in Firestore: appended to the log, read from a view and what the log has beyond it.

An append creates the log's next number, which is a compare-and-set: of two sequencers at once one
finds the number taken, and meets there what the other has written.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from functions.playlists import codec, documents
from functions.playlists.documents import (
    VIEWS,
    ChunkDocument,
    Directory,
    Open,
    PageDocument,
    SnapshotDocument,
    ViewDocument,
    chunk_document,
    chunk_of,
    directory_of,
    key,
)
from functions.playlists.listing import Listing
from functions.playlists.ops import Chunk, Entry
from functions.playlists.paging import PageOf
from functions.playlists.playlist import Playlist, apply, apply_batch, apply_chunk, empty
from shared.errors import NotFound, Unavailable

MAX_TAIL = 512
"""Chunks in memory behind the head: what a gateway's gaps and stale editors need."""
MAX_CACHED_ITEMS = 2_000_000
MAX_CACHED = 2_000
PROBES = (1, 8, 64, 200)
"""Chunks asked for beyond the last one known: more each time that all were there."""
MAX_FETCH = 200
MET = 8
"""Chunks read when a number was taken."""
ATTEMPTS = 5


class Gap(Exception):
    """A page is gone: the view that named it has been replaced."""


@dataclass
class Folded:
    """The view in Firestore as this instance knows it, its pages in memory."""

    seq: int
    revision: int
    pages: list[PageOf]
    snapshots: list[tuple[int, int]]
    kept: tuple[str, ...]
    cover_ids: tuple[str, ...]
    folded_at: int


@dataclass
class Live:
    """A playlist in memory: committed state, its view, and the last chunks."""

    playlist_id: str
    state: Playlist
    view: Folded | None
    base: Playlist
    """The state at the view, from which recent revisions are made again."""
    tail: deque[Chunk] = field(default_factory=lambda: deque(maxlen=MAX_TAIL))

    def advance(self, chunk: Chunk, state: Playlist | None = None) -> None:
        """The next chunk is committed; `state`: what is known to come out."""
        if state is None:
            state = self.state.copy()
            apply_chunk(state, chunk)
        state.seq = chunk.seq
        self.state = state
        self.tail.append(chunk)


class Store:
    """All playlists. `open` opens a collection."""

    def __init__(self, open: Open) -> None:
        self._open = open
        self.views = open(VIEWS, ViewDocument, "playlist")
        self._cache: OrderedDict[str, Live] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Live]] = {}
        self._past: OrderedDict[tuple[str, int], Playlist] = OrderedDict()

    # The log.

    def log(self, playlist_id: str):
        return self._open(documents.log_path(playlist_id), ChunkDocument, "chunk")

    def pages(self, playlist_id: str):
        return self._open(documents.pages_path(playlist_id), PageDocument, "page")

    def snapshots(self, playlist_id: str):
        return self._open(documents.snapshots_path(playlist_id), SnapshotDocument, "snapshot")

    async def append(self, playlist_id: str, chunk: Chunk) -> list[Chunk]:
        """Write the next chunk. Empty: it is written; else what stands there, and after it.

        Raises:
            Unavailable: it may be written or not.
        """
        document = chunk_document(chunk)
        if not await self.log(playlist_id).create_many({key(chunk.seq): document}):
            return []
        # A loser reads all it missed at once: by twos it would never catch a winner up.
        there = await self.chunks(playlist_id, chunk.seq, chunk.seq + MET - 1)
        # Our own, when the first answer was lost on its way.
        return [] if there and there[0] == chunk else there

    async def chunks(self, playlist_id: str, first: int, last: int) -> list[Chunk]:
        """The chunks of those numbers, as far as they exist without a gap."""
        found: list[Chunk] = []
        log = self.log(playlist_id)
        for start in range(first, last + 1, MAX_FETCH):
            ids = [key(seq) for seq in range(start, min(start + MAX_FETCH, last + 1))]
            there = await log.find_many(ids)
            for id in ids:
                if id not in there:
                    return found
                found.append(chunk_of(there[id]))
        return found

    async def beyond(self, playlist_id: str, seq: int) -> list[Chunk]:
        """Every chunk after number `seq`."""
        found: list[Chunk] = []
        sizes = iter(PROBES)
        size = next(sizes)
        while True:
            first = seq + 1 + len(found)
            more = await self.chunks(playlist_id, first, first + size - 1)
            found += more
            if len(more) < size:
                return found
            size = next(sizes, size)

    # States.

    async def live(self, playlist_id: str, *, fresh: bool = True) -> Live:
        """The playlist in memory; `fresh`: with every chunk that was there when asked."""
        live = self._cache.get(playlist_id)
        if live is None:
            task = self._loading.get(playlist_id)
            if task is None:
                task = asyncio.ensure_future(self._load(playlist_id))
                self._loading[playlist_id] = task
                task.add_done_callback(lambda _: self._loading.pop(playlist_id, None))
            return await asyncio.shield(task)
        self._cache.move_to_end(playlist_id)
        if fresh:
            await self.catch_up(live)
        return live

    def cached(self, playlist_id: str) -> Live | None:
        return self._cache.get(playlist_id)

    async def catch_up(self, live: Live) -> int:
        """Apply what others have appended; how many chunks there were."""
        found = await self.beyond(live.playlist_id, live.state.seq)
        return self.follow(live, found)

    def follow(self, live: Live, chunks: Sequence[Chunk]) -> int:
        """Apply those of `chunks` that come next."""
        state: Playlist | None = None
        count = 0
        for chunk in chunks:
            if chunk.seq == live.state.seq + 1:
                state = state or live.state.copy()
                apply_chunk(state, chunk)
                live.advance(chunk, state)
                count += 1
        return count

    def forget(self, playlist_id: str) -> None:
        self._cache.pop(playlist_id, None)
        for past in [it for it in self._past if it[0] == playlist_id]:
            del self._past[past]

    async def _load(self, playlist_id: str) -> Live:
        for _ in range(ATTEMPTS):
            document = await self.views.find(playlist_id)
            try:
                live = await self.from_view(playlist_id, document)
            except Gap:
                continue
            await self.catch_up(live)
            self._cache[playlist_id] = live
            self._evict()
            return live
        raise Unavailable(f"playlist {playlist_id} changes too quickly", code="CONTENDED")

    async def from_view(self, playlist_id: str, document: ViewDocument | None) -> Live:
        """The playlist as its view has it. Raises Gap."""
        if document is None:
            return Live(playlist_id, empty(playlist_id), None, empty(playlist_id))
        pages = await self.whole(playlist_id, document)
        state = Playlist(
            documents.attributes_of(document),
            Listing(entry for page in pages for entry in page.entries),
            seq=document.seq,
            revision=document.revision,
            nonces=codec.nonces_of(document.nonces),
        )
        return Live(playlist_id, state, folded_of(document, pages), state)

    def _evict(self) -> None:
        items = sum(len(it.state.listing) for it in self._cache.values())
        while len(self._cache) > 1 and (len(self._cache) > MAX_CACHED or items > MAX_CACHED_ITEMS):
            _, gone = self._cache.popitem(last=False)
            items -= len(gone.state.listing)

    # Pages.

    async def whole(
        self, playlist_id: str, document: ViewDocument | SnapshotDocument
    ) -> list[PageOf]:
        """All pages of a view. Raises Gap."""
        directory = directory_of(document.pages)
        front = PageOf(FRONT, documents.front_of(document))
        rest = await self.read_pages(playlist_id, directory)
        return [front, *rest] if front.entries else []

    async def read_pages(self, playlist_id: str, directory: Directory) -> list[PageOf]:
        """Pages by id. Raises Gap."""
        if not directory:
            return []
        found = await self.pages(playlist_id).find_many(id for id, _ in directory)
        if len(found) < len(directory):
            raise Gap
        return [PageOf(id, codec.entries_of(found[id].entries)) for id, _ in directory]

    # Forgetting.

    async def erase(self, live: Live) -> None:
        """Remove everything of a playlist, its log last."""
        id = live.playlist_id
        await self.views.delete_many([id])
        if live.view is not None:
            snapshots = self.snapshots(id)
            await snapshots.delete_many(key(revision) for revision, _ in live.view.snapshots)
        pages = self.pages(id)
        while some := await pages.scan(limit=MAX_FETCH):
            await pages.delete_many(it.page_id for it in some)
        await self.log(id).delete_many(key(seq) for seq in range(1, live.state.seq + 1))
        self.forget(id)

    # The past.

    async def at_revision(self, live: Live, revision: int) -> Playlist:
        """The state after op number `revision`. Do not change it.

        Raises:
            NotFound: there is no such revision (code REVISION_NOT_FOUND).
        """
        if not 0 < revision <= live.state.revision:
            raise NotFound(f"no revision {revision}", code="REVISION_NOT_FOUND")
        if revision == live.state.revision:
            return live.state
        known = self._past.get((live.playlist_id, revision))
        if known is None:
            known = await self._past_of(live, revision)
            self._past[live.playlist_id, revision] = known
            while len(self._past) > 16:
                self._past.popitem(last=False)
        return known

    async def _past_of(self, live: Live, revision: int) -> Playlist:
        tail = list(live.tail)
        if live.base.revision <= revision and (not tail or tail[0].seq <= live.base.seq + 1):
            return _forward(
                live.base.copy(), [it for it in tail if it.seq > live.base.seq], revision
            )
        state = empty(live.playlist_id)
        earlier = [it for it in (live.view.snapshots if live.view else []) if it[0] <= revision]
        for number, _ in reversed(earlier):
            try:
                state = await self._snapshot(live.playlist_id, number)
                break
            except (Gap, NotFound):
                continue  # an earlier one will do, or the log alone
        while state.revision < revision:
            last = min(state.seq + MAX_FETCH, live.state.seq)
            some = await self.chunks(live.playlist_id, state.seq + 1, last)
            if not some:
                raise Unavailable("the log has a gap", code="LOG_GAP")
            _forward(state, some, revision)
        return state

    async def _snapshot(self, playlist_id: str, revision: int) -> Playlist:
        """Raises Gap, NotFound."""
        document = await self.snapshots(playlist_id).get(key(revision))
        pages = await self.whole(playlist_id, document)
        return Playlist(
            codec.attributes_of(document.attributes),
            Listing(entry for page in pages for entry in page.entries),
            seq=document.seq,
            revision=document.n,
        )

    async def revision_at(self, live: Live, at: int) -> int:
        """The revision that was there at an instant (Unix ms); 0 before the first.

        Reads one chunk for each halving of the log.
        """
        low, high, revision = 1, live.state.seq, 0
        log = self.log(live.playlist_id)
        while low <= high:
            middle = (low + high) // 2
            chunk = chunk_of(await log.get(key(middle)))
            if chunk.batches and chunk.batches[0].at <= at:
                revision = chunk.base + sum(len(it.ops) for it in chunk.batches if it.at <= at)
                low = middle + 1
            else:
                high = middle - 1
        return revision


FRONT = "front"
"""The id of the first page, which lies in the view itself."""


def folded_of(document: ViewDocument, pages: list[PageOf]) -> Folded:
    return Folded(
        document.seq,
        document.revision,
        pages,
        documents.pairs_of(document.snapshots),
        document.kept,
        document.cover_ids,
        document.folded_at,
    )


def _forward(state: Playlist, chunks: Sequence[Chunk], revision: int) -> Playlist:
    """`state`, changed by the ops of `chunks` until `revision`."""
    for chunk in chunks:
        for batch in chunk.batches:
            if state.revision + len(batch.ops) <= revision:
                apply_batch(state, batch, chunk.seq)
            else:
                for op in batch.ops[: revision - state.revision]:
                    apply(state, op, batch.by, batch.at)
                return state
        state.seq = chunk.seq
    return state


def entries_between(pages: Sequence[PageOf], start: int, stop: int) -> list[Entry]:
    """Entries number `start` to `stop` of pages that follow each other."""
    found: list[Entry] = []
    at = 0
    for page in pages:
        found += page.entries[max(0, start - at) : max(0, stop - at)]
        at += len(page.entries)
    return found
