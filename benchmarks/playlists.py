"""Sixty-four writers on one playlist, a rebuild, and what a reader pays: `python -m
benchmarks.playlists`.

Google's Firestore emulator, 25 ms added to each leg of every call, so a round trip takes 50 ms and
more. Peers in the same run, over the same calls: a transaction on a head document, and one
compare-and-set an op. Floor: appending to one list in memory behind a lock, once a round trip.
Everything is one process, so the CPU of writers, sequencers and clients is one core's.
"""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from benchmarks.report import emit
from emulators import java
from functions.playlists.deciding import decided
from functions.playlists.documents import MARKS, Mark, chunk_document, key
from functions.playlists.ops import LAST, Add, Batch, Chunk, Create, Entry, Move, Op, Place, Remove
from functions.playlists.ops import Set as SetOp
from functions.playlists.playlist import empty
from functions.playlists.playlists import Playlists
from functions.playlists.publication import Publication
from functions.playlists.rebuilding import rebuild
from functions.playlists.sequencer import Sequencer
from functions.playlists.shelf import Shelf
from functions.playlists.store import Store
from functions.playlists.views import Views
from shared.errors import SegueError
from shared.gcp import firestore
from shared.gcp.firestore import FirestoreDocuments
from shared.gcp.memory import MemoryDocuments
from shared.ids import derived_id

WRITERS = 64
LEG_S = 0.025
SECONDS = 8.0
PEER_SECONDS = 6.0
TRACK = "spotify:track:" + "A" * 22
REBUILD_OPS = 100_000
LONG = 10_000


@dataclass
class Written:
    """When each document was written, and how many were read."""

    at: dict[str, list[float]] = field(default_factory=dict)
    reads: int = 0
    calls: Counter[str] = field(default_factory=Counter)

    def note(self, path: str) -> None:
        self.at.setdefault(path, []).append(time.monotonic())

    @property
    def shortest_s(self) -> float:
        """The shortest time between two writes of one document; infinite: none twice."""
        gaps = [b - a for it in self.at.values() for a, b in pairwise(it)]
        return min(gaps, default=float("inf"))


class Slow:
    """A collection, `LEG_S` farther away on each leg, that counts."""

    def __init__(self, documents: Any, path: str, written: Written, leg_s: float) -> None:
        self._documents = documents
        self._path = path
        self._written = written
        self._leg_s = leg_s

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._documents, name)

        async def call(*args: Any, **options: Any) -> Any:
            written = self._written
            if self._leg_s:
                await asyncio.sleep(self._leg_s)
            changed = [True]
            if name == "find_many":
                args = (list(args[0]), *args[1:])
            elif name == "update":
                args = (args[0], _watched(args[1], changed))
            found = await method(*args, **options)
            written.calls[name] += 1
            if name in ("find", "get", "update"):
                written.reads += 1
            elif name == "find_many":
                written.reads += len(args[0])
            if name in ("put", "create") or (name == "update" and changed[0]):
                written.note(f"{self._path}/{args[0]}")
            elif name in ("put_many", "create_many"):
                for id in set(args[0]) - (found or set()):
                    written.note(f"{self._path}/{id}")
            if self._leg_s:
                await asyncio.sleep(self._leg_s)
            return found

        return call


def _watched(change: Callable[[Any], Any], changed: list[bool]) -> Callable[[Any], Any]:
    """`change`, and whether it wanted a write."""

    def watched(known: Any) -> Any:
        after = change(known)
        changed[0] = after is not None
        return after

    return watched


class Instance:
    """A sequencer with its own memory, over the emulator."""

    def __init__(self, database: Any, written: Written, name: str, leg_s: float = LEG_S) -> None:
        def open(path: str, cls: type[Any], what: str) -> Any:
            return Slow(FirestoreDocuments(database, path, cls, what), path, written, leg_s)

        self.store = Store(open)
        self.said: list[Any] = []
        self.publication = Publication(
            self.store,
            open(MARKS, Mark, "mark"),
            self._publish,
            name,
            now=lambda: datetime.now(UTC),
            clock=time.monotonic,
        )
        self.views = Views(self.store, now_ms=now_ms, covers=_no_covers, told=self.publication.tell)
        self.sequencer = Sequencer(
            self.store,
            name,
            now_ms=now_ms,
            clock=time.monotonic,
            mark=self.publication.mark,
            committed=self._committed,
        )
        shelf = Shelf(MemoryDocuments(object, "playlist"))  # type: ignore[arg-type]
        self.playlists = Playlists(self.store, self.sequencer, self.views, shelf)

    async def _publish(self, event: Any) -> None:
        self.said.append(event)

    def _committed(self, live: Any, chunk: Chunk) -> None:
        self.publication.say(live, chunk)
        self.views.wanted(live)

    async def settle(self) -> None:
        await self.sequencer.stop()
        await self.views.settle()
        await self.publication.settle()


@dataclass(frozen=True)
class Outcome:
    """What writers got: ops a second, p99 in ms, the worst writer's share of the best one's."""

    ops_s: float
    p50_ms: float
    p99_ms: float
    fairness: float


async def closed_loop(write: Callable[[int, int], Awaitable[None]], seconds: float) -> Outcome:
    """Sixty-four writers, each of which sends its next op when its last is acknowledged."""
    counts = [0] * WRITERS
    took: list[float] = []
    until = time.monotonic() + seconds

    async def writer(number: int) -> None:
        while (began := time.monotonic()) < until:
            with suppress(SegueError, ValueError):
                await write(number, counts[number])
                counts[number] += 1
                took.append(time.monotonic() - began)

    began = time.monotonic()
    await asyncio.gather(*(writer(number) for number in range(WRITERS)))
    passed = time.monotonic() - began
    took.sort()
    return Outcome(
        sum(counts) / passed,
        _percentile(took, 0.5),
        _percentile(took, 0.99),
        min(counts) / max(1, *counts),
    )


def _percentile(ordered: list[float], share: float) -> float:
    return 1000 * ordered[int(len(ordered) * share)] if ordered else float("inf")


async def ours(database: Any, instances: int, seconds: float) -> tuple[Outcome, Written]:
    """Writers on `instances` sequencers at once."""
    written = Written()
    some = [Instance(database, written, f"i{number}") for number in range(instances)]
    owner = "owner"
    id = derived_id("bench", str(instances), str(time.time_ns()))
    await some[0].playlists.submit(
        id,
        owner,
        [Create(owner, attributes=SetOp(name="x", visibility="unlisted", collaborative=True))],
    )
    for it in some:
        await it.store.live(id)

    async def write(number: int, count: int) -> None:
        op = Add((Entry(TRACK),), LAST)
        await some[number % instances].playlists.submit(id, f"w{number}", [op])

    outcome = await closed_loop(write, seconds)
    for it in some:
        await it.settle()
    fresh = Instance(database, Written(), "check", 0)
    live = await fresh.store.live(id)
    print(
        f"  {instances} sequencer(s): {outcome.ops_s:.0f} ops/s, p50 {outcome.p50_ms:.0f} ms, "
        f"p99 {outcome.p99_ms:.0f} ms, fairness {outcome.fairness:.2f}, {live.state.seq} chunks, "
        f"shortest between two writes of a document {written.shortest_s:.2f} s"
    )
    return outcome, written


async def head_transaction(database: Any, seconds: float) -> Outcome:
    """A document with the revision, read and written in one transaction with the op."""
    from google.api_core import exceptions
    from google.cloud.firestore_v1 import async_transactional

    head = database.document(f"bench-head/{time.time_ns()}")
    await head.set({"revision": 0})

    @async_transactional
    async def append(transaction: Any, number: int, count: int) -> None:
        await asyncio.sleep(2 * LEG_S)
        snapshot = await head.get(transaction=transaction)
        revision = (snapshot.to_dict() or {})["revision"] + 1
        transaction.update(head, {"revision": revision})
        op = head.collection("log").document(key(revision))
        transaction.create(op, {"by": number, "n": count})
        await asyncio.sleep(2 * LEG_S)

    async def write(number: int, count: int) -> None:
        try:
            await asyncio.wait_for(append(database.transaction(max_attempts=20), number, count), 15)
        except (exceptions.GoogleAPIError, ValueError, TimeoutError) as error:
            raise ValueError(str(error)) from error

    return await closed_loop(write, seconds)


async def naive_compare_and_set(database: Any, seconds: float) -> Outcome:
    """Each writer by itself: create the next number, or learn that it is taken and try the next."""
    written = Written()
    path = f"bench-naive/{time.time_ns()}/log"
    from functions.playlists.documents import ChunkDocument

    log = Slow(FirestoreDocuments(database, path, ChunkDocument, "op"), path, written, LEG_S)
    heads = [0] * WRITERS

    async def write(number: int, count: int) -> None:
        while True:
            seq = heads[number] + 1
            mine = ChunkDocument(seq, seq, f"{number}/{count}", 0, b"")
            there = await log.claim(key(seq), mine)
            heads[number] = seq
            if there is mine:
                return

    return await closed_loop(write, seconds)


async def floor(seconds: float) -> Outcome:
    """Nothing but the round trip."""

    async def write(number: int, count: int) -> None:
        await asyncio.sleep(2 * LEG_S)

    return await closed_loop(write, seconds)


async def long_list(database: Any, id: str, items: int) -> None:
    """A playlist of `items`, its view up to date."""
    instance = Instance(database, Written(), "long", 0)
    entries = [Entry(f"spotify:track:{derived_id(str(n))}") for n in range(items)]
    await instance.playlists.create(
        "o", SetOp(name="l"), items=entries, playlist_id=id, listed=False
    )
    await instance.settle()


async def reads_of(database: Any) -> tuple[int, int]:
    """Documents read for the first page of a long list, and for all of it, by a new instance."""
    id = derived_id("long", str(time.time_ns()))
    await long_list(database, id, LONG)
    found: list[int] = []
    for upto in (100, LONG):
        written = Written()
        reader = Instance(database, written, "reader", 0)
        seen = await reader.playlists.see(id, "o")
        entries = await reader.playlists.entries(seen, 0, upto)
        assert len(entries) == upto
        found.append(written.reads)
    return found[0], found[1]


async def rebuild_s(database: Any, ops: int) -> float:
    """Seconds to make a playlist again from a log of `ops` ops, 64 a chunk."""
    id = derived_id("rebuild", str(time.time_ns()))
    store = Store(lambda path, cls, what: FirestoreDocuments(database, path, cls, what))
    log = store.log(id)
    documents: dict[str, Any] = {}
    count = 0
    for chunk in random_log(id, ops):
        documents[key(chunk.seq)] = chunk_document(chunk)
        count += 1
        if len(documents) == 400:
            await log.create_many(documents)
            documents.clear()
    await log.create_many(documents)
    began, cpu = time.monotonic(), time.process_time()
    state = await rebuild(store, id, now_ms=now_ms, covers=_no_covers)
    took = time.monotonic() - began
    assert state.revision == ops
    items, cpu = len(state.listing), time.process_time() - cpu
    print(f"  {ops} ops, {count} chunks, {items} items: rebuilt in {took:.1f} s, {cpu:.1f} s CPU")
    return took


def random_log(id: str, ops: int) -> Iterator[Chunk]:
    """A log of adds, moves and removes all over a list that grows to some thousands."""
    noise = random.Random(7)
    state = empty(id)
    seq = 0
    made = 0
    ids: list[str] = []
    while made < ops:
        batches: list[Batch] = []
        base = state.revision
        for _ in range(min(64, ops - made)):
            op: Op
            share = noise.random()
            if made == 0:
                op = Create("o", attributes=SetOp(name="x"))
            elif (share < 0.5 and len(ids) < LONG) or len(ids) < 100:
                op = Add((Entry(TRACK),), Place("after", noise.choice(ids)) if ids else LAST)
            elif share < 0.8:
                op = Move((noise.choice(ids),), Place("before", noise.choice(ids)))
            else:
                op = Remove((ids.pop(noise.randrange(len(ids))),))
            state, batch = decided(state, Batch(f"n{made}", "o", made, (op,)))
            if not batch.ops:
                op = SetOp(name=f"n{made}")
                state, batch = decided(state, Batch(f"m{made}", "o", made, (op,)))
            ids += [it.id for op in batch.ops if isinstance(op, Add) for it in op.items]
            batches.append(batch)
            made += 1
        seq += 1
        state.seq = seq
        yield Chunk(seq, base, "bench", tuple(batches))


async def _no_covers(state: Any) -> tuple[str, ...]:
    return ()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def main(quick: bool) -> None:
    database = firestore.client("segue-bench")
    seconds = 3.0 if quick else SECONDS
    await ours(database, 1, 1.5)  # the emulator compiles as it goes
    one, written = await ours(database, 1, seconds)
    two, written_two = await ours(database, 2, seconds)
    naive = await naive_compare_and_set(database, PEER_SECONDS)
    print(
        f"  compare-and-set, an op a document: {naive.ops_s:.0f} ops/s, p99 {naive.p99_ms:.0f} ms"
    )
    head = await head_transaction(database, PEER_SECONDS)
    print(f"  head-document transaction: {head.ops_s:.1f} ops/s, p99 {head.p99_ms:.0f} ms")
    least = await floor(2.0)
    first, whole = await reads_of(database)
    print(f"  list of {LONG}: first page {first} document reads, whole list {whole}")
    rebuilt = await rebuild_s(database, 10_000 if quick else REBUILD_OPS)
    emit(
        "playlists",
        "acknowledged ops/s, 64 writers on one playlist, 25 ms a leg",
        one.ops_s,
        peers={"compare_and_set_per_op": naive.ops_s, "head_transaction": head.ops_s},
        floor=least.ops_s,
        higher_is_better=True,
        p50_ms=round(one.p50_ms),
        p99_ms=round(one.p99_ms),
        fairness=round(one.fairness, 3),
        two_sequencers={
            "ops_s": round(two.ops_s),
            "p99_ms": round(two.p99_ms),
            "fairness": round(two.fairness, 3),
        },
        shortest_s_between_writes_of_a_document=round(
            min(written.shortest_s, written_two.shortest_s), 2
        ),
        first_page_reads=first,
        whole_list_reads=whole,
        rebuild_100k_s=round(rebuilt, 1),
    )


if __name__ == "__main__":
    with java.running(java.firestore_argv) as host:
        os.environ["FIRESTORE_EMULATOR_HOST"] = host
        asyncio.run(main("--quick" in sys.argv))
