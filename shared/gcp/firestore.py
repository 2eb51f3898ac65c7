"""Documents in Firestore, through the official asynchronous client.

Read-modify-write reads outside any transaction and writes with the read's update time as
precondition: contended transactions wait on locks, this retries with jitter.
The client itself honours FIRESTORE_EMULATOR_HOST.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Generic, TypeVar

from google.api_core import exceptions
from google.api_core.retry import AsyncRetry, if_exception_type
from google.cloud.firestore_v1.async_client import AsyncClient
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.field_path import FieldPath
from google.cloud.firestore_v1.types.firestore import BatchWriteRequest, BatchWriteResponse

from shared.errors import Conflict, NotFound, Unavailable
from shared.gcp.documents import Having, from_document, to_document
from shared.gcp.values import fill

T = TypeVar("T")

ATTEMPTS = 10
TIMEOUT_S = 5.0
MAX_WRITES = 500
MAX_REQUEST_BYTES = 8 << 20
"""What one BatchWrite may hold; Firestore's own limit is 10 MiB."""
_TRANSIENT = (
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.InternalServerError,
    exceptions.TooManyRequests,
)
_PRECONDITION = (5, 6, 9, 10)  # google.rpc.Code: absent, exists, precondition, aborted
_BatchWrite: Any = BatchWriteRequest.pb()
_CONTENDED = (exceptions.FailedPrecondition, exceptions.Aborted, exceptions.AlreadyExists)


def client(project: str) -> AsyncClient:
    """A client for the project's default database. Connects on first use."""
    return AsyncClient(project=project)


class FirestoreDocuments(Generic[T]):
    """One collection of the default database; `what` names one document in error codes.

    Transient failures are retried for `patience_s`.
    """

    def __init__(
        self,
        client: AsyncClient,
        collection: str,
        cls: type[T],
        what: str,
        *,
        patience_s: float = 2 * TIMEOUT_S,
    ) -> None:
        self._client = client
        self._retry = AsyncRetry(
            predicate=if_exception_type(*_TRANSIENT), initial=0.05, maximum=1.0, timeout=patience_s
        )
        self._collection = client.collection(collection)
        self._cls = cls
        self._what = what

    async def find(self, id: str) -> T | None:
        return (await self._read(id))[0]

    async def find_many(self, ids: Iterable[str]) -> dict[str, T]:
        references = [self._collection.document(id) for id in dict.fromkeys(ids)]
        found: dict[str, T] = {}
        if references:
            async with _answered():
                snapshots = self._client.get_all(references, retry=self._retry, timeout=TIMEOUT_S)
                async for snapshot in snapshots:
                    if snapshot.exists:
                        found[snapshot.id] = from_document(snapshot.to_dict(), self._cls)
        return found

    async def get(self, id: str) -> T:
        value = await self.find(id)
        if value is None:
            raise NotFound(f"no {self._what} {id}", code=f"{self._what.upper()}_NOT_FOUND")
        return value

    async def create(self, id: str, value: T) -> None:
        document = to_document(value)
        try:
            async with _answered():
                await self._collection.document(id).create(
                    document, retry=self._retry, timeout=TIMEOUT_S
                )
        except exceptions.AlreadyExists as error:
            if await self.find(id) == value:
                return
            raise Conflict(f"{self._what} {id} exists", code="ALREADY_EXISTS") from error

    async def claim(self, id: str, value: T) -> T:
        try:
            await self.create(id, value)
        except Conflict:
            return await self.get(id)
        return value

    async def put(self, id: str, value: T) -> None:
        document = to_document(value)
        async with _answered():
            await self._collection.document(id).set(document, retry=self._retry, timeout=TIMEOUT_S)

    async def update(self, id: str, change: Callable[[T | None], T | None]) -> T | None:
        for attempt in range(ATTEMPTS):
            before, read_at = await self._read(id)
            after = change(before)
            if after is None:
                return before
            try:
                await self._replace(id, after, read_at)
            except _CONTENDED:
                # Full jitter: writers that met once should not meet again.
                await asyncio.sleep(random.uniform(0, min(0.5, 0.01 * 2**attempt)))  # noqa: S311
                continue
            except exceptions.NotFound:  # deleted since the read
                continue
            return after
        raise Unavailable(f"{self._what} {id} is written by many at once", code="CONTENDED")

    async def page(
        self, order_by: str, *, descending: bool = False, limit: int = 20, offset: int = 0
    ) -> list[T]:
        direction = "DESCENDING" if descending else "ASCENDING"
        query = self._collection.order_by(order_by, direction=direction)
        return await self._all(query.offset(offset).limit(limit))

    async def until(self, field: str, at: datetime, *, limit: int = 100) -> list[T]:
        query = self._collection.where(filter=FieldFilter(field, "<=", at)).order_by(field)
        return await self._all(query.limit(limit))

    async def count(self, any_of: Having | None = None) -> int:
        query: Any = self._having(any_of).count()  # its type says it is not asynchronous
        async with _answered():
            rows = await query.get(retry=self._retry, timeout=TIMEOUT_S)
            return int(rows[0][0].value)

    async def scan(
        self,
        any_of: Having | None = None,
        *,
        order_by: str | None = None,
        descending: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> list[T]:
        field = FieldPath.document_id() if order_by is None else order_by
        direction = "DESCENDING" if descending else "ASCENDING"
        query = self._having(any_of).order_by(field, direction=direction)
        if after is not None:
            beyond = self._collection.document(after) if order_by is None else after
            query = query.start_after({field: beyond})
        return await self._all(query.limit(limit))

    async def create_many(self, values: Mapping[str, T]) -> set[str]:
        return await self._write_many((id, value, None) for id, value in values.items())

    async def put_many(self, values: Mapping[str, T]) -> None:
        items = list(values.items())
        for start in range(0, len(items), MAX_WRITES):
            batch = self._client.batch()
            for id, value in items[start : start + MAX_WRITES]:
                batch.set(self._collection.document(id), to_document(value))
            async with _answered():
                await batch.commit(retry=self._retry, timeout=TIMEOUT_S)

    async def delete_many(self, ids: Iterable[str]) -> None:
        unique = list(dict.fromkeys(ids))
        for start in range(0, len(unique), MAX_WRITES):
            batch = self._client.batch()
            for id in unique[start : start + MAX_WRITES]:
                batch.delete(self._collection.document(id))
            async with _answered():
                await batch.commit(retry=self._retry, timeout=TIMEOUT_S)

    async def update_many(
        self, changes: Mapping[str, Callable[[T | None], T | None]]
    ) -> dict[str, T | None]:
        known = await self._read_many(changes)
        after = {id: change(known.get(id, (None, None))[0]) for id, change in changes.items()}
        writes = (
            (id, value, known.get(id, (None, None))[1])
            for id, value in after.items()
            if value is not None
        )
        late = await self._write_many(writes)
        found: dict[str, T | None] = {
            id: known.get(id, (None, None))[0] if value is None else value
            for id, value in after.items()
        }
        for id in late:  # another writer was quicker
            found[id] = await self.update(id, changes[id])
        return found

    async def _read_many(self, ids: Iterable[str]) -> dict[str, tuple[T, Any]]:
        references = [self._collection.document(id) for id in ids]
        found: dict[str, tuple[T, Any]] = {}
        for start in range(0, len(references), MAX_WRITES):
            async with _answered():
                snapshots = self._client.get_all(
                    references[start : start + MAX_WRITES],
                    retry=self._retry,
                    timeout=6 * TIMEOUT_S,
                )
                async for snapshot in snapshots:
                    if snapshot.exists:
                        value = from_document(snapshot.to_dict(), self._cls)
                        found[snapshot.id] = value, snapshot.update_time
        return found

    async def _write_many(self, values: Iterable[tuple[str, T, Any]]) -> set[str]:
        """Write (id, value, when it was read; None: it must not exist); the ids refused."""
        refused: set[str] = set()
        request = _BatchWrite(database=self._client._database_string)
        ids: list[str] = []
        size = 0
        for id, value, read_at in values:
            write = request.writes.add()
            write.update.name = self._collection.document(id)._document_path
            if read_at is None:
                write.current_document.exists = False
            else:
                write.current_document.update_time.CopyFrom(read_at.timestamp_pb())
            fill(write.update.fields, to_document(value))
            ids.append(id)
            size += write.ByteSize()
            if len(ids) == MAX_WRITES or size > MAX_REQUEST_BYTES:
                refused |= await self._send(ids, request)
                del request.writes[:]
                ids, size = [], 0
        if ids:
            refused |= await self._send(ids, request)
        return refused

    async def _send(self, ids: list[str], request: Any) -> set[str]:
        """Send a raw BatchWrite; answer the ids whose precondition failed."""
        async with _answered():
            response = await self._client._firestore_api.batch_write(
                request=BatchWriteRequest.wrap(request),
                retry=self._retry,
                timeout=6 * TIMEOUT_S,
                metadata=self._client._rpc_metadata,
            )
        refused: set[str] = set()
        for id, status in zip(ids, BatchWriteResponse.pb(response).status, strict=True):
            if status.code in _PRECONDITION:
                refused.add(id)
            elif status.code:
                raise Unavailable(f"{self._what} {id} was not written: {status.message}")
        return refused

    def _having(self, any_of: Having | None) -> Any:
        if any_of is None:
            return self._collection
        field, values = any_of
        if len(values) == 1:
            return self._collection.where(filter=FieldFilter(field, "array_contains", values[0]))
        return self._collection.where(
            filter=FieldFilter(field, "array_contains_any", list(values)[:30])
        )

    async def _read(self, id: str) -> tuple[T | None, Any]:
        async with _answered():
            reference = self._collection.document(id)
            snapshot = await reference.get(retry=self._retry, timeout=TIMEOUT_S)
        if not snapshot.exists:
            return None, None
        return from_document(snapshot.to_dict(), self._cls), snapshot.update_time

    async def _replace(self, id: str, value: T, read_at: Any) -> None:
        reference = self._collection.document(id)
        document = to_document(value)
        async with _answered():
            if read_at is None:
                await reference.create(document, retry=self._retry, timeout=TIMEOUT_S)
            else:
                option = self._client.write_option(last_update_time=read_at)
                await reference.update(
                    document, option=option, retry=self._retry, timeout=TIMEOUT_S
                )

    async def _all(self, query: Any) -> list[T]:
        async with _answered():
            snapshots = await query.get(retry=self._retry, timeout=TIMEOUT_S)
        return [from_document(snapshot.to_dict(), self._cls) for snapshot in snapshots]


@asynccontextmanager
async def _answered() -> AsyncIterator[None]:
    """Transient failures that outlived the retries, as `Unavailable`; all others as they are."""
    try:
        yield
    except (*_TRANSIENT, exceptions.RetryError) as error:
        raise Unavailable("Firestore did not answer in time") from error


async def holders(
    client: AsyncClient, collection: str, held: str, *, after: str = ""
) -> AsyncIterator[str]:
    """The ids of all documents of `collection` below which a collection `held` has something, in
    order, beyond `after`; they themselves need not exist. One read for each, and no more.

    Raises:
        Unavailable: Firestore did not answer; go on after the last one seen.
    """
    group = client.collection_group(held).select([]).order_by(FieldPath.document_id()).limit(1)
    while True:
        # No id of ours sorts after "~" or before "!".
        last = client.document(collection, after or "!", held, "~")
        async with _answered():
            found = await group.start_after({FieldPath.document_id(): last}).get(timeout=TIMEOUT_S)
        parent = found[0].reference.parent.parent if found else None
        if parent is None or parent.parent.id != collection:
            return
        after = parent.id
        yield after
