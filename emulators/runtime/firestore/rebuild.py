"""Puts the journal's documents into an emulator that knows nothing, or too much."""

import asyncio
import logging
import urllib.request
from collections.abc import Iterable
from typing import Any

import grpc.aio

from emulators.runtime.firestore import fold
from emulators.runtime.firestore.journal import Journal
from emulators.runtime.firestore.writes import BatchWriteRequest, BatchWriteResponse

log = logging.getLogger(__name__)

BATCH_WRITE = "/google.firestore.v1.Firestore/BatchWrite"
PAGE = 2000
_LARGEST_BATCH = 400
_LARGEST_BATCH_BYTES = 2 << 20  # the emulator takes 4 MiB
_AT_ONCE = 4


class RebuildFailed(Exception):
    """The emulator did not take a document that it once acknowledged."""


async def rebuild(
    channel: grpc.aio.Channel, port: int, databases: Iterable[str], journal: Journal
) -> int:
    """Make the emulator hold exactly what the journal does. Gives the number of documents.

    First everything goes: an emulator that outlived this process may hold a write that was
    never acknowledged, hence is not in the journal.

    Raises:
        RebuildFailed: a document was refused.
    """
    await journal.fold_all()
    for database in databases:
        await asyncio.to_thread(_clear, port, database)
    count, after = 0, ""
    while page := await journal.page(after, PAGE):
        await _put(channel, [fold.Document.FromString(body) for _, body in page])
        count, after = count + len(page), page[-1][0]
    if count:
        log.info("%d documents are back in the emulator", count)
    return count


async def _put(channel: grpc.aio.Channel, documents: list[Any]) -> None:
    batches: list[list[Any]] = []
    size = 0
    for document in documents:
        bytes_more = document.ByteSize()
        full = not batches or len(batches[-1]) >= _LARGEST_BATCH
        # A batch belongs to one database.
        if (
            full
            or size + bytes_more > _LARGEST_BATCH_BYTES
            or (_database(batches[-1][0]) != _database(document))
        ):
            batches.append([])
            size = 0
        batches[-1].append(document)
        size += bytes_more
    send = channel.unary_unary(BATCH_WRITE)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def put(batch: list[Any]) -> None:
        writes = [fold.Write(update=document) for document in batch]
        request = BatchWriteRequest(database=_database(batch[0]), writes=writes)
        async with turns:
            answer = await send(request.SerializeToString(), metadata=OWNER, timeout=60)
        statuses = BatchWriteResponse.FromString(answer).status
        for document, status in zip(batch, statuses, strict=True):
            if status.code != 0:
                raise RebuildFailed(f"{document.name}: {status.message}")

    await asyncio.gather(*map(put, batches))


OWNER = (("authorization", "Bearer owner"),)
"""The emulator's word for a caller above all security rules."""


def _database(document: Any) -> str:
    return document.name.partition("/documents/")[0]


def _clear(port: int, database: str) -> None:
    url = f"http://127.0.0.1:{port}/emulator/v1/{database}/documents"
    request = urllib.request.Request(url, method="DELETE")
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310
        pass
