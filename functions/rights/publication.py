"""Licence changes reach others at least once, whatever crashes between write and publish."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from functions.rights import domain
from functions.rights.domain import Licence
from functions.rights.store import Licences
from shared.events import LicenceChanged

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=30)
"""A change younger than this is still on its way."""


class Publication:
    """Publishes a licence's state, then notes on the document that it did."""

    def __init__(
        self,
        licences: Licences,
        publish: Callable[[LicenceChanged], Awaitable[None]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._licences = licences
        self._publish = publish
        self._now = now

    async def of(self, licence: Licence) -> None:
        """Publish `licence` as it stands. Raises Unavailable; the sweep then catches up."""
        await self._publish(domain.changed(licence, self._now()))
        await self._licences.mark_published(licence.licence_id, licence.version)

    async def sweep(self) -> int:
        """Publish what was written but perhaps never published; how many there were."""
        overdue = await self._licences.unpublished(self._now() - GRACE)
        for licence in overdue:
            await self.of(licence)
        return len(overdue)
