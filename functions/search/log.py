"""The log of changes: what every instance of search reads, in one order, and none may miss.

A push is delivered to one instance, yet all of them must hear of it. So the instance that gets it
appends it to a log, and every instance follows the log from the generation that it opened. The
log is a sequence of chunks without gaps: number n+1 is created only where n is, by whoever is
first (create-if-absent), so a reader's position is one number. Pushes that arrive together share
a chunk.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from functions.search.document import Document
from shared.errors import Conflict
from shared.gcp.documents import Documents

LOG = "search_log"
CHUNK_BYTES = 500_000
CHUNK_DOCUMENTS = 500
READ_AHEAD = 16
KEPT = timedelta(days=7)
"""How long a chunk outlives the generation that took it in: instances that still serve an older
generation, and writers that were asleep, must not find a hole where it was."""
_EXPIRE_AT_ONCE = 16

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Document, ...]).decode


@dataclass(frozen=True, slots=True)
class Chunk:
    """Changes that were written together. Numbered from 1; deleted some time after `expires_at`."""

    number: int
    written_at: datetime
    entries: bytes
    expires_at: datetime | None = None

    @property
    def documents(self) -> tuple[Document, ...]:
        return _decode(self.entries)


class Log:
    """Append and read. `position` of a reader is the number of the last chunk that it has seen."""

    def __init__(self, chunks: Documents[Chunk], now: Callable[[], datetime]) -> None:
        self._chunks = chunks
        self._now = now
        self._head = 0
        self._waiting: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._writing = asyncio.Lock()

    def known(self, position: int) -> None:
        """Tell that the log reaches `position` at least; its earlier chunks may be gone."""
        self._head = max(self._head, position)

    async def append(self, document: Document) -> None:
        """Write one change; returns once it is kept.

        Raises:
            Unavailable: it was not, or not surely: append it again.
        """
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((_encode(document), kept))
        async with self._writing:
            if not kept.done():
                await self._write(self._batch())
        await kept

    async def read(self, position: int) -> list[Chunk]:
        """The chunks after `position`, in order; some of them if there are many, none at the end.

        Costs one document read when there is nothing new.
        """
        first = await self._chunks.find(_id(position + 1))
        if first is None:
            return []
        ids = [_id(position + 1 + step) for step in range(1, READ_AHEAD + 1)]
        ahead = await self._chunks.find_many(ids)
        chunks = [first]
        for id in ids:
            if id not in ahead:
                break
            chunks.append(ahead[id])
        self.known(chunks[-1].number)
        return chunks

    async def expire(self, first: int, last: int) -> None:
        """Let the chunks from `first` to `last` go, in a while: a generation has them."""
        at = self._now() + KEPT
        gate = asyncio.Semaphore(_EXPIRE_AT_ONCE)

        async def one(number: int) -> None:
            async with gate:
                await self._chunks.update(
                    _id(number), lambda chunk: chunk and replace(chunk, expires_at=at)
                )

        await asyncio.gather(*(one(number) for number in range(first, last + 1)))

    def _batch(self) -> list[tuple[bytes, asyncio.Future[None]]]:
        batch: list[tuple[bytes, asyncio.Future[None]]] = []
        size = 0
        while self._waiting and len(batch) < CHUNK_DOCUMENTS:
            size += len(self._waiting[0][0])
            if batch and size > CHUNK_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _write(self, batch: list[tuple[bytes, asyncio.Future[None]]]) -> None:
        """One chunk of `batch`, at the end of the log. Its futures learn how it went."""
        try:
            entries = _joined(entry for entry, _ in batch)
            while True:
                try:
                    chunk = Chunk(self._head + 1, self._now(), entries)
                    await self._chunks.create(_id(chunk.number), chunk)
                    break
                except Conflict:  # another instance was there first
                    while await self.read(self._head):
                        pass
            self._head = chunk.number
        except BaseException as error:
            for _, kept in batch:
                if not kept.done():
                    kept.set_exception(error)
                    kept.exception()  # seen, should nobody wait for it any more
            raise
        for _, kept in batch:
            if not kept.done():
                kept.set_result(None)


def _joined(entries: Iterable[bytes]) -> bytes:
    """Encoded documents as one encoded list."""
    return _encode([msgspec.Raw(entry) for entry in entries])


def _id(number: int) -> str:
    return f"{number:012}"
