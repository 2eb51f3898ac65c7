"""Replicas, every server and the oracle end identical; nothing acknowledged is lost or doubled."""

import asyncio
import random

import msgspec
import pytest

from functions.playlists.asked import Gone, Removal
from functions.playlists.ops import Add, Create, Entry, Move, Place, Remove, Set
from functions.playlists.positions import removed
from shared.events import ChannelPublished
from shared.webapi.snapshots import revision_of, snapshot_id
from tests.functions.playlists.fakes import Cloud, Instance, uri
from tests.functions.playlists.simulator import (
    Editor,
    Oracle,
    Replica,
    flaky,
    logged,
    undo_something,
)

EDITORS = 12
EDITS = 25


async def run(seed: int, edits: int = EDITS, share: float = 0.05) -> None:
    noise = random.Random(seed)
    cloud = Cloud()
    instances = [Instance(cloud, f"i{n}", open=flaky(cloud, noise, share)) for n in range(2)]
    about = Set(name="together", visibility="unlisted", collaborative=True)
    id = "p" * 22
    for _ in range(20):
        try:
            await instances[0].service.playlists.create("owner", about, playlist_id=id, nonce="n")
            break
        except Exception:  # lost, as any answer may be
            continue
    editors = [Editor(f"e{n}", instances, id, noise) for n in range(EDITORS)]

    async def work(editor: Editor) -> None:
        for number in range(edits):
            await editor.edit(number)
            if noise.random() < 0.04:
                await undo_something(noise.choice(instances), id, editor.user)
            await asyncio.sleep(noise.random() * 0.004)

    await asyncio.gather(*map(work, editors))
    for it in instances:
        await it.service.settle()
    chunks = logged(cloud, id)
    assert all(1 <= sum(len(it.ops) for it in chunk.batches) <= 200 for chunk in chunks)
    ops = [op for chunk in chunks for batch in chunk.batches for op in batch.ops]
    oracle = Oracle()
    for op in ops:
        oracle.do(op)
    # Every acknowledged batch is in the log once, unless it had nothing left to do.
    nonces = [batch.nonce for chunk in chunks for batch in chunk.batches]
    assert len(nonces) == len(set(nonces))
    for editor in editors:
        for nonce, (op, done) in editor.acknowledged.items():
            if done.batch.ops or done.again or isinstance(op, Add):
                assert nonce in nonces, (nonce, op)
    added = [it.id for op in ops if isinstance(op, Add) for it in op.items]
    assert len(added) == len(set(added))
    # Every server, from memory and from scratch.
    fresh = Instance(cloud, "fresh")
    for it in (*instances, fresh):
        live = await it.service.store.live(id)
        assert list(live.state.listing.order()) == oracle.items
    seen = await Instance(cloud, "cold").service.playlists.see(id, "owner")
    assert seen.count == len(oracle.items)
    await _replicas(cloud, fresh, id, noise, oracle)


async def _replicas(
    cloud: Cloud, server: Instance, id: str, noise: random.Random, oracle: Oracle
) -> None:
    """Half of what was said is lost, the rest comes twice and in any order."""
    said = [it for it in cloud.published.events if isinstance(it, ChannelPublished)]
    for _ in range(3):
        replica = Replica()
        heard = [it for it in said if noise.random() < 0.5] * 2
        noise.shuffle(heard)
        for it in heard:
            replica.hear(it.seq, msgspec.json.decode(it.payload))
        live = await server.service.store.live(id)
        replica.recover(await server.service.history.changes(live, "1", replica.seq))
        assert replica.seq == live.state.seq
        assert list(replica.listing.order()) == oracle.items


@pytest.mark.parametrize("seed", range(3))
async def test_all_end_identical(seed: int):
    await run(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
async def test_all_end_identical_in_the_long_run(seed: int):
    await run(seed, edits=120)


async def test_a_removal_by_position_never_means_another_item():
    """500 removals by stale clients, while others insert before and remove around them."""
    noise = random.Random(5)
    instance = Instance()
    playlists = instance.service.playlists
    id = await playlists.create("o", Set(name="x"), items=[])
    wrong = 0
    for _ in range(500):
        live = await playlists.live(id, "o")
        if len(live.state.listing) < 30:
            await playlists.submit(id, "o", [Add(tuple(Entry(uri(n)) for n in range(40)))])
            live = await playlists.live(id, "o")
        seen = live.state.copy()
        snapshot = snapshot_id(id, seen.revision)
        position = noise.randrange(len(seen.listing))
        meant = seen.listing.order()[position]
        for _ in range(noise.randrange(6)):  # meanwhile
            order = (await playlists.live(id, "o")).state.listing.order()
            op = noise.choice(
                [
                    Add((Entry(uri(noise.randrange(9))),), Place("before", noise.choice(order))),
                    Move((noise.choice(order),), Place("first")),
                    Remove((noise.choice([it for it in order if it != meant]),)),
                ]
            )
            await playlists.submit(id, "o", [op])
        live = await playlists.live(id, "o")
        before = set(live.state.listing.order())
        past = await playlists.store.at_revision(live, revision_of(id, snapshot))
        asked = Removal(items=[Gone(seen.listing[meant].uri, [position])], positions=[])
        await playlists.submit(id, "o", [removed(asked, past)])
        after = set((await playlists.live(id, "o")).state.listing.order())
        wrong += before - after != ({meant} & before)
    assert wrong == 0
    assert isinstance(logged(instance.cloud, id)[0].batches[0].ops[0], Create)
