"""The cache of one bucket: freshness, revalidation, replaced objects, a failing origin."""

import asyncio

import pytest

from emulators.runtime.edge.cache import S3Fifo
from emulators.runtime.edge.cdn_policy import CdnPolicy
from emulators.runtime.edge.contents import CHUNK_BYTES, Contents, Key, VersionChanged
from emulators.runtime.edge.origin import OriginError, Piece
from emulators.runtime.edge.stats import BucketStats

KEY = Key("anonymous", "/bucket/object")
POLICY = CdnPolicy(negative_ttl_s={404: 10}, serve_while_stale_s=30)


class OneObject:
    """An origin with one object that can change, vanish or fail."""

    def __init__(self, body: bytes = b"one", control: str = "max-age=100") -> None:
        self.body = body
        self.control = control
        self.generation = 1
        self.status = 0
        self.down = False
        self.asked: list[tuple[int, dict[str, str]]] = []
        self.gate: asyncio.Event | None = None

    def replace(self, body: bytes) -> None:
        self.body, self.generation = body, self.generation + 1

    async def get(self, identity, path, start, length, headers) -> Piece:
        self.asked.append((start, dict(headers)))
        if self.gate is not None:
            await self.gate.wait()
        if self.down:
            raise OriginError("down")
        if self.status:
            return Piece(self.status, {}, b"error", 0, 5)
        etag = f'"{self.generation}"'
        told = {"etag": etag, "x-goog-generation": str(self.generation)}
        told |= {"cache-control": self.control, "content-type": "audio/mp4"}
        if headers.get("If-None-Match") == etag:
            return Piece(304, told, b"", 0, 0)
        if headers.get("If-Match", etag) != etag:
            return Piece(412, {}, b"", 0, 0)
        part = self.body[start : start + length]
        return Piece(206, told, part, start, len(self.body))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def contents(origin: OneObject, clock: Clock, policy: CdnPolicy = POLICY) -> Contents:
    return Contents(origin, policy, BucketStats(), S3Fifo(1 << 20), S3Fifo(64 << 20), clock)


async def test_fresh_then_stale_then_renewed_behind_the_readers_back(clock):
    origin = OneObject()
    one = contents(origin, clock)
    assert (await one.open(KEY, 0)).status == "miss"
    clock.now += 99
    assert (await one.open(KEY, 0)).status == "hit"
    clock.now += 2
    assert (await one.open(KEY, 0)).status == "stale"
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert origin.asked[-1][1]["If-None-Match"] == '"1"'
    assert (await one.open(KEY, 0)).status == "hit"
    assert len(origin.asked) == 2


async def test_too_stale_is_revalidated_first(clock):
    origin = OneObject()
    one = contents(origin, clock)
    await one.open(KEY, 0)
    clock.now += 131
    assert (await one.open(KEY, 0)).status == "revalidated"
    assert (await one.open(KEY, 0)).status == "hit"


async def test_no_cache_asks_every_time_and_sees_the_new_version(clock):
    origin = OneObject(control="no-cache")
    one = contents(origin, clock)
    assert [(await one.open(KEY, 0)).status for _ in range(3)] == [
        "miss",
        "revalidated",
        "revalidated",
    ]
    origin.replace(b"two")
    opened = await one.open(KEY, 0)
    assert opened.status == "miss"
    assert await one.chunk(opened.stored, 0) == b"two"


async def test_origin_down_serves_what_is_kept(clock):
    origin = OneObject()
    one = contents(origin, clock)
    await one.open(KEY, 0)
    origin.down = True
    clock.now += 10_000
    opened = await one.open(KEY, 0)
    assert await one.chunk(opened.stored, 0) == b"one"
    with pytest.raises(OriginError):
        await one.open(Key("fill", "/bucket/object"), 0)


async def test_without_serve_while_stale_a_failure_shows(clock):
    origin = OneObject()
    one = contents(origin, clock, CdnPolicy(serve_while_stale_s=0))
    await one.open(KEY, 0)
    clock.now += 101
    origin.down = True
    with pytest.raises(OriginError):
        await one.open(KEY, 0)


async def test_chunks_of_two_versions_never_meet(clock):
    first, second = b"1" * (CHUNK_BYTES + 10), b"2" * (CHUNK_BYTES + 10)
    origin = OneObject(first)
    one = contents(origin, clock)
    opened = await one.open(KEY, 0)
    origin.replace(second)
    with pytest.raises(VersionChanged):
        await one.chunk(opened.stored, 1)
    assert await one.chunk(opened.stored, 0) == first[:CHUNK_BYTES]
    one.forget(opened.stored)
    again = (await one.open(KEY, 0)).stored
    assert [await one.chunk(again, i) for i in (0, 1)] == [second[:CHUNK_BYTES], b"2" * 10]


async def test_deleted_while_read(clock):
    origin = OneObject(b"1" * (CHUNK_BYTES + 10))
    one = contents(origin, clock)
    opened = await one.open(KEY, 0)
    origin.status = 404
    with pytest.raises(VersionChanged):
        await one.chunk(opened.stored, 1)


async def test_missing_is_kept_shortly_and_never_served_stale(clock):
    origin = OneObject()
    origin.status = 404
    one = contents(origin, clock)
    assert [(await one.open(KEY, 0)).stored.status for _ in range(3)] == [404, 404, 404]
    assert len(origin.asked) == 1
    origin.status = 0
    clock.now += 11
    assert (await one.open(KEY, 0)).stored.status == 200


async def test_forbidden_is_asked_every_time(clock):
    origin = OneObject()
    origin.status = 403
    one = contents(origin, clock)
    assert [(await one.open(KEY, 0)).status for _ in range(3)] == ["uncacheable"] * 3
    assert len(origin.asked) == 3


async def test_many_at_once_are_one_fetch_also_when_it_fails(clock):
    origin = OneObject()
    origin.gate = asyncio.Event()
    origin.down = True
    one = contents(origin, clock)
    asked = [asyncio.ensure_future(one.open(KEY, 0)) for _ in range(50)]
    await asyncio.sleep(0)
    origin.gate.set()
    failures = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in failures} == {OriginError}
    assert len(origin.asked) == 1


async def test_reader_who_leaves_does_not_stop_the_others(clock):
    origin = OneObject()
    origin.gate = asyncio.Event()
    one = contents(origin, clock)
    asked = [asyncio.ensure_future(one.open(KEY, 0)) for _ in range(3)]
    await asyncio.sleep(0)
    asked[0].cancel()
    origin.gate.set()
    assert [(await it).status for it in asked[1:]] == ["miss", "miss"]
    assert len(origin.asked) == 1


async def test_without_coalescing_everyone_asks(clock):
    origin = OneObject()
    origin.gate = asyncio.Event()
    one = contents(origin, clock, CdnPolicy(coalesce=False))
    asked = [asyncio.ensure_future(one.open(KEY, 0)) for _ in range(5)]
    await asyncio.sleep(0)
    origin.gate.set()
    await asyncio.gather(*asked)
    assert len(origin.asked) == 5


async def test_identities_do_not_share_entries(clock):
    origin = OneObject()
    one = contents(origin, clock)
    await one.open(Key("fill", "/bucket/object"), 0)
    assert (await one.open(KEY, 0)).status == "miss"


async def test_opened_in_the_middle_fetches_the_middle_only(clock):
    origin = OneObject(bytes(5 * CHUNK_BYTES))
    one = contents(origin, clock)
    opened = await one.open(KEY, 3 * CHUNK_BYTES + 5)
    assert opened.stored.size == 5 * CHUNK_BYTES
    assert one.missing(opened.stored, 3, 3) is None
    assert [one.missing(opened.stored, *it) for it in ((0, 3), (3, 4))] == [0, 4]
    assert [start for start, _ in origin.asked] == [3 * CHUNK_BYTES]


async def test_large_object_without_a_version_is_refused(clock):
    class Versionless(OneObject):
        async def get(self, identity, path, start, length, headers) -> Piece:
            return Piece(206, {}, bytes(CHUNK_BYTES), 0, 2 * CHUNK_BYTES)

    with pytest.raises(OriginError):
        await contents(Versionless(), clock).open(KEY, 0)
