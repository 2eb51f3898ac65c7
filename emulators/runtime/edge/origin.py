"""The origin of a backend bucket: one piece of an object over Cloud Storage's XML API."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import aiohttp
from yarl import URL

Identity = Literal["fill", "anonymous"]

_CONTENT_RANGE = re.compile(r"bytes (?:([0-9]+)-([0-9]+)|\*)/([0-9]+)")
WAIT_S = 10.0
_RETRY_S = 0.1
_TOO_LARGE = 8 << 20


class OriginError(Exception):
    """The origin did not answer, or not in a way that can be used: 502."""


@dataclass(frozen=True, slots=True)
class Piece:
    """An answer: bytes [start, start + len(body)) of an object of `size` bytes.

    `headers` by lower-case name. For 304 and for errors `size` is the length of the body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    start: int
    size: int

    @property
    def version(self) -> str:
        """What tells one content of an object's name from the next."""
        told = (self.headers.get(name) for name in ("x-goog-generation", "etag", "last-modified"))
        return next(filter(None, told), "")


class Origin(Protocol):
    """Where the bytes come from."""

    async def get(
        self, identity: Identity, path: str, start: int, length: int, headers: Mapping[str, str]
    ) -> Piece:
        """Fetch `length` bytes from `start` of `path` ("/bucket/object", percent-encoded).

        Raises:
            OriginError: no usable answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class StorageOrigin:
    """Cloud Storage at one port for each identity: `fill` is Cloud CDN's service agent."""

    session: aiohttp.ClientSession
    ports: Mapping[Identity, int]
    wait_s: float = WAIT_S

    async def get(
        self, identity: Identity, path: str, start: int, length: int, headers: Mapping[str, str]
    ) -> Piece:
        """As `Origin.get`; an origin that is starting again is waited for."""
        url = URL(f"http://127.0.0.1:{self.ports[identity]}{path}", encoded=True)
        asked = {**headers, "Range": f"bytes={start}-{start + length - 1}"}
        piece = await self._fetch(url, asked)
        if piece.status == 416 and start == 0:  # an empty object has no first byte
            piece = await self._fetch(url, headers)
        return piece

    async def _fetch(self, url: URL, headers: Mapping[str, str]) -> Piece:
        deadline = asyncio.get_running_loop().time() + self.wait_s
        while True:
            try:
                async with self.session.get(url, headers=headers) as response:
                    return await _read(response)
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
                # A read may be done again, also when it broke off half-way.
                if asyncio.get_running_loop().time() > deadline:
                    raise OriginError(f"no connection to {url.host}:{url.port}") from error
                await asyncio.sleep(_RETRY_S)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise OriginError(f"{url.path}: {error!r}") from error


async def _read(response: aiohttp.ClientResponse) -> Piece:
    length = response.content_length
    if response.status != 206 and length is not None and length > _TOO_LARGE:
        response.close()
        raise OriginError(f"{response.url.path}: {length} bytes, and the origin ignores Range")
    body = await response.read()
    headers = {name.lower(): value for name, value in response.headers.items()}
    start, size = 0, len(body)
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", ""))
    if response.status == 206:
        if found is None or found[1] is None:
            raise OriginError(f"{response.url.path}: 206 without a Content-Range")
        start, size = int(found[1]), int(found[3])
    return Piece(response.status, headers, body, start, size)
