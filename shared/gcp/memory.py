"""Documents in memory: what tests use in Firestore's place, kept true by the contract suite."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.errors import Conflict, NotFound, Unavailable
from shared.gcp.documents import Having, from_document, to_document

T = TypeVar("T")
ATTEMPTS = 10


class MemoryDocuments(Generic[T]):
    """One collection in a dict. Yields to other tasks where the network would."""

    def __init__(self, cls: type[T], what: str) -> None:
        self._cls = cls
        self._what = what
        self._documents: dict[str, tuple[int, dict[str, Any]]] = {}
        self._writes = 0
        self.reads = 0

    async def find(self, id: str) -> T | None:
        await asyncio.sleep(0)
        self.reads += 1
        found = self._documents.get(id)
        return None if found is None else from_document(found[1], self._cls)

    async def find_many(self, ids: Iterable[str]) -> dict[str, T]:
        found = {id: await self.find(id) for id in dict.fromkeys(ids)}
        return {id: value for id, value in found.items() if value is not None}

    async def get(self, id: str) -> T:
        value = await self.find(id)
        if value is None:
            raise NotFound(f"no {self._what} {id}", code=f"{self._what.upper()}_NOT_FOUND")
        return value

    async def create(self, id: str, value: T) -> None:
        await asyncio.sleep(0)
        if id in self._documents:
            if await self.find(id) == value:
                return
            raise Conflict(f"{self._what} {id} exists", code="ALREADY_EXISTS")
        self._write(id, value)

    async def claim(self, id: str, value: T) -> T:
        try:
            await self.create(id, value)
        except Conflict:
            return await self.get(id)
        return value

    async def put(self, id: str, value: T) -> None:
        await asyncio.sleep(0)
        self._write(id, value)

    async def update(self, id: str, change: Callable[[T | None], T | None]) -> T | None:
        for _ in range(ATTEMPTS):
            version = self._documents.get(id, (0, {}))[0]
            before = await self.find(id)
            after = change(before)
            if after is None:
                return before
            await asyncio.sleep(0)
            if self._documents.get(id, (0, {}))[0] == version:
                self._write(id, after)
                return after
        raise Unavailable(f"{self._what} {id} is written by many at once", code="CONTENDED")

    async def page(
        self, order_by: str, *, descending: bool = False, limit: int = 20, offset: int = 0
    ) -> list[T]:
        await asyncio.sleep(0)
        documents = sorted(
            (document for _, document in self._documents.values() if order_by in document),
            key=lambda document: document[order_by],
            reverse=descending,
        )
        return [from_document(item, self._cls) for item in documents[offset : offset + limit]]

    async def until(self, field: str, at: datetime, *, limit: int = 100) -> list[T]:
        await asyncio.sleep(0)
        documents = sorted(
            (
                document
                for _, document in self._documents.values()
                if document.get(field) is not None and document[field] <= at
            ),
            key=lambda document: document[field],
        )
        return [from_document(item, self._cls) for item in documents[:limit]]

    async def count(self, any_of: Having | None = None) -> int:
        await asyncio.sleep(0)
        return sum(1 for _, document in self._documents.values() if _holds(document, any_of))

    async def scan(
        self,
        any_of: Having | None = None,
        *,
        order_by: str | None = None,
        descending: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> list[T]:
        await asyncio.sleep(0)
        found = sorted(
            (
                (id if order_by is None else document[order_by], document)
                for id, (_, document) in self._documents.items()
                if _holds(document, any_of)
            ),
            key=lambda item: item[0],
            reverse=descending,
        )
        if after is not None:
            found = [it for it in found if (it[0] < after if descending else it[0] > after)]
        return [from_document(document, self._cls) for _, document in found[:limit]]

    async def create_many(self, values: Mapping[str, T]) -> set[str]:
        await asyncio.sleep(0)
        taken = {id for id in values if id in self._documents}
        for id, value in values.items():
            if id not in taken:
                self._write(id, value)
        return taken

    async def put_many(self, values: Mapping[str, T]) -> None:
        await asyncio.sleep(0)
        for id, value in values.items():
            self._write(id, value)

    async def delete_many(self, ids: Iterable[str]) -> None:
        await asyncio.sleep(0)
        for id in ids:
            self._documents.pop(id, None)

    async def update_many(
        self, changes: Mapping[str, Callable[[T | None], T | None]]
    ) -> dict[str, T | None]:
        return {id: await self.update(id, change) for id, change in changes.items()}

    def _write(self, id: str, value: T) -> None:
        self._writes += 1
        self._documents[id] = (self._writes, to_document(value))


def _holds(document: dict[str, Any], any_of: Having | None) -> bool:
    return any_of is None or not set(any_of[1]).isdisjoint(document.get(any_of[0]) or ())
