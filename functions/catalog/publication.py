"""Track changes reach others at least once, whatever crashes between write and publish."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from functions.catalog import domain
from functions.catalog.domain import Track
from functions.catalog.store import Store
from shared.events import TrackChanged

GRACE = timedelta(seconds=30)
"""A change younger than this is still on its way."""


class Publication:
    """Publishes a track's state, then notes on its document that it did."""

    def __init__(
        self,
        store: Store,
        publish: Callable[[TrackChanged], Awaitable[None]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._publish = publish
        self._now = now

    async def of(self, track: Track) -> None:
        """Publish `track` as it stands. Raises Unavailable; the sweep then catches up."""
        await self._publish(domain.changed(track, self._now()))
        await self._store.mark_published(track.track_id, track.revision)

    async def overdue(self) -> int:
        """Publish what was written but perhaps never published; how many there were."""
        tracks = await self._store.unpublished(self._now() - GRACE)
        for track in tracks:
            await self.of(track)
        return len(tracks)
