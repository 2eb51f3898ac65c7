"""Requests and answers over raw ASGI: no more than this server needs, so that it stays quick."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from emulators.runtime.storage.errors import BadRequest

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_NOT_IN_HEADERS = {code: None for code in (*range(0x20), 0x7F) if code != 0x09}
_LARGEST_DOCUMENT_BYTES = 8 * 1024 * 1024


class Disconnected(Exception):
    """The client went away before its request was complete."""


class Request:
    """One HTTP request. `path` is raw (percent-encoded), header names are lower case.

    `port` is the local port it came in on, which tells who is calling.
    """

    __slots__ = ("_receive", "headers", "method", "path", "port", "query", "query_text")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1").partition("?")[0]
        self.query_text: str = scope["query_string"].decode("latin-1")
        self.query: dict[str, str] = (
            dict(parse_qsl(self.query_text, keep_blank_values=True)) if self.query_text else {}
        )
        self.headers: dict[str, str] = {}
        for key, value in scope["headers"]:
            name = key.decode("latin-1")
            text = value.decode("latin-1")
            self.headers[name] = f"{self.headers[name]},{text}" if name in self.headers else text
        self.port: int = scope["server"][1]
        self._receive = receive

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives.

        Raises:
            Disconnected: it ended before it was whole.
        """
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            body = message.get("body", b"")
            if body:
                yield body
            if not message.get("more_body", False):
                return

    async def body(self, largest: int = _LARGEST_DOCUMENT_BYTES) -> bytes:
        """The whole body, which must be a document of at most `largest` bytes."""
        parts, size = [], 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > largest:
                raise BadRequest("The request body is too large.", status=413)
            parts.append(chunk)
        return b"".join(parts)

    async def document(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body is an empty object."""
        return parse_document(await self.body())

    def query_list(self, name: str) -> list[str]:
        """Every value of a repeated query parameter."""
        return [value for key, value in parse_qsl(self.query_text) if key == name]


class Body(Protocol):
    """A body that is produced as it is sent. `close` is called once, sent or not."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Answer:
    """One HTTP answer. With a streamed `body`, `length` says how many bytes it will have."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Body = b""
    length: int | None = None

    async def send(self, send: Send, receive: Receive, head: bool = False) -> None:
        """Send it; a long body only for as long as there is someone to read it."""
        raw = [(name.encode(), _header_value(value)) for name, value in self.headers]
        length = len(self.body) if isinstance(self.body, bytes) else self.length
        if length is not None and self.status != 304:
            raw.append((b"content-length", str(length).encode()))
        start = {"type": "http.response.start", "status": self.status, "headers": raw}
        if isinstance(self.body, bytes):
            await send(start)
            await send({"type": "http.response.body", "body": b"" if head else self.body})
            return
        try:
            await send(start)
            if not head:
                await _stream(self.body, send, receive)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self.body.close()


def _header_value(text: str) -> bytes:
    """UTF-8, as the service sends it; what would end the header early is left out."""
    return text.translate(_NOT_IN_HEADERS).encode("utf-8", "replace")


async def _stream(body: Body, send: Send, receive: Receive) -> None:
    """Send `body` piece by piece; stop when the client is gone, which `send` does not tell."""
    gone: asyncio.Future | None = None
    try:
        async for chunk in body:
            if gone is not None and gone.done():
                raise Disconnected
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            gone = gone or asyncio.ensure_future(_disconnect(receive))
    finally:
        if gone is not None:
            gone.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def base_url(request: Request) -> str:
    """Where the caller sees this server."""
    return f"http://{request.headers.get('host', '127.0.0.1')}"


def document(value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """`value` as a JSON answer."""
    kind = ("content-type", "application/json; charset=UTF-8")
    return Answer(status, (kind, *headers), msgspec.json.encode(value))


def parse_document(body: bytes) -> dict[str, Any]:
    """A JSON object out of `body`; empty is `{}`."""
    if not body:
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("Parse Error", reason="parseError") from None
    if not isinstance(value, dict):
        raise BadRequest("Parse Error: expected a JSON object", reason="parseError")
    return value


def decode(segment: str) -> str:
    """A percent-encoded path segment as text; bytes that are not UTF-8 are refused."""
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise BadRequest("The object name is not valid UTF-8.") from None
