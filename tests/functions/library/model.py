"""Shelves on documents in memory, and the plain list that they must equal."""

import itertools
from datetime import datetime

from functions.library.documents import EntryDocument, RunDocument, ShelfDocument
from functions.library.domain import added_at
from functions.library.store import Shelves
from shared.gcp.memory import MemoryDocuments
from tests.web import Clock

SHELF = "listener~track"


class Shelving:
    """Shelves with a clock that the test moves, and the documents beneath."""

    def __init__(self) -> None:
        self.now = Clock()
        self.shelves = MemoryDocuments(ShelfDocument, "shelf")
        self.runs = MemoryDocuments(RunDocument, "run")
        self.log = MemoryDocuments(EntryDocument, "entry")
        self.store = self.instance()

    def instance(self) -> Shelves:
        """Another instance of the service on the same documents, with nothing in memory."""
        return Shelves(self.shelves, self.runs, self.log, now=self.now)

    async def save(self, *ids: str, shelf: str = SHELF) -> None:
        entry = await self.store.save(shelf, ids)
        if entry is not None:
            await self.store.mark_published(entry)

    async def let_go(self, *ids: str, shelf: str = SHELF) -> None:
        entry = await self.store.let_go(shelf, ids)
        if entry is not None:
            await self.store.mark_published(entry)

    def entries(self) -> list[str]:
        """Ids of the log that are no stubs."""
        return [id for id, (_, it) in self.log._documents.items() if it["shelf"]]

    async def everything(self, limit: int = 50, store: Shelves | None = None) -> list[str]:
        """The shelf by following anchors from the top."""
        ids: list[str] = []
        before = None
        for _ in itertools.count():
            window, _ = await (store or self.store).window(SHELF, before=before, limit=limit)
            ids += [item.item_id for item in window.items]
            if not window.more:
                return ids
            before = window.items[-1].key
        raise AssertionError

    async def dates(self) -> dict[str, datetime]:
        window, _ = await self.store.window(SHELF, limit=1000)
        return {item.item_id: added_at(item) for item in window.items}
