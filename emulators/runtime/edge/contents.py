"""The contents of a backend bucket as the cache knows them: objects, in chunks, of one version.

An object is opened (its headers, its size, its version, for how long it is fresh), then read in
aligned chunks. Cloud CDN fills large objects by range in the same way, so a player that asks for
small byte ranges of one object finds most of them here. A chunk belongs to a version of the
object: chunks of two versions never meet in one response.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from emulators.runtime.edge.cache import Cache
from emulators.runtime.edge.cdn_policy import CdnPolicy, client_cache_control, lifetime_s
from emulators.runtime.edge.origin import Identity, Origin, OriginError, Piece
from emulators.runtime.edge.stats import BucketStats

CHUNK_BYTES = 1 << 20
_STORED_BYTES = 1024  # what an entry's headers take, about
_NOT_PASSED_ON = frozenset(
    {
        "accept-ranges",
        "age",
        "alt-svc",
        "connection",
        "content-length",
        "content-range",
        "date",
        "keep-alive",
        "server",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)
T = TypeVar("T")


class VersionChanged(Exception):
    """The object was replaced while it was being read."""


class Key(NamedTuple):
    """What names a cache entry. Signed and unsigned requests never share one."""

    identity: Identity
    path: str
    vary: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer of the origin. `ttl_s` None: not to be kept. `body` only where status is not 200.

    `at` on the monotonic clock; `wire` are the headers as a client sees them, without lengths.
    """

    key: Key
    status: int
    headers: dict[str, str]
    size: int
    version: str
    at: float
    ttl_s: int | None
    body: bytes = b""
    wire: tuple[tuple[bytes, bytes], ...] = ()

    def age_s(self, now: float) -> float:
        return now - self.at

    def fresh(self, now: float) -> bool:
        return self.ttl_s is not None and now - self.at < self.ttl_s


class Opened(NamedTuple):
    """`status` as `{cdn_cache_status}` names it."""

    stored: Stored
    status: str


class Contents:
    """The cache of one backend bucket. `chunks` may be shared between them."""

    def __init__(
        self,
        origin: Origin,
        policy: CdnPolicy,
        stats: BucketStats,
        entries: Cache[Key, Stored],
        chunks: Cache[Hashable, bytes],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._origin = origin
        self.policy = policy
        self._stats = stats
        self._entries = entries
        self._chunks = chunks
        self._clock = clock
        self._flights: dict[Hashable, asyncio.Task[Any]] = {}

    async def open(self, key: Key, first: int, *, bypass: bool = False) -> Opened:
        """Open the object for a reader who starts at byte `first`.

        Raises:
            OriginError: the origin failed and nothing usable is kept.
        """
        now = self._clock()
        kept = None if bypass else self._entries.get(key)
        if kept is None:
            flight = ("bypass", key) if bypass else ("open", key)
            filled = await self._once(flight, lambda: self._fill(key, first))
            return Opened(filled, "uncacheable" if filled.ttl_s is None else "miss")
        if kept.fresh(now):
            return Opened(kept, "hit")
        if self._may_be_stale(kept) and not self._too_stale(kept, now):
            self._later(("open", key), lambda: self._revalidate(kept, first))
            return Opened(kept, "stale")
        checked = await self._once(("open", key), lambda: self._revalidate(kept, first))
        same = checked.version == kept.version and checked.status == kept.status
        return Opened(checked, "revalidated" if same else "miss")

    async def warm(self, key: Key, last: int) -> Stored:
        """Fetch what is not here of the object's bytes up to `last`, ahead of any reader.

        Raises:
            OriginError: the origin failed.
        """
        stored = self._entries.peek(key)
        if stored is None or not stored.fresh(self._clock()):
            stored = await self._once(("open", key), lambda: self._fill(key, 0, warm=True))
        if stored.status != 200 or stored.ttl_s is None:
            return stored
        for index in range(min(last, stored.size - 1) // CHUNK_BYTES + 1):
            await self._warm_chunk(stored, index)
        return stored

    async def _warm_chunk(self, stored: Stored, index: int) -> None:
        key = _chunk_key(stored, index)
        if key not in self._chunks:
            await self._once(key, lambda: self._fetch_chunk(stored, index, warm=True))

    def missing(self, stored: Stored, first: int, last: int) -> int | None:
        """The first of the chunks `first` to `last`, both included, that is not here."""
        wanted = range(first, last + 1)
        return next((it for it in wanted if _chunk_key(stored, it) not in self._chunks), None)

    async def chunk(self, stored: Stored, index: int) -> bytes:
        """Chunk `index` of exactly the version that was opened.

        Raises:
            VersionChanged: the origin has another version now; open again.
            OriginError: the origin failed.
        """
        key = _chunk_key(stored, index)
        found = self._chunks.get(key)
        if found is not None:
            return found
        return await self._once(key, lambda: self._fetch_chunk(stored, index))

    def prefetch(self, stored: Stored, index: int) -> None:
        """Start to fetch chunk `index`, which will be wanted soon."""
        key = _chunk_key(stored, index)
        if key not in self._chunks:
            self._later(key, lambda: self._fetch_chunk(stored, index))

    def forget(self, stored: Stored) -> None:
        """Open this object anew next time."""
        self._entries.discard(stored.key)

    async def _fill(self, key: Key, first: int, *, warm: bool = False) -> Stored:
        """Open at the origin by fetching the chunk that holds byte `first`."""
        index = first // CHUNK_BYTES
        piece = await self._get(key, index, {})
        if piece.status == 416 and index:  # beyond the end: the size is still to be learned
            piece = await self._get(key, 0, {})
        return self._keep(key, piece, warm=warm)

    async def _revalidate(self, kept: Stored, first: int) -> Stored:
        """Ask the origin whether `kept` still holds; on its failure `kept` goes on."""
        etag = kept.headers.get("etag")
        condition = {"If-None-Match": etag} if etag and kept.status == 200 else {}
        try:
            piece = await self._get(kept.key, first // CHUNK_BYTES, condition)
            if piece.status == 416:
                piece = await self._get(kept.key, 0, {})
        except OriginError:
            if self._may_be_stale(kept):
                return kept
            raise
        if piece.status == 304:
            renewed = replace(kept, at=self._clock())
            self._entries.put(kept.key, renewed, _STORED_BYTES)
            return renewed
        if piece.status >= 500 and self._may_be_stale(kept):
            return kept
        return self._keep(kept.key, piece)

    def _may_be_stale(self, kept: Stored) -> bool:
        # A 404 that has passed its time is asked for again: the object may have come meanwhile.
        return bool(kept.status == 200 and kept.ttl_s and self.policy.serve_while_stale_s)

    def _too_stale(self, kept: Stored, now: float) -> bool:
        return now - kept.at >= (kept.ttl_s or 0) + self.policy.serve_while_stale_s

    async def _fetch_chunk(self, stored: Stored, index: int, *, warm: bool = False) -> bytes:
        etag = stored.headers.get("etag")
        piece = await self._get(stored.key, index, {"If-Match": etag} if etag else {})
        expected = min(CHUNK_BYTES, stored.size - index * CHUNK_BYTES)
        if piece.status in (404, 412, 416) or (
            piece.status in (200, 206)
            and (piece.version, piece.size) != (stored.version, stored.size)
        ):
            raise VersionChanged(stored.key.path)
        if piece.status not in (200, 206) or len(piece.body) != expected:
            raise OriginError(f"{stored.key.path}: {piece.status} for chunk {index}")
        if stored.ttl_s is not None:
            self._chunks.put(_chunk_key(stored, index), piece.body, len(piece.body), warm=warm)
        return piece.body

    async def _get(self, key: Key, index: int, headers: dict[str, str]) -> Piece:
        self._stats.origin_fetches += 1
        asked = {**dict(key.vary), **headers}
        start = index * CHUNK_BYTES
        piece = await self._origin.get(key.identity, key.path, start, CHUNK_BYTES, asked)
        self._stats.origin_bytes += len(piece.body)
        return piece

    def _keep(self, key: Key, piece: Piece, *, warm: bool = False) -> Stored:
        status = 200 if piece.status == 206 else piece.status
        signed = key.identity == "fill"
        ttl = lifetime_s(self.policy, piece.status, piece.headers, signed=signed)
        if status == 200 and not piece.version and piece.size > CHUNK_BYTES:
            raise OriginError(f"{key.path}: neither generation, ETag nor Last-Modified")
        stored = Stored(
            key,
            status,
            dict(piece.headers),
            piece.size,
            piece.version,
            self._clock(),
            ttl,
            b"" if status == 200 else piece.body,
            _wire(piece.headers, self.policy, unaltered=signed or ttl is None or status != 200),
        )
        if ttl is None:
            self._entries.discard(key)
            if status != 200:
                return stored
        else:
            self._entries.put(key, stored, _STORED_BYTES + len(stored.body), warm=warm)
        if status == 200:
            # Kept even when the answer is not: the reader who opened it reads it right away.
            self._keep_chunks(stored, piece, warm=warm)
        return stored

    def _keep_chunks(self, stored: Stored, piece: Piece, *, warm: bool) -> None:
        for offset in range(0, len(piece.body), CHUNK_BYTES):
            body = piece.body[offset : offset + CHUNK_BYTES]
            key = _chunk_key(stored, (piece.start + offset) // CHUNK_BYTES)
            self._chunks.put(key, body, len(body), warm=warm)

    async def _once(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Run `make`, or wait for the one that runs already for `key` (request coalescing)."""
        if not self.policy.coalesce:
            return await make()
        return await asyncio.shield(self._start(key, make))

    def _later(self, key: Hashable, make: Callable[[], Awaitable[object]]) -> None:
        self._start(key, make)

    def _start(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        task = self._flights.get(key)
        if task is None:
            task = asyncio.ensure_future(_awaited(make))
            self._flights[key] = task
            task.add_done_callback(lambda done: self._land(key, done))
        return task

    def _land(self, key: Hashable, done: asyncio.Task[Any]) -> None:
        self._flights.pop(key, None)
        if not done.cancelled():
            done.exception()  # seen: whoever still waits gets it, and if nobody does, so be it


async def _awaited(make: Callable[[], Awaitable[T]]) -> T:
    return await make()


def _wire(
    headers: Mapping[str, str], policy: CdnPolicy, *, unaltered: bool
) -> tuple[tuple[bytes, bytes], ...]:
    kept = {name: value for name, value in headers.items() if name not in _NOT_PASSED_ON}
    control = client_cache_control(policy, headers.get("cache-control"))
    if control is not None and not unaltered:
        kept["cache-control"] = control
    return tuple((name.encode(), value.encode("latin-1")) for name, value in kept.items())


def _chunk_key(stored: Stored, index: int) -> tuple[Key, str, int]:
    return stored.key, stored.version, index
