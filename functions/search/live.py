"""The index that this instance serves: the newest generation, and the log followed from there.

The generation's files are copied to this instance, so changes go straight into the copy: a
removed or replaced document is masked by Tantivy's own tombstones, and totals stay exact. What
is in the copy can be lost at any moment: the generation and the log are what lasts.
"""

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

from functions.search import generation
from functions.search.build import rebuild
from functions.search.document import Document
from functions.search.generation import Manifest
from functions.search.index import TantivyIndex, opened
from functions.search.log import Log
from functions.search.port import SearchIndex
from functions.search.shelf import Shelf
from shared.errors import NotFound, Unavailable

log = logging.getLogger(__name__)

POLL_S = 0.5
"""How often the log is asked for more. With the delivery of the push: findable within 2 s."""
MANIFEST_POLL_S = 30.0
STALE_S = 1.5
"""An answer that could be older waits for the log first: an instance without requests may have
had no CPU to follow it."""
PATIENCE_S = 1.0
OPENING_S = 20.0
"""How long an answer waits for the log, and the first one for a generation to be opened."""
ASLEEP_S = 3600.0
"""After that long without the log, its chunks may have expired: start anew from the manifest."""


class Live:
    """Opens, follows, and swaps when a newer generation comes. One of them in a process."""

    def __init__(
        self,
        shelf: Shelf,
        changes: Log,
        kinds: Iterable[str],
        folder: Path,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._shelf = shelf
        self._log = changes
        self._kinds = tuple(kinds)
        self._folder = folder
        self._clock = clock
        self._copies = count()
        self._following = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._indexes: dict[str, TantivyIndex] = {}
        self._place: Path | None = None
        self._manifest: Manifest | None = None
        self._position = 0
        self.outdated = False
        """Whether the newest generation is of an older format: this instance built its own."""
        self._read_at = self._asked_at = float("-inf")

    def start(self) -> None:
        """Begin to open and follow, in the background."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._follow())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def behind(self) -> int:
        """How many chunks of the log the newest generation has not taken in."""
        return self._position - self._manifest.position if self._manifest else 0

    async def fresh(self) -> dict[str, SearchIndex]:
        """The indexes by kind, not older than STALE_S if the log can be read.

        Raises:
            Unavailable: nothing could be opened yet (code STARTING).
        """
        self.start()
        if self._clock() - self._read_at > STALE_S:
            try:
                # Shielded: what has begun to change an index must not be left half-way.
                async with asyncio.timeout(PATIENCE_S if self._manifest else OPENING_S):
                    await asyncio.shield(self.catch_up())
            except (Unavailable, NotFound, TimeoutError) as error:
                if self._manifest is None:
                    raise Unavailable("the index is being opened", code="STARTING") from error
                log.warning("search answers from what it has: %s", error)
        return dict(self._indexes)

    async def append(self, document: Document) -> None:
        """Keep a change for all instances, and know it here.

        Raises:
            Unavailable: it was not kept.
        """
        if self._manifest is None or self._clock() - self._read_at > ASLEEP_S:
            await self.catch_up()
        await self._log.append(document)
        await self.catch_up()

    async def catch_up(self) -> None:
        """Take in all that the log has; open what is newest first, where that is due.

        Raises:
            Unavailable: the bucket or the log did not answer.
            NotFound: the generation was cleared away while it was opened; try again.
        """
        begun = self._clock()
        async with self._following:
            if self._read_at >= begun:
                return  # somebody did meanwhile
            if self._manifest is None or begun - self._asked_at > MANIFEST_POLL_S:
                await self._open_newest()
            read_at = self._clock()
            while await self._replay(self._indexes, self._position):
                read_at = self._clock()
            self._read_at = read_at

    async def _open_newest(self) -> None:
        manifest, _ = await asyncio.to_thread(generation.newest, self._shelf)
        older = await asyncio.to_thread(generation.outdated, self._shelf)
        self._asked_at = self._clock()
        self.outdated = older is not None
        manifest = older or manifest
        if self._manifest is not None and manifest.number <= self._manifest.number:
            return
        place = self._folder / f"{manifest.number}-{next(self._copies)}"
        indexes = await asyncio.to_thread(self._open, manifest, place)
        self._log.known(manifest.position)
        # What is served goes on being served until the new copy knows as much.
        position = manifest.position
        while position < self._position and (chunks := await self._log.read(position)):
            await asyncio.to_thread(_apply, indexes, [it for c in chunks for it in c.documents])
            position = chunks[-1].number
        before, self._place = self._place, place
        self._indexes, self._position, self._manifest = indexes, position, manifest
        log.info("generation %s opened: %s", manifest.number, manifest.counts)
        if before is not None:
            # Searches that still run keep its files open; the names may go.
            await asyncio.to_thread(shutil.rmtree, before, True)

    def _open(self, manifest: Manifest, place: Path) -> dict[str, TantivyIndex]:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        if self.outdated:
            rebuild(self._shelf, manifest, place)
        else:
            generation.fetch_index(self._shelf, manifest, place)
        indexes = opened(place, self._kinds)
        for gone in generation.fetch_gone(self._shelf, manifest, place):
            if gone.kind in indexes:
                indexes[gone.kind].bury({gone.id: gone.revision})
        return indexes

    async def _replay(self, indexes: dict[str, TantivyIndex], position: int) -> bool:
        chunks = await self._log.read(position)
        if chunks:
            changes = [it for chunk in chunks for it in chunk.documents]
            await asyncio.to_thread(_apply, indexes, changes)
            self._position = chunks[-1].number
        return bool(chunks)

    async def _follow(self) -> None:
        while True:
            try:
                await self.catch_up()
            except (Unavailable, NotFound) as error:
                log.warning("search is behind the log: %s", error)
            except Exception:
                log.exception("search cannot follow the log")
            await asyncio.sleep(POLL_S)


def _apply(indexes: dict[str, TantivyIndex], changes: Iterable[Document]) -> None:
    by_kind: dict[str, list[Document]] = {}
    for document in changes:
        by_kind.setdefault(document.kind, []).append(document)
    for kind, documents in by_kind.items():
        if kind in indexes:  # another version of this service may know more kinds
            indexes[kind].apply(documents)
