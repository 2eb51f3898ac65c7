"""The catalogue of an instance kept up: read whole at first, then whatever was written since."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from functions.recommendations import texts
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.store import Store
from shared.errors import Unavailable

log = logging.getLogger(__name__)

PAGE = 500
OVERLAP = timedelta(seconds=30)
"""Clocks differ, and a write takes a while to be seen: so much is read again."""


class Keeping:
    """Feeds `catalogue` from `store`. `ready` once it was read whole."""

    def __init__(
        self, store: Store, catalogue: Catalogue, *, every_s: float, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._every_s = every_s
        self._now = now
        self._since = ""
        self._model: str | None = None
        self._first: asyncio.Future[None] | None = None

    async def refresh(self) -> int:
        """Read what was written since the last time; how many tracks were news."""
        begun = (self._now() - OVERLAP).isoformat(timespec="microseconds")
        news = 0
        after: str | None = self._since
        while tracks := await self._store.tracks.scan(order_by="stamp", after=after, limit=PAGE):
            news += sum(self._catalogue.put(it) for it in tracks)
            after = tracks[-1].stamp
        after = self._since
        while artists := await self._store.artists.scan(order_by="stamp", after=after, limit=PAGE):
            for it in artists:
                self._catalogue.put_artist(it)
            after = artists[-1].stamp
        await self._take_texts()
        self._since = begun
        return news

    async def _take_texts(self) -> None:
        """Change over to the text model in use, whole or not at all."""
        current = await self._store.text_models.find(texts.CURRENT)
        if current is None or current.model == self._model:
            return
        ids = [texts.part_document(current.model, it) for it in range(current.parts)]
        parts = [await self._store.text_vectors.find(id) for id in ids]
        there = [it for it in parts if it is not None]
        if len(there) == len(ids):  # else the next one has come already
            self._catalogue.put_texts(texts.vectors_of(there))
            self._model = current.model

    async def ready(self) -> Catalogue:
        """The catalogue, read whole once. The first asker reads; others wait for it."""
        if self._first is None:
            self._first = asyncio.get_running_loop().create_future()
            try:
                await self.refresh()
                self._first.set_result(None)
            except BaseException as error:
                waiting, self._first = self._first, None
                waiting.set_exception(error)
                waiting.exception()
                raise
        elif not self._first.done():
            await asyncio.shield(self._first)
        return self._catalogue

    async def run(self) -> None:
        """Keep it up until cancelled."""
        while True:
            try:
                await self.ready()
                await asyncio.sleep(self._every_s)
                await self.refresh()
            except Unavailable as error:
                log.warning("the catalogue stays as it was: %s", error)
                await asyncio.sleep(self._every_s)
            except Exception:
                # Answers from an old catalogue are better than none; whoever watches sees this.
                log.exception("the catalogue stays as it was")
                await asyncio.sleep(self._every_s)
