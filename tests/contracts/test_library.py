"""Shelves keep their promises on Firestore as in memory."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from functions.library import folding
from functions.library.documents import EntryDocument, RunDocument, ShelfDocument
from functions.library.store import Shelves
from shared.errors import Forbidden
from shared.gcp import firestore
from shared.gcp.documents import Documents
from shared.gcp.memory import MemoryDocuments
from tests.web import Clock

SHELF = "listener~track"
_databases = itertools.count()


class Kept:
    """The collections of one library; `instance()` is another process on them."""

    def __init__(
        self,
        shelves: Documents[ShelfDocument],
        runs: Documents[RunDocument],
        log: Documents[EntryDocument],
    ) -> None:
        self.now = Clock()
        self.shelves, self.runs, self.log = shelves, runs, log

    def instance(self) -> Shelves:
        return Shelves(self.shelves, self.runs, self.log, now=self.now)


@pytest.fixture(params=["memory", "emulator"])
async def kept(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Kept]:
    monkeypatch.setattr(folding, "RUN", 20)
    monkeypatch.setattr(folding, "MAX_FRONT", 40)
    if request.param == "memory":
        yield Kept(
            MemoryDocuments(ShelfDocument, "shelf"),
            MemoryDocuments(RunDocument, "run"),
            MemoryDocuments(EntryDocument, "entry"),
        )
        return
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", request.getfixturevalue("firestore_emulator"))
    client = firestore.client(f"segue-library-{next(_databases)}")
    yield Kept(
        firestore.FirestoreDocuments(client, "library_shelves", ShelfDocument, "shelf"),
        firestore.FirestoreDocuments(client, "library_runs", RunDocument, "run"),
        firestore.FirestoreDocuments(client, "library_log", EntryDocument, "entry"),
    )
    await client._firestore_api.transport.close()


async def save(store: Shelves, *ids: str, shelf: str = SHELF) -> None:
    if (entry := await store.save(shelf, ids)) is not None:
        await store.mark_published(entry)


async def everything(store: Shelves, shelf: str = SHELF) -> list[str]:
    ids: list[str] = []
    before = None
    while True:
        window, _ = await store.window(shelf, before=before, limit=7)
        ids += [item.item_id for item in window.items]
        if not window.more:
            return ids
        before = window.items[-1].key


async def test_what_was_saved_is_read_by_another_instance_newest_first(kept: Kept):
    store = kept.instance()
    for number in range(30):
        await save(store, *(f"{number}-{n}" for n in range(4)))
        kept.now.forward(milliseconds=300)
    entry = await store.let_go(SHELF, ["0-0", "29-1", "absent"])
    assert entry is not None
    await store.mark_published(entry)
    await save(store, "29-2", "5-1")
    expected = [
        f"{number}-{n}"
        for number in reversed(range(30))
        for n in range(4)
        if (number, n) not in {(0, 0), (29, 1)}
    ]
    assert await everything(kept.instance()) == expected
    kept.now.forward(seconds=2)
    fresh = kept.instance()
    window, total = await fresh.window(SHELF, offset=90, limit=10)
    assert ([item.item_id for item in window.items], total) == (expected[90:100], 118)
    assert await fresh.keys(SHELF, ["0-0", "absent"]) == {}
    assert list(await fresh.keys(SHELF, ["7-3", "29-3"])) == ["7-3", "29-3"]


async def test_shelves_with_names_that_begin_alike_are_apart(kept: Kept):
    store = kept.instance()
    for user in ("a", "a-b", "ab", "A"):
        for kind in ("track", "album"):
            await save(store, f"{user}/{kind}", shelf=f"{user}~{kind}")
    for user in ("a", "a-b", "ab", "A"):
        assert await everything(store, f"{user}~track") == [f"{user}/track"]


async def test_instances_that_write_at_once_lose_nothing_and_agree(kept: Kept):
    instances = [kept.instance() for _ in range(3)]

    async def write(number: int) -> None:
        await save(instances[number % 3], f"{number}")
        kept.now.forward(milliseconds=150)

    await asyncio.gather(*(write(number) for number in range(24)))
    views = [await everything(kept.instance()) for _ in range(2)]
    assert views[0] == views[1]
    assert sorted(views[0]) == sorted(str(number) for number in range(24))


async def test_entries_not_told_of_are_found_in_time(kept: Kept):
    store = kept.instance()
    first = await store.save(SHELF, ["a"])
    await save(store, "b")
    kept.now.forward(seconds=1)
    await store.save(SHELF, ["c"])
    since = kept.now().replace(microsecond=0)
    kept.now.forward(seconds=-1)
    assert await store.unpublished(kept.now()) == [first]
    kept.now.forward(seconds=60)
    assert [entry.seq for entry in await store.unpublished(since)] == [1, 3]


async def test_erasing_removes_every_document(kept: Kept):
    store = kept.instance()
    for number in range(12):
        await save(store, *(f"{number}-{n}" for n in range(10)))
        kept.now.forward(milliseconds=400)
    kept.now.forward(seconds=2)
    await store.read(SHELF)
    await save(store, "late")
    await save(store, "x", shelf="other~track")
    assert await kept.runs.count() > 0
    await store.erase(SHELF)
    with pytest.raises(Forbidden):
        await everything(kept.instance())
    assert await kept.runs.count() == 0
    assert await kept.log.count(("shelf", [SHELF])) == 0
    assert await kept.log.count(("shelf", ["other~track"])) == 1
    kept.now.forward(minutes=2)
    assert await kept.instance().finish_erasures() == 1
    assert await everything(store, "other~track") == ["x"]
