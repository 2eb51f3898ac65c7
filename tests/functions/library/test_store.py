"""Shelves on documents: pages that hold still, appends that do not fight, folds without loss."""

import asyncio
import itertools
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.library import folding
from functions.library.domain import MAX_ITEMS
from shared.errors import Forbidden, Unavailable
from tests.functions.library.model import SHELF, Shelving
from tests.web import NOW


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "RUN", 4)
    monkeypatch.setattr(folding, "MAX_FRONT", 8)


_ids = st.lists(st.integers(0, 40).map(str), min_size=1, max_size=6)
_steps = st.lists(
    st.tuples(st.just("save"), _ids)
    | st.tuples(st.just("let_go"), _ids)
    | st.tuples(st.just("wait"), st.sampled_from([0.2, 1.5]))
    | st.tuples(st.just("page"), st.integers(1, 7)),
    max_size=60,
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(before=_steps, during=_steps, limit=st.integers(1, 7))
async def test_paging_shows_nothing_twice_and_misses_nothing_that_stays(
    small: None, before: list[Any], during: list[Any], limit: int
):
    shelving = Shelving()
    model: dict[str, int] = {}
    ticks = itertools.count()

    async def step(what: str, value: Any) -> None:
        if what == "save":
            await shelving.save(*value)
            new = [id for id in dict.fromkeys(value) if id not in model]
            model.update((id, next(ticks)) for id in reversed(new))
        elif what == "let_go":
            await shelving.let_go(*value)
            for id in value:
                model.pop(id, None)
        elif what == "wait":
            shelving.now.forward(seconds=value)
        else:
            await shelving.store.window(SHELF, limit=value)

    def newest_first() -> list[str]:
        return sorted(model, key=lambda id: -model[id])

    for item in before:
        await step(*item)
    assert await shelving.everything(limit) == newest_first()
    assert (await shelving.store.window(SHELF, limit=1))[1] == len(model)
    there = dict(model)
    never_left = set(there)
    seen: list[str] = []
    anchor = None
    todo = iter(during)
    while True:
        window, total = await shelving.store.window(SHELF, before=anchor, limit=limit)
        assert total == len(model)
        seen += [item.item_id for item in window.items]
        for what, value in itertools.islice(todo, 3):
            await step(what, value)
            never_left &= {id for id in model if model[id] == there.get(id)}
        if not window.more:
            break
        anchor = window.items[-1].key
    assert len(seen) == len(set(seen))
    assert never_left <= set(seen)
    assert [id for id in seen if id in never_left] == sorted(never_left, key=lambda id: -there[id])
    for item in todo:
        await step(*item)
    assert await shelving.everything(limit, shelving.instance()) == newest_first()
    for offset in range(0, len(model) + 2, 3):
        window, _ = await shelving.store.window(SHELF, offset=offset, limit=limit)
        found = [item.item_id for item in window.items]
        assert found == newest_first()[offset : offset + limit]
    asked = [str(number) for number in range(45)]
    assert (await shelving.store.keys(SHELF, asked)).keys() == model.keys()


async def test_saving_twice_keeps_the_first_date():
    shelving = Shelving()
    await shelving.save("a", "b")
    shelving.now.forward(hours=1)
    await shelving.save("b", "c")
    assert await shelving.everything() == ["c", "a", "b"]
    dates = await shelving.dates()
    assert dates["b"].replace(microsecond=0) == NOW
    assert dates["c"] > NOW


async def test_saving_again_what_was_let_go_is_new():
    shelving = Shelving()
    await shelving.save("a", "b")
    await shelving.let_go("b")
    await shelving.save("b")
    assert await shelving.everything() == ["b", "a"]


async def test_nothing_is_written_when_nothing_changes():
    shelving = Shelving()
    await shelving.save("a")
    writes = shelving.log._writes
    assert await shelving.store.save(SHELF, ["a"]) is None
    assert await shelving.store.let_go(SHELF, ["b"]) is None
    assert shelving.log._writes == writes


async def test_writers_of_several_instances_at_once_lose_nothing(small: None):
    shelving = Shelving()
    instances = [shelving.instance() for _ in range(4)]

    async def write(number: int) -> None:
        store = instances[number % len(instances)]
        entry = await store.save(SHELF, [f"{number}-a", f"{number}-b"])
        assert entry is not None
        await store.mark_published(entry)
        shelving.now.forward(milliseconds=400)
        if number % 3 == 0:
            entry = await store.let_go(SHELF, [f"{number}-a"])
            assert entry is not None
            await store.mark_published(entry)

    await asyncio.gather(*(write(number) for number in range(24)))
    expected = {f"{n}-b" for n in range(24)} | {f"{n}-a" for n in range(24) if n % 3}
    found = await shelving.everything(5, shelving.instance())
    assert len(found) == len(expected)
    assert set(found) == expected


async def test_readers_never_see_less_while_another_instance_folds(small: None):
    shelving = Shelving()
    await shelving.save(*(str(n) for n in range(20)))
    reader, done = shelving.instance(), asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            assert set(await shelving.everything(6, reader)) >= {str(n) for n in range(1, 20)}

    async def write() -> None:
        for number in range(40):
            shelving.now.forward(seconds=1)
            await shelving.save(f"new-{number}")
            await shelving.let_go("0") if number == 20 else None
            await shelving.store.read(SHELF)
        done.set()

    await asyncio.gather(read(), write())


class Broken(Exception):
    pass


@pytest.mark.parametrize("crash_at", range(6))
async def test_a_crash_anywhere_in_a_fold_loses_nothing(small: None, crash_at: int):
    shelving = Shelving()
    for number in range(9):
        await shelving.save(*(f"{number}-{n}" for n in range(3)))
    await shelving.let_go("0-0", "8-1")
    expected = await shelving.everything()
    calls = itertools.count()

    def failing(method: Any) -> Any:
        async def call(*args: Any) -> Any:
            if next(calls) == crash_at:
                raise Broken
            return await method(*args)

        return call

    broken = shelving.instance()
    for documents, name in (
        (shelving.runs, "create_many"),
        (shelving.shelves, "update"),
        (shelving.runs, "delete_many"),
        (shelving.log, "put_many"),
    ):
        setattr(documents, name, failing(getattr(documents, name)))
    shelving.now.forward(seconds=5)
    for _ in range(3):
        with suppress(Broken):
            await broken.read(SHELF)
        shelving.now.forward(seconds=5)
        assert await shelving.everything(4, shelving.instance()) == expected


async def test_the_log_stays_short_and_the_shelf_rests_a_second():
    shelving = Shelving()
    for number in range(100):
        await shelving.save(str(number))
        shelving.now.forward(milliseconds=50)
    assert len(shelving.entries()) <= 40
    assert shelving.shelves._writes <= 6
    shelving.now.forward(seconds=1)
    await shelving.store.read(SHELF)
    assert shelving.entries() == []


async def test_what_is_not_told_yet_stays_in_the_log_for_the_sweep():
    shelving = Shelving()
    entry = await shelving.store.save(SHELF, ["a"])
    await shelving.save("b")
    shelving.now.forward(seconds=60)
    await shelving.store.read(SHELF)
    assert await shelving.store.unpublished(shelving.now()) == [entry]
    assert await shelving.everything() == ["b", "a"]
    assert entry is not None
    await shelving.store.mark_published(entry)
    await shelving.save("c")
    shelving.now.forward(seconds=60)
    await shelving.store.read(SHELF)
    assert shelving.entries() == []
    assert await shelving.everything() == ["c", "b", "a"]


async def test_an_erased_shelf_holds_nothing_and_takes_nothing(small: None):
    shelving = Shelving()
    await shelving.save(*(str(n) for n in range(30)))
    shelving.now.forward(seconds=2)
    await shelving.store.read(SHELF)
    await shelving.save("late", shelf="listener2~track")
    late = dict(shelving.log._documents)
    await shelving.store.erase(SHELF)
    assert shelving.runs._documents == {}
    with pytest.raises(Forbidden) as caught:
        await shelving.store.save(SHELF, ["x"])
    assert caught.value.code == "USER_GONE"
    straggler = next(iter(late.values()))
    shelving.log._documents[f"{SHELF}~000000000099"] = (
        99,
        {**straggler[1], "shelf": [SHELF], "seq": 99},
    )
    assert await shelving.store.finish_erasures() == 0
    shelving.now.forward(minutes=2)
    assert await shelving.store.finish_erasures() == 1
    assert await shelving.store.finish_erasures() == 0
    assert [id for id in shelving.entries() if id.startswith(SHELF)] == []
    assert any(id.startswith("listener2") for id in shelving.entries())


async def test_a_number_taken_and_folded_meanwhile_is_not_taken_again():
    shelving = Shelving()
    await shelving.save("a")
    slow, create = shelving.instance(), shelving.log.create
    overtaken = False

    async def late(id: str, value: Any) -> None:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            await shelving.save("b")
            shelving.now.forward(seconds=2)
            await shelving.store.read(SHELF)
            assert shelving.entries() == []
        await create(id, value)

    shelving.log.create = late  # type: ignore[method-assign]
    assert await slow.save(SHELF, ["c"]) is not None
    assert await shelving.everything() == ["c", "b", "a"]


async def test_a_log_longer_than_one_read_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("functions.library.store.MAX_LOG", 3)
    shelving = Shelving()
    for number in range(10):
        assert await shelving.store.save(SHELF, [str(number)]) is not None
        shelving.now.forward(seconds=2)
        assert await shelving.everything() == [str(n) for n in reversed(range(number + 1))]
    assert len(shelving.entries()) == 10


async def test_a_log_with_a_hole_is_unavailable_and_never_a_wrong_answer():
    shelving = Shelving()
    await shelving.save("a")
    await shelving.save("b")
    await shelving.log.delete_many([f"{SHELF}~000000000001"])
    with pytest.raises(Unavailable):
        await shelving.store.window(SHELF, limit=5)


@pytest.mark.slow
async def test_ten_thousand_items_page_by_two_or_three_documents():
    shelving = Shelving()
    ids = [f"{number:022d}" for number in range(10_000)]
    for start in range(0, len(ids), 50):
        await shelving.save(*ids[start : start + 50])
        shelving.now.forward(milliseconds=100)
    shelving.now.forward(seconds=2)
    await shelving.store.read(SHELF)
    shelving.now.forward(seconds=2)
    assert len(ids) < MAX_ITEMS
    batches = [ids[start : start + 50] for start in range(0, len(ids), 50)]
    expected = [id for batch in reversed(batches) for id in batch]
    fresh = shelving.instance()
    before = None
    for page in range(200):
        documents = (shelving.shelves, shelving.runs, shelving.log)
        reads = sum(it.reads for it in documents)
        window, total = await fresh.window(SHELF, before=before, limit=50)
        assert sum(it.reads for it in documents) - reads <= 3
        assert total == 10_000
        found = [item.item_id for item in window.items]
        assert found == expected[page * 50 : page * 50 + 50]
        before = window.items[-1].key
    found = await shelving.instance().keys(SHELF, [*ids[::997], "absent"])
    assert list(found) == ids[::997]
