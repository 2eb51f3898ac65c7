"""Bytes from the CDN and nowhere else: signed, ranged, throttled on demand, checked on arrival."""

import base64
import binascii
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx

from segue.client import RETRYABLE, Retry, _why
from segue.errors import PlaybackError, Unreachable
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
        self._signature, self._prefix = "", ""
        self.tally = Tally()

    def sign_with(self, signature: str) -> None:
        """Use `signature` from now on: a new grant, or a renewed one."""
        self._signature, self._prefix = signature, prefix_of(signature)

    def fetch(self, chunk: Chunk, rendition: str) -> Delivered:
        """The chunk's bytes, exactly as many as asked for.

        Raises:
            PlaybackError: OUTSIDE_GRANT – not under the signed prefix (and so not asked for);
                SIGNATURE_REFUSED – 403; BAD_RANGE – the answer is not the range asked for;
                NOT_FROM_CDN – no cache took part in the answer; otherwise DELIVERY_FAILED.
            Unreachable: no answer after all attempts.
        """
        bare = chunk.url.split("?", 1)[0]
        if not bare.startswith(self._prefix) or "/../" in bare:
            raise PlaybackError(f"{bare} is outside the signed prefix", code="OUTSIDE_GRANT")
        headers = {"Accept-Encoding": "identity"}
        if chunk.ranged:
            last = "" if chunk.end is None else str(chunk.end - 1)
            headers["Range"] = f"bytes={chunk.start}-{last}"
        url = f"{bare}?{self._signature}"
        for attempt in range(self._retry.attempts):
            last_try = attempt == self._retry.attempts - 1
            started = self._clock()
            try:
                with self._http.stream("GET", url, headers=headers) as answer:
                    if answer.status_code in RETRYABLE and not last_try:
                        wait = self._retry.wait_s(attempt, answer.headers.get("Retry-After"))
                    else:
                        body = self._body(answer, chunk, started)
                        self._check(answer, body, chunk, bare)
                        self.tally.bytes_by_rendition[rendition] += len(body)
                        return Delivered(body, self._clock() - started)
            except httpx.TransportError as error:
                if last_try:
                    raise Unreachable(f"the CDN does not answer ({_why(error)})") from error
                wait = self._retry.wait_s(attempt)
            self._sleep(wait)
        raise PlaybackError("no attempts were allowed", code="DELIVERY_FAILED")

    def size(self, url: str) -> int:
        """The object's size in bytes, from the Content-Range of its first byte."""
        bare = url.split("?", 1)[0]
        if not bare.startswith(self._prefix):
            raise PlaybackError(f"{bare} is outside the signed prefix", code="OUTSIDE_GRANT")
        answer = self._http.get(f"{bare}?{self._signature}", headers={"Range": "bytes=0-0"})
        total = answer.headers.get("Content-Range", "").rpartition("/")[2]
        if answer.status_code != 206 or not total.isdigit():
            raise PlaybackError(f"the size of {bare} is not known", code="DELIVERY_FAILED")
        return int(total)

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
