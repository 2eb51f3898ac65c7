"""A backend bucket behind Cloud CDN: signature, cache, range, answer.

An unsigned request is not blocked here: it reaches the bucket as an anonymous one, and a private
bucket refuses it. Source: https://cloud.google.com/cdn/docs/private-content
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from urllib.parse import parse_qsl, quote, urlencode

from emulators.runtime.edge.asgi import (
    VIA,
    BrokenOff,
    Headers,
    Receive,
    Scope,
    Send,
    header,
    refuse,
)
from emulators.runtime.edge.cache import Cache
from emulators.runtime.edge.cdn_policy import DISABLED
from emulators.runtime.edge.conditions import range_applies, unmet
from emulators.runtime.edge.contents import CHUNK_BYTES, Contents, Key, Stored, VersionChanged
from emulators.runtime.edge.origin import Origin, OriginError
from emulators.runtime.edge.ranges import Unsatisfiable, first_byte, last_byte, parse
from emulators.runtime.edge.stats import BucketStats, Stats
from emulators.runtime.edge.templates import Variables, fill
from emulators.runtime.edge.urlmap import BucketBackend
from shared.cdn import COOKIE, verify
from shared.errors import Forbidden

_CACHE_STATUS = "cdn_cache_status"
_COOKIE = COOKIE.encode() + b"="
_TRIES = 3
WARM_HEADER = b"x-segue-warm"
"""On a signed request: the reader is a warmer. Cloud CDN passes it by; the pinned part of the
local cache is what it is for. The part is small and gives way to newer entries, so whoever sends
the header without being a warmer spoils no more than that."""


class Site:
    """One backend bucket with its cache and counters."""

    def __init__(self, backend: BucketBackend, contents: Contents, stats: BucketStats) -> None:
        self.backend = backend
        self.contents = contents
        self.stats = stats


class Cdn:
    """Answers for every backend bucket of the URL map."""

    def __init__(
        self,
        backends: Iterable[BucketBackend],
        public_url: str,
        origin: Origin,
        chunks: Cache[Hashable, bytes],
        entries: Callable[[], Cache[Key, Stored]],
        stats: Stats,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._public_url = public_url.rstrip("/")
        self._clock = clock
        self._wall_clock = wall_clock
        self._sites: Mapping[str, Site] = {
            one.name: Site(
                one,
                Contents(origin, one.cdn or DISABLED, stats.of(one.name), entries(), chunks, clock),
                stats.of(one.name),
            )
            for one in backends
        }

    async def __call__(
        self,
        backend: BucketBackend,
        scope: Scope,
        receive: Receive,
        send: Send,
        variables: Variables,
    ) -> None:
        """Answer one request that the URL map gave to `backend`."""
        site = self._sites[backend.name]
        site.stats.requests += 1
        try:
            signed = self._signed(site, scope)
        except Forbidden as error:
            site.stats.signatures_refused += 1
            return await refuse(scope, send, 403, error.code, error.message)
        if scope["method"] not in ("GET", "HEAD"):
            allow = [(b"allow", b"GET, HEAD")]
            return await refuse(scope, send, 405, "METHOD_NOT_ALLOWED", "GET or HEAD", allow)
        key = _key(backend, scope, signed)
        answer = _Answer(site, scope, receive, send, variables, self._clock)
        warm = signed and header(scope["headers"], WARM_HEADER) is not None
        try:
            await (answer.warmed(key) if warm else answer.object(key))
        except OriginError as error:
            if answer.begun:
                raise BrokenOff(str(error)) from error
            await refuse(scope, send, 502, "ORIGIN_FAILED", str(error))

    def _signed(self, site: Site, scope: Scope) -> bool:
        keys = site.backend.keys
        if not keys:  # Cloud CDN looks at signatures only where a key was added
            return False
        query = scope["query_string"]
        cookie = _cookie(scope["headers"])
        if cookie is None and b"Signature=" not in query:
            site.stats.unsigned += 1
            return False
        if scope["method"] not in ("GET", "HEAD"):
            raise Forbidden("a signature opens GET and HEAD only", code="CDN_METHOD_FORBIDDEN")
        url = self._public_url + scope["raw_path"].decode("ascii")
        if query:
            url = f"{url}?{query.decode('latin-1')}"
        found = verify(url, cookie, keys, int(self._wall_clock()))
        if found is None:
            site.stats.unsigned += 1
            return False
        site.stats.signatures_verified += 1
        return True


class _Answer:
    """One response under way."""

    def __init__(
        self,
        site: Site,
        scope: Scope,
        receive: Receive,
        send: Send,
        variables: Variables,
        clock: Callable[[], float],
    ) -> None:
        self.site = site
        self.scope = scope
        self.asked: Headers = scope["headers"]
        self.receive = receive
        self.send = send
        self.variables = variables
        self.clock = clock
        self.begun = False

    async def object(self, key: Key, status: int = 200) -> None:
        """Send the object, or its part, under `status`; start again if it changes meanwhile."""
        contents = self.site.contents
        policy = contents.policy
        bypass = any(header(self.asked, name) is not None for name in policy.bypass_headers)
        range_text = _range(self.asked) if status == 200 else None
        for _ in range(_TRIES):
            opened = await contents.open(key, first_byte(range_text), bypass=bypass)
            stored = opened.stored
            if stored.status != 200:
                return await self._other(stored, opened.status)
            try:
                return await self._stored(stored, opened.status, range_text, status)
            except VersionChanged as error:
                contents.forget(stored)
                if self.begun:
                    raise BrokenOff(f"{error} was replaced meanwhile") from error
        raise OriginError(f"{key.path} keeps changing")

    async def warmed(self, key: Key) -> None:
        """Fetch what a warmer asks for; there is no need to send it, so 204 says it is here."""
        stored = await self.site.contents.warm(key, last_byte(_range(self.asked)))
        if stored.status != 200:
            return await self._other(stored, "miss")
        self.site.stats.warmed += 1
        self.begun = True
        headers: Headers = [VIA, (b"cache-control", b"no-store")]
        await self.send({"type": "http.response.start", "status": 204, "headers": headers})
        return await self._end(b"")

    async def _other(self, stored: Stored, cache_status: str) -> None:
        """Send an error of the origin as it is, or the site's page for what is not found."""
        page = self.site.backend.not_found_page
        own = f"/{self.site.backend.bucket}/{page}"
        if stored.status == 404 and page and stored.key.path != own:
            return await self.object(stored.key._replace(path=own), 404)
        await self._start(stored, stored.status, len(stored.body), cache_status)
        return await self._end(stored.body)

    async def _stored(
        self, stored: Stored, cache_status: str, range_text: str | None, status: int
    ) -> None:
        decided = unmet(self.asked, stored.headers) if status == 200 else 0
        if decided:
            await self._start(stored, decided, None, cache_status)
            return await self._end(b"")
        extra: Headers = [(b"accept-ranges", b"bytes")]
        start, end = 0, stored.size
        if range_text is not None and range_applies(self.asked, stored.headers):
            try:
                part = parse(range_text, stored.size)
            except Unsatisfiable:
                none = (b"content-range", b"bytes */%d" % stored.size)
                await self._start(stored, 416, 0, cache_status, [none])
                return await self._end(b"")
            if part is not None:
                start, end = part
                status = 206
                told = b"bytes %d-%d/%d" % (start, end - 1, stored.size)
                extra.append((b"content-range", told))
        if self.scope["method"] == "HEAD" or start == end:
            await self._start(stored, status, end - start, cache_status, extra)
            return await self._end(b"")
        return await self._body(stored, start, end, status, cache_status, extra)

    async def _body(
        self, stored: Stored, start: int, end: int, status: int, cache_status: str, extra: Headers
    ) -> None:
        contents = self.site.contents
        first, last = start // CHUNK_BYTES, (end - 1) // CHUNK_BYTES
        # Until the headers are sent everything can be tried again: so the origin confirms the
        # version first, by the first chunk that is not here.
        missing = contents.missing(stored, first, last)
        if missing is not None:
            if cache_status == "hit":
                cache_status = "miss"
            await contents.chunk(stored, missing)
        chunk = await contents.chunk(stored, first)
        await self._start(stored, status, end - start, cache_status, extra)
        offset = first * CHUNK_BYTES
        view = memoryview(chunk)[start - offset : end - offset]
        if first == last:
            return await self._end(view)
        gone = asyncio.ensure_future(_disconnected(self.receive))
        try:
            for index in range(first, last + 1):
                if index < last:
                    contents.prefetch(stored, index + 1)
                await self._send_part(view, more=index < last)
                if gone.done() or index == last:
                    return None
                chunk = await contents.chunk(stored, index + 1)
                view = memoryview(chunk)[: end - (index + 1) * CHUNK_BYTES]
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    async def _start(
        self,
        stored: Stored,
        status: int,
        length: int | None,
        cache_status: str,
        extra: Headers | None = None,
    ) -> None:
        if not self.site.contents.policy.enabled:
            cache_status = "disabled"
        self.site.stats.count(cache_status)
        headers: Headers = [*stored.wire, VIA, *(extra or [])]
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        if cache_status not in ("miss", "uncacheable", "disabled"):
            headers.append((b"age", b"%d" % stored.age_s(self.clock())))
        variables = {**self.variables, _CACHE_STATUS: cache_status}
        headers += fill(self.site.backend.response_headers, variables)
        self.begun = True
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def _end(self, body: bytes | memoryview) -> None:
        if self.scope["method"] == "HEAD":
            body = b""
        await self._send_part(body, more=False)

    async def _send_part(self, body: bytes | memoryview, *, more: bool) -> None:
        self.site.stats.sent_bytes += len(body)
        await self.send({"type": "http.response.body", "body": body, "more_body": more})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _key(backend: BucketBackend, scope: Scope, signed: bool) -> Key:
    """The object's name in one spelling; queries count only where the policy says so."""
    raw = scope["raw_path"].decode("ascii")
    path = quote(scope["path"], safe="/!$&'()*+,;=:@-._~") if "%" in raw else raw
    if path.endswith("/") and backend.main_page:
        path += quote(backend.main_page)
    wanted = (backend.cdn or DISABLED).key_queries
    if wanted and scope["query_string"]:
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        kept = [(name, value) for name, value in query if name in wanted]
        path += f"?{urlencode(kept)}" if kept else ""
    origin = header(scope["headers"], b"origin")
    # Signed audio is private and its bucket answers everyone alike: the backend's own header
    # opens it to the page. Else a warmer, which has no origin, would warm for nobody.
    vary = (("Origin", origin.decode("latin-1")),) if origin and not backend.keys else ()
    return Key("fill" if signed else "anonymous", f"/{backend.bucket}{path}", vary)


def _range(headers: Headers) -> str | None:
    found = header(headers, b"range")
    return found.decode("latin-1") if found is not None else None


def _cookie(headers: Headers) -> str | None:
    for name, value in headers:
        if name == b"cookie" and _COOKIE in value:
            for part in value.split(b";"):
                part = part.strip()
                if part.startswith(_COOKIE):
                    return part[len(_COOKIE) :].decode("latin-1").strip('"')
    return None
