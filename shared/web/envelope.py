"""What every request passes first: its id, its path and body bounded, and the last resort.

A plain ASGI middleware. A trailing slash is dropped, so that `/v1/tracks/` is `/v1/tracks`
without a redirect (real clients send both). The body is read here, whole and bounded:
FastAPI would read it whole anyway, but without a bound.
"""

import logging
import random
import re
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web import errors
from shared.web.logs import request_id
from shared.web.straight import Straight

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1 << 20
_TRACE = re.compile(rb"[0-9a-f]{32}")
_ids = random.Random()  # noqa: S311 - seeded by the system; an id to find logs by, not a secret
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Envelope:
    """Wraps an ASGI app; `max_body_bytes` bounds every request body.

    `short` gives what answers a request past `app` and its middleware, where something does.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_body_bytes: int = MAX_BODY_BYTES,
        short: Callable[[Scope], Straight | None] = lambda _: None,
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._short = short

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        id = trace_of(headers)
        token = request_id.set(id)
        started = False
        again: Callable[[], Receive] = lambda: receive  # noqa: E731 - until there is a body

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", id.encode())]
            await send(message)

        try:
            path = scope["path"]
            if len(path) > 1 and path.endswith("/"):
                scope = {**scope, "path": path.rstrip("/") or "/"}
            if scope["method"] in _WITH_BODY:
                body = await self._body(headers, receive)
                if body is None:
                    await _refuse(413, "the body is too large", "TOO_LARGE", path, send_with_id)
                    return
                again = _replay(body, receive)
            short = self._short(scope)
            if short is None or not await short(scope, again(), send_with_id):
                await self._app(scope, again(), send_with_id)
        except _Disconnected:
            return
        except Exception as error:
            log.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
            if started:
                raise
            await _refuse(500, "internal error", "INTERNAL", scope["path"], send_with_id)
        finally:
            request_id.reset(token)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes | None:
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > self._max_body_bytes:
            return None
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_body_bytes:
                return None
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)


class _Disconnected(Exception):
    """The client went away before its body was whole."""


def trace_of(headers: dict[bytes, bytes]) -> str:
    """The caller's trace id (W3C `traceparent`, or Google's header), or a fresh one."""
    parent = headers.get(b"traceparent", b"").split(b"-")
    google = headers.get(b"x-cloud-trace-context", b"").split(b"/")
    for candidate in (*parent[1:2], google[0]):
        if _TRACE.fullmatch(candidate):
            return candidate.decode()
    return f"{_ids.getrandbits(128):032x}"


def _replay(body: bytes, receive: Receive) -> Callable[[], Receive]:
    """Gives `body`, which was read already, to each who asks afresh."""

    def fresh() -> Receive:
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        return replay

    return fresh


async def _refuse(status: int, message: str, reason: str, path: str, send: Send) -> None:
    body = errors.body(status, message, reason, path)
    headers: list[tuple[bytes, Any]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
