"""A page of 50 from a library of 10,000: documents read and CPU spent, beside two plain layouts.

`python -m benchmarks.library`, on Google's Firestore emulator. Peers: one document that holds the
whole list, and one document an item, read by offset. CPU is the service's own, not the emulator's.
Every page is read by an instance that has nothing in memory (`warm` aside). Documents are counted
as Firestore bills them: one for each that a query skips or gives, at least one a query.
"""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.report import emit
from emulators import java
from functions.library.documents import EntryDocument, RunDocument, ShelfDocument
from functions.library.store import Shelves
from shared.gcp import firestore
from shared.ids import derived_id

ITEMS = 10_000
PAGE = 50
PAGES = 40
SHELF = "listener~track"
START = datetime(2026, 1, 1, tzinfo=UTC)
Read = Callable[[int], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Saved:
    item_id: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Whole:
    items: tuple[Saved, ...]


class Counted:
    """A collection that counts what it reads and writes."""

    def __init__(self, documents: Any) -> None:
        self._documents = documents
        self.reads = 0
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._documents, name)

        async def call(*args: Any, **options: Any) -> Any:
            found = await method(*args, **options)
            if name == "find":
                self.reads += 1
            elif name == "find_many":
                self.reads += len(args[0])
            elif name in ("scan", "page", "until"):
                self.reads += options.get("offset", 0) + max(1, len(found))
            elif name == "count":
                self.reads += found // 1000 + 1
            elif name == "update":
                self.reads, self.writes = self.reads + 1, self.writes + 1
            elif name in ("create", "put"):
                self.writes += 1
            elif name in ("create_many", "put_many", "delete_many"):
                self.writes += len(args[0])
            return found

        return call


async def cpu_ms(read: Read, offsets: list[int]) -> float:
    """CPU of this process per page, the best of three rounds."""
    rounds = []
    for _ in range(3):
        before = time.process_time()
        for offset in offsets:
            await read(offset)
        rounds.append((time.process_time() - before) / len(offsets) * 1000)
    return min(rounds)


async def measure() -> None:
    client = firestore.client("segue-bench")

    def collection(name: str, cls: type) -> Any:
        return Counted(firestore.FirestoreDocuments(client, name, cls, "it"))

    ids = [derived_id(str(number)) for number in range(ITEMS)]
    clock = [START]
    ours = (
        collection("library_shelves", ShelfDocument),
        collection("library_runs", RunDocument),
        collection("library_log", EntryDocument),
    )

    def instance() -> Shelves:
        return Shelves(*ours, now=lambda: clock[0])

    warm = instance()
    requests = 0
    for start in range(0, ITEMS, PAGE):
        entry = await warm.save(SHELF, ids[start : start + PAGE])
        assert entry is not None
        await warm.mark_published(entry)
        clock[0] += timedelta(milliseconds=100)
        requests += 1
    clock[0] += timedelta(seconds=5)
    await warm.read(SHELF)
    writes = sum(it.writes for it in ours) / requests

    saved = [Saved(id, START + timedelta(seconds=at)) for at, id in enumerate(reversed(ids))]
    saved.reverse()
    one = collection("one", Whole)
    await one.put(SHELF, Whole(tuple(saved)))
    each = collection("each", Saved)
    await each.create_many({it.item_id: it for it in saved})
    tiny = collection("tiny", Saved)
    await tiny.put("x", saved[0])

    async def ours_cold(offset: int) -> Any:
        return await instance().window(SHELF, offset=offset, limit=PAGE)

    async def ours_warm(offset: int) -> Any:
        return await warm.window(SHELF, offset=offset, limit=PAGE)

    async def one_document(offset: int) -> Any:
        return (await one.find(SHELF)).items[offset : offset + PAGE]

    async def document_each(offset: int) -> Any:
        return await asyncio.gather(
            each.page("added_at", descending=True, limit=PAGE, offset=offset), each.count()
        )

    async def floor(offset: int) -> Any:
        return await tiny.find("x")

    offsets = random.Random(1).sample(range(0, ITEMS - PAGE, PAGE), PAGES)
    spent: dict[str, float] = {}
    reads: dict[str, float] = {}
    for name, read, collections in (
        ("ours", ours_cold, ours),
        ("warm", ours_warm, ours),
        ("one document", one_document, (one,)),
        ("document each", document_each, (each,)),
        ("floor", floor, (tiny,)),
    ):
        await read(0)
        before = sum(it.reads for it in collections)
        spent[name] = await cpu_ms(read, offsets)
        reads[name] = (sum(it.reads for it in collections) - before) / (3 * len(offsets))
        print(f"{name:14} {spent[name]:8.2f} CPU-ms {reads[name]:9.1f} documents", flush=True)
    emit(
        "library page",
        "CPU-ms a page of 50 from 10,000",
        spent["ours"],
        peers={name: spent[name] for name in ("one document", "document each")},
        floor=spent["floor"],
        higher_is_better=False,
        warm=round(spent["warm"], 3),
        documents_read={name: round(count, 1) for name, count in reads.items()},
        documents_written_per_save=round(writes, 2),
    )
    await client._firestore_api.transport.close()


def main() -> None:
    with java.running(java.firestore_argv) as address:
        os.environ["FIRESTORE_EMULATOR_HOST"] = address
        asyncio.run(measure())


if __name__ == "__main__":
    main()
