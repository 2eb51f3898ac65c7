"""Crashes, hostile numbers of the same thing, and what lies between two instances."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from functions.playlists.deciding import decided
from functions.playlists.documents import VIEWS, pages_path, snapshots_path
from functions.playlists.fields import selected
from functions.playlists.ops import Add, Batch, Create, Entry, Move, Place, Remove, Set
from functions.playlists.playlist import empty
from functions.playlists.rebuilding import rebuild
from shared.errors import Invalid, NotFound, TooManyRequests, Unavailable
from shared.gcp.memory import MemoryDocuments
from tests.functions.playlists.appending import DiskDocuments, chunks_in
from tests.functions.playlists.fakes import Cloud, Instance, no_covers, uri
from tests.functions.playlists.simulator import logged

ROOT = Path(__file__).resolve().parents[3]


def test_ten_thousand_inserts_before_the_same_item_stay_in_their_order_and_quick():
    state, _ = decided(empty("p"), Batch("c", "o", 1, (Create("o"),)))
    state, first = decided(state, Batch("f", "o", 1, (Add((Entry(uri(0)),)),)))
    (anchor,) = [it.id for it in first.ops[0].items]  # type: ignore[union-attr]
    made: list[str] = []
    began = time.process_time()
    for number in range(10_000):
        op = Add((Entry(uri(1)),), Place("before", anchor))
        state, batch = decided(state, Batch(f"n{number}", "o", 1, (op,)))
        made.append(batch.ops[0].items[0].id)  # type: ignore[union-attr]
    assert time.process_time() - began < 5
    assert state.listing.order() == (*made, anchor)


def test_ten_thousand_inserts_before_an_item_long_removed_do_not_fail():
    state, _ = decided(empty("p"), Batch("c", "o", 1, (Create("o"),)))
    items = tuple(Entry(uri(n)) for n in range(400))
    state, first = decided(state, Batch("f", "o", 1, (Add(items),)))
    ids = tuple(it.id for it in first.ops[0].items)  # type: ignore[union-attr]
    state, _ = decided(state, Batch("r", "o", 1, (Remove(ids[1:]),)))
    for number in range(10_000):
        op = Add((Entry(uri(1)),), Place("before", ids[399]))
        state, _ = decided(state, Batch(f"n{number}", "o", 1, (op,)))
    assert len(state.listing) == 10_001
    assert state.listing.order()[0] == ids[0]


def test_a_move_beside_itself_and_into_its_own_block_changes_nothing_else():
    state, _ = decided(empty("p"), Batch("c", "o", 1, (Create("o"),)))
    state, first = decided(
        state, Batch("f", "o", 1, (Add(tuple(Entry(uri(n)) for n in range(5))),))
    )
    ids = [it.id for it in first.ops[0].items]  # type: ignore[union-attr]
    for place in (Place("before", ids[2]), Place("after", ids[2]), Place("before", ids[1])):
        state, _ = decided(state, Batch(f"m{place}", "o", 1, (Move(tuple(ids[1:3]), place),)))
        assert list(state.listing.order()) == ids


async def test_a_chunk_never_holds_more_than_it_may_however_much_waits():
    instance = Instance()
    playlists = instance.service.playlists
    id = await playlists.create("o", Set(name="x", visibility="unlisted", collaborative=True))
    await asyncio.gather(
        *(
            playlists.submit(id, f"u{n}", [Add(tuple(Entry(uri(k)) for k in range(100)))] * 5)
            for n in range(12)
        ),
        *(playlists.submit(id, f"v{n}", [Add((Entry(uri(0)),))] * 150) for n in range(4)),
    )
    chunks = logged(instance.cloud, id)
    assert sum(len(it.ops) for chunk in chunks for it in chunk.batches) == 1 + 60 + 600
    for chunk in chunks:
        assert sum(len(it.ops) for it in chunk.batches) <= 200


async def test_one_editor_who_floods_does_not_keep_others_waiting():
    instance = Instance()
    playlists = instance.service.playlists
    id = await playlists.create("o", Set(name="x", visibility="unlisted", collaborative=True))
    batch = [Add((Entry(uri(0)),))] * 100
    flood = [
        asyncio.ensure_future(playlists.submit(id, "flood", batch, nonce=f"n{n}"))
        for n in range(60)
    ]
    await asyncio.sleep(0)
    done = await playlists.submit(id, "calm", [Add((Entry(uri(1)),))])
    assert done.done.seq <= 4
    outcomes = await asyncio.gather(*flood, return_exceptions=True)
    refused = [it for it in outcomes if isinstance(it, TooManyRequests)]
    assert 30 < len(refused) < 45
    accepted = 60 - len(refused)
    assert len((await playlists.live(id, "o")).state.listing) == accepted * 100 + 1


async def test_an_append_whose_answer_is_lost_is_found_by_its_nonce():
    cloud = Cloud()
    lost: list[str] = []

    class Lossy(MemoryDocuments[Any]):
        async def create_many(self, values: Any) -> set[str]:
            found = await super().create_many(values)
            if not lost and "000000000002" in values:
                lost.extend(values)
                raise Unavailable("the answer never came")
            return found

    def open(path: str, cls: type[Any], what: str) -> Any:
        documents = cloud.open(path, cls, what)
        if path.endswith("/log"):
            made = Lossy(cls, what)
            made.__dict__.update(documents.__dict__)
            return made
        return documents

    playlists = Instance(cloud, open=open).service.playlists
    id = await playlists.create("o", Set(name="x"))
    with pytest.raises(Unavailable):
        await playlists.submit(id, "o", [Add((Entry(uri(0)),))], nonce="once")
    again = await Instance(cloud, "other").service.playlists.submit(
        id, "o", [Add((Entry(uri(0)),))], nonce="once"
    )
    assert again.again
    assert [len(it.batches) for it in logged(cloud, id)] == [1, 1]


async def test_everything_but_the_log_can_be_lost():
    cloud = Cloud()
    instance = Instance(cloud)
    playlists = instance.service.playlists
    id = await playlists.create("o", Set(name="x"), items=[Entry(uri(n)) for n in range(1_500)])
    for number in range(30):
        order = (await playlists.live(id, "o")).state.listing.order()
        ops = [Move((order[-1 - k],), Place("before", order[k])) for k in range(50)]
        await playlists.submit(id, "o", ops, nonce=f"n{number}")
    await instance.service.settle()
    wanted = (await playlists.live(id, "o")).state.listing.order()
    past = (await playlists.store.at_revision(await playlists.live(id, "o"), 777)).listing.order()
    for path in (VIEWS, pages_path(id), snapshots_path(id)):
        cloud.collections[path]._documents.clear()
    fresh = Instance(cloud, "fresh")
    await rebuild(fresh.service.store, id, now_ms=lambda: 1, covers=no_covers)
    seen = await Instance(cloud, "reader").service.playlists.see(id, "o")
    assert seen.view is not None
    reader = Instance(cloud, "reader").service.playlists
    assert [it.id for it in await reader.entries(seen, 0, 9_999)] == list(wanted)
    live = await reader.live(id, "o")
    assert (await reader.store.at_revision(live, 777)).listing.order() == past
    with pytest.raises(NotFound):
        await rebuild(fresh.service.store, "z" * 22, now_ms=lambda: 1, covers=no_covers)


async def test_the_first_page_of_a_long_list_is_two_documents_and_all_of_it_fifty():
    cloud = Cloud()
    instance = Instance(cloud)
    entries = [Entry(uri(n)) for n in range(10_000)]
    id = await instance.service.playlists.create("o", Set(name="x"), items=entries)
    await instance.service.settle()
    for count, most in ((100, 2), (10_000, 50)):
        reader = Instance(cloud, f"r{count}").service.playlists
        before = cloud.reads
        seen = await reader.see(id, "o")
        found = await reader.entries(seen, 0, count)
        assert [it.uri for it in found] == [it.uri for it in entries[:count]]
        assert cloud.reads - before <= most


@pytest.mark.slow
def test_killed_at_any_moment_the_log_is_whole_and_nobody_is_lost(tmp_path: Path):
    """kill -9 of a process that appends to a log on disk: what it acknowledged is there."""
    script = ROOT / "tests" / "functions" / "playlists" / "appending.py"
    acknowledged: set[str] = set()
    for round_ in range(6):
        process = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path), str(round_)],
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        )
        assert process.stdout is not None
        for _ in range(20 + 7 * round_):
            acknowledged.add(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
        acknowledged |= set(rest.split("\n")[:-1])  # a last line may be torn
        process.wait()
        process.stdout.close()
    chunks = chunks_in(DiskDocuments(tmp_path))
    nonces = [it.nonce for chunk in chunks for it in chunk.batches]
    assert len(nonces) == len(set(nonces))
    assert acknowledged <= set(nonces)
    assert len(acknowledged) > 150


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("name", {"name": "n"}),
        ("items(item(uri)),name", {"items": [{"item": {"uri": "u"}}], "name": "n"}),
        ("items.item.uri", {"items": [{"item": {"uri": "u"}}]}),
        ("!items", {"name": "n"}),
        ("items(!item.name)", {"items": [{"item": {"uri": "u"}}], "name": "n"}),
        ("absent", {}),
        ("", {"name": "n", "items": [{"item": {"uri": "u", "name": "x"}}]}),
    ],
)
def test_fields_choose(text: str, wanted: Any):
    whole = {"name": "n", "items": [{"item": {"uri": "u", "name": "x"}}]}
    assert selected(whole, text) == wanted


@pytest.mark.parametrize(
    "text", ["a(", "a)", "(", "a..b", "!", "a;b", "a(" * 50, "x" * 1001, "a.()"]
)
def test_fields_that_are_none_are_refused(text: str):
    with pytest.raises(Invalid):
        selected({}, text)
