"""Others are told: each chunk on the playlist's live channel at once, the playlist as it stands
when its view is written. A mark, set before the first append of a while, makes sure that nothing is
left untold when an instance dies between."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.playlists import codec
from functions.playlists.documents import Mark
from functions.playlists.ops import Chunk, Join, Op, Redo, Roles, Set, Undo
from functions.playlists.playlist import Playlist
from functions.playlists.store import Live, Store
from functions.playlists.views import Views
from shared.errors import SegueError
from shared.events import ChannelPublished, PlaylistChanged
from shared.gcp.documents import Documents
from shared.ids import derived_id

log = logging.getLogger(__name__)

EPOCH = "1"
"""Logs are never begun anew, so there is one epoch."""
MARK_EVERY_S = 15.0
DUE = timedelta(seconds=45)
LAST = timedelta(days=1)
MAX_TRACK_IDS = 1_000


class Publication:
    """Publishes what happens to playlists."""

    def __init__(
        self,
        store: Store,
        marks: Documents[Mark],
        publish: Callable[[Any], Awaitable[None]],
        writer: str,
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._marks = marks
        self._publish = publish
        self._writer = writer
        self._now = now
        self._clock = clock
        self._marked: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def mark(self, playlist_id: str) -> asyncio.Future[None] | None:
        """Note that the playlist is being edited, once in a while; what to wait for."""
        now = self._clock()
        if self._marked.get(playlist_id, -MARK_EVERY_S) + MARK_EVERY_S > now:
            return None
        self._marked[playlist_id] = now
        for old in [id for id, at in self._marked.items() if at + MARK_EVERY_S < now]:
            del self._marked[old]
        # One of each instance's own: no document is written by two at once.
        mark = Mark(playlist_id, self._writer, self._now() + DUE)
        return asyncio.ensure_future(self._marks.put(_key(mark), mark))

    def say(self, live: Live, chunk: Chunk) -> None:
        """Publish a chunk on the playlist's channel, soon."""
        task = asyncio.create_task(self._say(live.playlist_id, chunk))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait for everything that is being published."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def tell(self, state: Playlist) -> None:
        """Publish the playlist as it stands. Raises Unavailable."""
        await self._publish(changed(state))

    async def overdue(self, views: Views, keep: Callable[[Live], Awaitable[None]]) -> int:
        """See to playlists that were edited a while ago; how many there were. `keep` sees to the
        lists that they should be in."""
        seen = 0
        while due := await self._marks.until("due_at", self._now()):
            for mark in due:
                live = await self._store.live(mark.playlist_id)
                if live.state.exists:
                    if live.view is None or live.view.seq < live.state.seq:
                        await views.fold(live)
                    else:
                        await self.tell(live.state)
                    await keep(live)
                    (chunk,) = await self._store.chunks(
                        mark.playlist_id, live.state.seq, live.state.seq
                    )
                    await self._publish(said(mark.playlist_id, chunk))
                await self._marks.update(_key(mark), self._seen(mark))
            seen += len(due)
        return seen

    def _seen(self, mark: Mark) -> Callable[[Mark | None], Mark | None]:
        expires_at = self._now() + LAST

        def change(known: Mark | None) -> Mark | None:
            if known != mark:  # somebody edits it again
                return None
            return replace(mark, due_at=None, expires_at=expires_at)

        return change

    async def _say(self, playlist_id: str, chunk: Chunk) -> None:
        try:
            await self._publish(said(playlist_id, chunk))
        except SegueError as error:  # subscribers find the gap, and the sweep speaks again
            log.warning("%s/%d was not said: %r", playlist_id, chunk.seq, error)


def said(playlist_id: str, chunk: Chunk) -> ChannelPublished:
    """What subscribers hear of a chunk."""
    return ChannelPublished(
        event_id=derived_id("playlist", playlist_id, str(chunk.seq)),
        occurred_at=datetime.fromtimestamp(chunk.at / 1000, UTC),
        channel=f"playlist:{playlist_id}",
        epoch=EPOCH,
        seq=chunk.seq,
        payload=codec.payload_text(chunk),
        recheck=any(_touches_rights(op) for batch in chunk.batches for op in batch.ops),
    )


def changed(state: Playlist) -> PlaylistChanged:
    """What everybody else hears."""
    it = state.attributes
    uris = (entry.uri for entry in state.listing)
    tracks = [uri.rpartition(":")[2] for uri in uris if uri.startswith("spotify:track:")]
    return PlaylistChanged(
        event_id=derived_id("playlist-changed", it.playlist_id, str(state.revision)),
        occurred_at=datetime.fromtimestamp(it.changed_at / 1000, UTC),
        playlist_id=it.playlist_id,
        revision=state.revision,
        owner_id=it.owner,
        kind=it.kind,
        name=it.name,
        description=it.description,
        visibility=it.visibility,
        collaborators=tuple(it.roles),
        item_count=len(state.listing),
        track_ids=tuple(tracks[:MAX_TRACK_IDS]),
        image_id=it.image_id,
        removed=it.deleted,
    )


def _touches_rights(op: Op) -> bool:
    match op:
        case Roles() | Join():
            return True
        case Set():
            return not op.values().keys().isdisjoint({"visibility", "deleted"})
        case Undo(ops=ops) | Redo(ops=ops):
            return any(_touches_rights(part) for part in ops)
    return False


def _key(mark: Mark) -> str:
    return f"{mark.playlist_id}~{mark.writer}"
