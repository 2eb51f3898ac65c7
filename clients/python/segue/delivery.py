"""Bytes from the CDN and nowhere else: signed, ranged, throttled on demand, checked on arrival."""

import base64
import binascii
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx

from segue.client import RETRYABLE, Retry, _why
from segue.errors import PlaybackError, SegueError, Unreachable
from segue.manifests import Chunk

RETRY = Retry()


def prefix_of(signature: str) -> str:
    """The address prefix that a `URLPrefix=…` signature opens.

    Raises:
        PlaybackError: BAD_GRANT – the signature is not in Cloud CDN's prefix form.
    """
    with contextlib.suppress(KeyError, binascii.Error, UnicodeDecodeError):
        encoded = parse_qs(signature, strict_parsing=False)["URLPrefix"][0]
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    raise PlaybackError("the grant's signature is not in prefix form", code="BAD_GRANT")


@dataclass(slots=True)
class Edge:
    """Where one grant may be fetched from: everything under `prefix`, with `signature`.

    The rest is what was measured there: requests, those that failed, bytes and the seconds that
    they took.
    """

    name: str
    prefix: str
    signature: str
    requests: int = 0
    errors: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Failed:
    """Why an edge gave nothing; `retry_after` is its header's value."""

    error: SegueError
    retry_after: str | None = None
    refused: bool = False


def edges_of(grant: Mapping[str, Any]) -> list[Edge]:
    """The edges of a grant, best first; of one that names none the address that it signs.

    Raises:
        PlaybackError: BAD_GRANT.
    """
    try:
        told = [(it["name"], it["signature"]) for it in grant.get("edges") or ()]
    except (KeyError, TypeError) as error:
        raise PlaybackError("the grant's edges are malformed", code="BAD_GRANT") from error
    told = told or [("", grant["signature"])]
    return [Edge(name, prefix_of(signature), signature) for name, signature in told]


@dataclass(slots=True)
class Tally:
    """What came over the line. `cache` counts X-Cache-Status ("hit", "miss", …)."""

    bytes_by_rendition: Counter[str] = field(default_factory=Counter)
    cache: Counter[str] = field(default_factory=Counter)
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Delivered:
    """`body` and how long its transfer took."""

    body: bytes
    elapsed_s: float


class Delivery:
    """Fetches what one grant's signature opens. `limit_bps` slows the line, for testing."""

    def __init__(
        self,
        http: httpx.Client,
        *,
        limit_bps: float | None = None,
        retry: Retry = RETRY,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http, self._limit_bps, self._retry = http, limit_bps, retry
        self._clock, self._sleep = clock, sleep
        self._edges: list[Edge] = []
        self._left: dict[str, Edge] = {}
        self.tally = Tally()

    def sign_with(self, signature: str) -> None:
        """Use `signature` from now on, at the one place that it is for."""
        self.use([Edge("", prefix_of(signature), signature)])

    def use(self, edges: Sequence[Edge]) -> None:
        """Fetch from `edges` from now on, best first: those of a new grant, or of a renewed one.

        An edge that is in use already keeps its place: what failed stays behind.
        """
        if not edges:
            raise PlaybackError("the grant names no edge", code="BAD_GRANT")
        self._keep(self._edges)
        places = {edge.name: place for place, edge in enumerate(self._edges)}
        same = set(places) == {edge.name for edge in edges}
        self._edges = sorted(edges, key=lambda it: places[it.name]) if same else list(edges)

    def measured(self) -> list[dict[str, Any]]:
        """What was measured at each edge since the last time, for the service to know."""
        self._keep(self._edges)
        found = [
            {
                "edge": edge.name,
                "requests": edge.requests,
                "errors": edge.errors,
                "bytes": edge.bytes,
                "ms": round(edge.seconds * 1000),
            }
            for _, edge in sorted(self._left.items())
            if edge.name and edge.requests
        ]
        self._left = {}
        return found

    def fetch(self, chunk: Chunk, rendition: str) -> Delivered:
        """The chunk's bytes, exactly as many as asked for, from the first edge that gives them.

        An edge that does not answer, fails, or refuses the signature goes behind the others, and
        the next one is asked at once; only when all have failed is there a wait.

        Raises:
            PlaybackError: OUTSIDE_GRANT – not under the signed prefix (and so not asked for);
                SIGNATURE_REFUSED – 403 everywhere; BAD_RANGE – the answer is not the range asked
                for; NOT_FROM_CDN – no cache took part in the answer; otherwise DELIVERY_FAILED.
            Unreachable: no answer from anywhere after all attempts.
        """
        path = self._path(chunk.url)
        headers = {"Accept-Encoding": "identity"}
        if chunk.ranged:
            last = "" if chunk.end is None else str(chunk.end - 1)
            headers["Range"] = f"bytes={chunk.start}-{last}"
        for attempt in range(self._retry.attempts):
            failed: list[_Failed] = []
            for edge in tuple(self._edges):
                started = self._clock()
                got = self._from(edge, path, headers, chunk)
                edge.requests += 1
                if isinstance(got, bytes):
                    elapsed = self._clock() - started
                    edge.bytes += len(got)
                    edge.seconds += elapsed
                    self.tally.bytes_by_rendition[rendition] += len(got)
                    return Delivered(got, elapsed)
                edge.errors += 1
                failed.append(got)
                self._edges.remove(edge)
                self._edges.append(edge)
            last = failed[-1]
            if all(it.refused for it in failed) or attempt == self._retry.attempts - 1:
                raise last.error from last.error.__cause__
            self._sleep(self._retry.wait_s(attempt, last.retry_after))
        raise PlaybackError("no attempts were allowed", code="DELIVERY_FAILED")

    def _from(
        self, edge: Edge, path: str, headers: Mapping[str, str], chunk: Chunk
    ) -> "bytes | _Failed":
        """The chunk's bytes from one edge, or why another one may do better.

        Raises:
            PlaybackError: no other edge would.
        """
        url = f"{edge.prefix}{path}"
        try:
            with self._http.stream("GET", f"{url}?{edge.signature}", headers=headers) as answer:
                try:
                    body = self._body(answer, chunk, self._clock())
                    self._check(answer, body, chunk, url)
                except PlaybackError as error:
                    refused = error.code == "SIGNATURE_REFUSED"
                    if not refused and answer.status_code not in RETRYABLE:
                        raise
                    return _Failed(error, answer.headers.get("Retry-After"), refused)
                return body
        except httpx.TransportError as error:
            failure = Unreachable(f"the CDN does not answer ({_why(error)})")
            failure.__cause__ = error
            return _Failed(failure)

    def size(self, url: str) -> int:
        """The object's size in bytes, from the Content-Range of its first byte."""
        edge, path = self._edges[0], self._path(url)
        answer = self._http.get(
            f"{edge.prefix}{path}?{edge.signature}", headers={"Range": "bytes=0-0"}
        )
        total = answer.headers.get("Content-Range", "").rpartition("/")[2]
        if answer.status_code != 206 or not total.isdigit():
            raise PlaybackError(f"the size of {path} is not known", code="DELIVERY_FAILED")
        return int(total)

    def _path(self, url: str) -> str:
        """What follows the signed prefix in `url`, whichever edge it names."""
        bare = url.split("?", 1)[0]
        for edge in self._edges:
            if bare.startswith(edge.prefix) and "/../" not in bare:
                return bare.removeprefix(edge.prefix)
        raise PlaybackError(f"{bare} is outside the signed prefix", code="OUTSIDE_GRANT")

    def _keep(self, edges: Sequence[Edge]) -> None:
        """Add what `edges` measured to what is left to tell."""
        for edge in edges:
            kept = self._left.setdefault(edge.name, Edge(edge.name, "", ""))
            kept.requests += edge.requests
            kept.errors += edge.errors
            kept.bytes += edge.bytes
            kept.seconds += edge.seconds
            edge.requests = edge.errors = edge.bytes = 0
            edge.seconds = 0.0

    def _body(self, answer: httpx.Response, chunk: Chunk, started: float) -> bytes:
        body = bytearray()
        cap = None if chunk.end is None else chunk.end - chunk.start
        for piece in answer.iter_bytes():
            body += piece
            if cap is not None and len(body) > cap and answer.status_code == 206:
                raise PlaybackError("more bytes than the range asked for", code="BAD_RANGE")
            if self._limit_bps:
                due = started + 8 * len(body) / self._limit_bps
                self._sleep(max(0.0, due - self._clock()))
        return bytes(body)

    def _check(self, answer: httpx.Response, body: bytes, chunk: Chunk, url: str) -> None:
        status = answer.status_code
        if status == 403:
            raise PlaybackError("the CDN refuses the signature", code="SIGNATURE_REFUSED")
        if status not in (200, 206):
            raise PlaybackError(f"the CDN answered {status} for {url}", code="DELIVERY_FAILED")
        if chunk.ranged:
            span = answer.headers.get("Content-Range", "")
            expected = f"bytes {chunk.start}-"
            complete = chunk.end is None or len(body) == chunk.end - chunk.start
            if status != 206 or not span.startswith(expected) or not complete:
                raise PlaybackError(f"not the byte range asked for: {url}", code="BAD_RANGE")
        cache = answer.headers.get("X-Cache-Status")
        # Cloud CDN names itself in Via; the custom header tells what its cache did.
        if cache is None and "google" not in answer.headers.get("Via", ""):
            raise PlaybackError(f"{url} did not come through the CDN", code="NOT_FROM_CDN")
        self.tally.requests += 1
        self.tally.cache[(cache or "unknown").strip().lower().split(" ")[0].rstrip(",;")] += 1
