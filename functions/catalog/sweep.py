"""The scheduled task that heals what was lost: masters that never came, events never heard,
and whatever else is named in `others`."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from functions.catalog import uploads
from functions.catalog.masters import Masters
from functions.catalog.publication import Publication
from functions.catalog.store import Store
from functions.catalog.uploads import Upload

log = logging.getLogger(__name__)


class Sweep:
    """`POST /_tasks/sweep-uploads`.

    An upload stuck in transcoding is started again by rewriting the master onto itself: that
    fires the very finalize event that may have been lost, with no second way into transcoding
    to build or to secure. Bytes and metadata stay; only the generation changes.
    """

    def __init__(
        self,
        store: Store,
        masters: Masters,
        publication: Publication,
        others: Mapping[str, Callable[[], Awaitable[int]]] | None = None,
        *,
        stuck_after: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._others = dict(others or {})
        self._store = store
        self._masters = masters
        self._publication = publication
        self._stuck_after = stuck_after
        self._now = now

    async def run(self) -> dict[str, int]:
        """One round; what was done, by kind. One upload's trouble does not stop the others."""
        done = {"missed": 0, "arrived": 0, "redriven": 0, "republished": 0, "troubled": 0}
        for upload in await self._store.due(self._now()):
            try:
                done[await self._look_at(upload)] += 1
            except Exception as error:
                done["troubled"] += 1
                log.error("upload %s", upload.upload_id, exc_info=error)
        done["republished"] = await self._publication.overdue()
        for name, heal in self._others.items():
            done[name] = await heal()
        return done

    async def _look_at(self, upload: Upload) -> str:
        at, id = self._now(), upload.upload_id
        if upload.status == uploads.AWAITING_MASTER:
            if not await self._masters.has(id):
                await self._store.change_upload(id, lambda known: uploads.missed(known, at))
                return "missed"
            # Its owner never asked, so nobody saw it arrive; give transcoding its time.
            await self._store.change_upload(
                id, lambda known: uploads.arrived(known, at, self._stuck_after)
            )
            return "arrived"
        # The document first: should the rewrite then fail, the next round is merely later.
        after = await self._store.change_upload(
            id, lambda known: uploads.redriven(known, at, self._stuck_after)
        )
        if after is not None and after.status == uploads.TRANSCODING:
            await self._masters.finalize_again(id)
        return "redriven"
