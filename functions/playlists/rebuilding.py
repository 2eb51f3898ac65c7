"""Everything about a playlist made again from its log: state, snapshots, pages, view."""

import asyncio
from collections.abc import AsyncIterator, Callable

from functions.playlists import codec
from functions.playlists.documents import (
    PageDocument,
    SnapshotDocument,
    ViewDocument,
    chunk_of,
    key,
)
from functions.playlists.ops import Chunk
from functions.playlists.paging import PageOf, paged
from functions.playlists.playlist import Playlist, apply_chunk, empty
from functions.playlists.store import FRONT, MAX_FETCH, Folded, Store
from functions.playlists.views import SNAPSHOT_OPS, Covers, snapshot_document, view_document
from shared.errors import NotFound
from shared.ids import derived_id

AHEAD = 4
"""Fetches under way at once."""
PAGES_AT_ONCE = 60
RECENT_OPS = 20_000
OLDER_OPS = 5 * SNAPSHOT_OPS
"""Between snapshots of what is longer ago than `RECENT_OPS`: most of the work is to write them."""


async def rebuild(
    store: Store, playlist_id: str, *, now_ms: Callable[[], int], covers: Covers
) -> Playlist:
    """Write snapshots, pages and view of a playlist anew, from nothing but the log.

    What is edited meanwhile is not lost: it is in the log, beyond the view. However long the log
    is, a few fetches of it are in memory.

    Raises:
        NotFound: there is no log (code PLAYLIST_NOT_FOUND).
    """
    state = empty(playlist_id)
    pages: list[PageOf] = []
    snapshots: list[tuple[int, int]] = []
    kept: tuple[str, ...] = ()
    waiting: dict[str, PageDocument] = {}
    documents: dict[str, SnapshotDocument] = {}
    newest = await store.log(playlist_id).page("n", descending=True, limit=1)
    recent = (chunk_of(newest[0]).revision if newest else 0) - RECENT_OPS
    async for chunk in _chunks(store, playlist_id):
        apply_chunk(state, chunk)
        every = SNAPSHOT_OPS if state.revision > recent else OLDER_OPS
        if state.revision - (snapshots[-1][0] if snapshots else 0) >= every:
            pages = _written(playlist_id, state, pages, waiting)
            documents[key(state.revision)] = snapshot_document(state, pages)
            snapshots.append((state.revision, state.seq))
            kept = tuple(page.page_id for page in pages[1:])
            if len(waiting) >= PAGES_AT_ONCE:
                await _flush(store, playlist_id, waiting, documents)
    if not state.exists:
        raise NotFound(f"no playlist {playlist_id}", code="PLAYLIST_NOT_FOUND")
    pages = _written(playlist_id, state, pages, waiting)
    await _flush(store, playlist_id, waiting, documents)
    folded = Folded(
        state.seq, state.revision, pages, snapshots, kept, await covers(state), now_ms()
    )
    document = view_document(playlist_id, folded, state)

    def change(known: ViewDocument | None) -> ViewDocument | None:
        return None if known is not None and known.seq > document.seq else document

    await store.views.update(playlist_id, change)
    store.forget(playlist_id)
    return state


async def _chunks(store: Store, playlist_id: str) -> AsyncIterator[Chunk]:
    """The whole log in order, some fetches ahead."""
    fetches: list[asyncio.Task[list[Chunk]]] = []
    first = 1
    try:
        while True:
            while len(fetches) < AHEAD:
                fetch = store.chunks(playlist_id, first, first + MAX_FETCH - 1)
                fetches.append(asyncio.create_task(fetch))
                first += MAX_FETCH
            some = await fetches.pop(0)
            for chunk in some:
                yield chunk
            if len(some) < MAX_FETCH:
                return
    finally:
        for fetch in fetches:
            fetch.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)


def _written(
    playlist_id: str, state: Playlist, known: list[PageOf], waiting: dict[str, PageDocument]
) -> list[PageOf]:
    """The state's pages; new ones are put into `waiting`. Ids follow from the log: a second
    rebuild writes the same documents."""
    found: list[PageOf] = []
    for at, page in enumerate(paged(list(state.listing), known)):
        if at == 0:
            found.append(PageOf(FRONT, page.entries))
        elif page.page_id in ("", FRONT):
            id = derived_id(playlist_id, str(state.revision), str(at))[:12]
            waiting[id] = PageDocument(id, codec.pack_entries(page.entries))
            found.append(PageOf(id, page.entries))
        else:
            found.append(page)
    return found


async def _flush(
    store: Store,
    playlist_id: str,
    pages: dict[str, PageDocument],
    snapshots: dict[str, SnapshotDocument],
) -> None:
    """Pages first: a snapshot names none that is not there."""
    await store.pages(playlist_id).put_many(pages)
    await store.snapshots(playlist_id).put_many(snapshots)
    pages.clear()
    snapshots.clear()
