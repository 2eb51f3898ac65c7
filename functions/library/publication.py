"""Others are told of every change at least once, whatever crashes between write and publish."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from functions.library.domain import Entry, entry_id, split
from functions.library.store import Shelves
from shared.errors import Unavailable
from shared.events import LibraryChanged
from shared.ids import derived_id

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=30)
"""A change younger than this is still on its way."""


class Publication:
    """Publishes what an entry of the log changed, then notes on the entry that it did."""

    def __init__(
        self,
        shelves: Shelves,
        publish: Callable[[Any], Awaitable[None]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._shelves = shelves
        self._publish = publish
        self._now = now

    async def of(self, entry: Entry | None) -> None:
        """Publish `entry`. When that fails now the sweep does it: the change itself stands."""
        if entry is None:
            return
        try:
            await self._tell(entry)
        except Unavailable as error:
            log.warning("%s is told later: %r", entry_id(entry.shelf_id, entry.seq), error)

    async def overdue(self) -> int:
        """Publish what was written but perhaps never published; how many entries there were."""
        told = 0
        while entries := await self._shelves.unpublished(self._now() - GRACE):
            for entry in entries:
                await self._tell(entry)
            told += len(entries)
        return told

    async def _tell(self, entry: Entry) -> None:
        user_id, kind = split(entry.shelf_id)
        await asyncio.gather(
            *(
                self._publish(
                    LibraryChanged(
                        event_id=derived_id(entry_id(entry.shelf_id, entry.seq), op.item_id),
                        occurred_at=entry.at,
                        user_id=user_id,
                        kind=kind,
                        item_id=op.item_id,
                        saved=op.saved,
                    )
                )
                for op in entry.ops
            )
        )
        await self._shelves.mark_published(entry)
