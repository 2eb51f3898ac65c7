"""The view of a playlist, written again at most once a second; a snapshot of it every 1,000 ops.

A view is what the log says, in the form in which readers want it: it may be late, never wrong.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from functions.playlists import codec, documents
from functions.playlists.documents import PageDocument, SnapshotDocument, ViewDocument, key
from functions.playlists.ops import Entry
from functions.playlists.paging import PageOf, paged
from functions.playlists.playlist import NONCES_MS, Playlist
from functions.playlists.store import FRONT, Folded, Gap, Live, Store
from shared.errors import SegueError
from shared.ids import new_id

log = logging.getLogger(__name__)

EVERY_MS = 1_300
"""More than a second, for a write may take longer than the one after it."""
SNAPSHOT_OPS = 1_000
Covers = Callable[[Playlist], Awaitable[tuple[str, ...]]]


class Views:
    """Folds playlists into views. `covers` finds the pictures of which a mosaic is made; `told`
    is awaited with each playlist whose view was written."""

    def __init__(
        self,
        store: Store,
        *,
        now_ms: Callable[[], int],
        covers: Covers,
        told: Callable[[Playlist], Awaitable[None]],
        every_ms: int = EVERY_MS,
    ) -> None:
        self._store = store
        self._now_ms = now_ms
        self._covers = covers
        self._told = told
        self._every_ms = every_ms
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def wanted(self, live: Live) -> None:
        """See to it that the view catches up soon."""
        if live.playlist_id not in self._tasks:
            task = asyncio.create_task(self._keep_up(live))
            self._tasks[live.playlist_id] = task
            task.add_done_callback(lambda _: self._tasks.pop(live.playlist_id, None))

    async def settle(self) -> None:
        """Wait for every view that is being written."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _keep_up(self, live: Live) -> None:
        try:
            while live.state.exists and (live.view is None or live.view.seq < live.state.seq):
                if live.view is not None:
                    wait_ms = live.view.folded_at + self._every_ms - self._now_ms()
                    wait_ms = min(wait_ms, self._every_ms)  # another's clock may be ahead
                    if wait_ms > 0:
                        await asyncio.sleep(wait_ms / 1000)
                before = live.view
                if not await self.fold(live) and live.view is before:
                    return  # it was erased meanwhile
        except (SegueError, Gap) as error:  # the sweep will do it
            log.warning("%s was not folded: %r", live.playlist_id, error)

    async def fold(self, live: Live) -> bool:
        """Write the view as of now, unless another instance did a moment ago; whether it did.

        What others see of it is told: that happens again when the view is already there.
        """
        state, now = live.state, self._now_ms()
        if not state.exists:
            return False
        known = live.view
        pages = paged(list(state.listing), known.pages if known else ())
        fresh = {new_id()[:12]: page for page in pages[1:] if page.page_id in ("", FRONT)}
        ids = iter(fresh)
        pages = [
            PageOf(FRONT if at == 0 else next(ids), page.entries)
            if at == 0 or page.page_id in ("", FRONT)
            else page
            for at, page in enumerate(pages)
        ]
        store = self._store.pages(live.playlist_id)
        await store.put_many(
            {id: PageDocument(id, codec.pack_entries(it.entries)) for id, it in fresh.items()}
        )
        snapshots = list(known.snapshots) if known else []
        kept = known.kept if known else ()
        if state.revision - (snapshots[-1][0] if snapshots else 0) >= SNAPSHOT_OPS:
            await self._snapshot(live.playlist_id, state, pages)
            snapshots.append((state.revision, state.seq))
            kept = tuple(page.page_id for page in pages[1:])
        folded = Folded(
            state.seq, state.revision, pages, snapshots, kept, await self._covers(state), now
        )
        if not await self._replace(live, folded, state):
            await store.delete_many(id for id in fresh if id not in kept)
            await self.reload(live)
            return False
        used = {page.page_id for page in pages} | set(kept)
        gone = [it.page_id for it in (known.pages if known else ()) if it.page_id not in used]
        folded.folded_at = self._now_ms()  # the next write is a while after this one's end
        live.view, live.base = folded, state
        if gone:
            await store.delete_many(gone)
        await self._told(state)
        return True

    async def _replace(self, live: Live, folded: Folded, state: Playlist) -> bool:
        document = view_document(live.playlist_id, folded, state)
        before = live.view.seq if live.view else 0

        written: list[ViewDocument] = []

        def change(known: ViewDocument | None) -> ViewDocument | None:
            if (known.seq if known else 0) != before:
                return None
            # Of this very write, not of when folding began: others reckon from it.
            now = self._now_ms()
            if known is not None and 0 <= now - known.folded_at < self._every_ms:
                return None
            written[:] = [replace(document, folded_at=now)]
            return written[0]

        there = await self._store.views.update(live.playlist_id, change)
        return bool(written) and there is written[0]

    async def reload(self, live: Live) -> None:
        """Take over the view that another instance has written."""
        document = await self._store.views.find(live.playlist_id)
        if document is None:
            return
        fresh = await self._store.from_view(live.playlist_id, document)
        if fresh.state.seq > live.state.seq:
            await self._store.catch_up(live)
        live.view, live.base = fresh.view, fresh.base

    async def _snapshot(self, playlist_id: str, state: Playlist, pages: list[PageOf]) -> None:
        document = snapshot_document(state, pages)
        # Another instance may have written the same one.
        await self._store.snapshots(playlist_id).create_many({key(state.revision): document})


def snapshot_document(state: Playlist, pages: list[PageOf]) -> SnapshotDocument:
    """The playlist as it is, of `pages` that stay."""
    return SnapshotDocument(
        state.revision,
        state.seq,
        state.attributes.changed_at,
        codec.pack_attributes(state.attributes),
        codec.pack_entries(pages[0].entries if pages else ()),
        directory(pages),
    )


def view_document(playlist_id: str, folded: Folded, state: Playlist) -> ViewDocument:
    recent = state.nonces.copy()
    while recent and next(iter(recent.values())).at < folded.folded_at - NONCES_MS:
        recent.popitem(last=False)
    front: tuple[Entry, ...] = folded.pages[0].entries if folded.pages else ()
    return ViewDocument(
        playlist_id,
        folded.seq,
        folded.revision,
        len(state.listing),
        codec.pack_attributes(state.attributes),
        codec.pack_entries(front),
        directory(folded.pages),
        codec.pack_nonces(recent),
        folded.kept,
        documents.pack_pairs(folded.snapshots),
        folded.cover_ids,
        folded.folded_at,
    )


def directory(pages: list[PageOf]) -> bytes:
    return documents.pack_directory(tuple((page.page_id, len(page.entries)) for page in pages[1:]))
