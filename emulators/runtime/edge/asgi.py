"""The few pieces of ASGI that the edge speaks directly."""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

VIA = (b"via", b"1.1 google")


class BrokenOff(Exception):
    """The rest of a response that has begun can't be sent; the connection is to be closed."""


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The first value of header `name` (lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


async def answer(
    scope: Scope, send: Send, status: int, body: bytes, content_type: bytes, extra: Headers
) -> None:
    """Send one whole response; to a WebSocket, refuse the handshake with it."""
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        *extra,
    ]
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    head = scope.get("method") == "HEAD"
    await send({"type": f"{kind}.body", "body": b"" if head else body})


async def refuse(
    scope: Scope, send: Send, status: int, reason: str, message: str, extra: Headers | None = None
) -> None:
    """Send an error in the shape that every Segue endpoint uses; `reason` is the stable code."""
    error = {"error": {"status": status, "message": message, "reason": reason}}
    headers: Headers = [VIA, (b"cache-control", b"private, max-age=0"), *(extra or [])]
    await answer(scope, send, status, json.dumps(error).encode(), b"application/json", headers)
