"""Changes reach others at least once, whatever crashes between write and publish."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from functions.catalog import albums, artists, domain
from functions.catalog.model import Album, Artist, Track
from functions.catalog.store import Store

GRACE = timedelta(seconds=30)
"""A change younger than this is still on its way."""
AT_ONCE = 50


class Publication:
    """Publishes an artist's, album's or track's state, then notes on its document that it did."""

    def __init__(
        self,
        store: Store,
        publish: Callable[[Any], Awaitable[None]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._publish = publish
        self._now = now

    async def of(self, entity: Artist | Album | Track | None) -> None:
        """Publish `entity` as it stands, if that is due.

        Raises Unavailable; the sweep then catches up.
        """
        if entity is None or entity.unpublished_at is None:
            return
        await self._publish(await self._event(entity))
        await self._store.mark_published(entity)

    async def of_all(self, entities: Sequence[Artist | Album | Track]) -> None:
        """As `of`, for many, some at a time."""
        for start in range(0, len(entities), AT_ONCE):
            await asyncio.gather(*map(self.of, entities[start : start + AT_ONCE]))

    async def _event(self, entity: Artist | Album | Track) -> Any:
        at = self._now()
        if isinstance(entity, Artist):
            return artists.changed(entity, at)
        if isinstance(entity, Album):
            return albums.changed(entity, at)
        album = await self._store.albums.find(entity.album_id) if entity.album_id else None
        work = await self._store.works.find(entity.work_id) if entity.work_id else None
        return domain.changed(entity, album, work.iswc if work else None, at)

    async def overdue(self) -> int:
        """Publish what was written but perhaps never published; how many there were."""
        entities = await self._store.unpublished(self._now() - GRACE)
        for entity in entities:
            await self.of(entity)
        return len(entities)
