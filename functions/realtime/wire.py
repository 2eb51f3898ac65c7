"""Sockets: the WebSocket protocol by `websockets`' Sans-I/O layer, event streams, and refusals.

No task and no queue for a connection: bytes go from the loop into the protocol and out of it. A
message for many is framed once, and the same bytes are written to every socket.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from functions.realtime import frames
from functions.realtime.channel import Shared
from functions.realtime.connection import Connection
from functions.realtime.frames import Close

log = logging.getLogger(__name__)
_quiet = logging.getLogger("websockets.quiet")
_quiet.disabled = True

HANDSHAKE_S = 5.0
AUTH_S = 5.0
LINGER_S = 3.0
"""How long a client may take to read why it was closed."""
MAX_BUFFERED = 256 * 1024
"""A client that leaves more than this unread is too slow, but for one long message at a time."""
MAX_LONG = 8 << 20
"""What may lie unread of long messages: a playlist of 20,000 items is 2.5 MB."""
PROGRESS = 32 * 1024
"""Of a long message, at least this is read from one probe to the next."""
SILENT_S = 75.0
PING_AFTER_S = 25.0
_PING = b"\x89\x00"
_UNSUPPORTED = 1003
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n"
    b"x-accel-buffering: no\r\nconnection: close\r\n\r\n"
)
_REASONS = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 426: "Upgrade Required", 429: "Too Many Requests",
    503: "Service Unavailable",
}  # fmt: skip


class Asked:
    """What a handshake asks for: path, query, and the bearer token, wherever it stands."""

    def __init__(self, request: Request) -> None:
        parts = urlsplit(request.path)
        self.path = parts.path.rstrip("/") or "/"
        self.query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.last_event_id = request.headers.get("last-event-id", "")
        self.upgrades = request.headers.get("upgrade", "").lower() == "websocket"
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        bearer = token.strip() if kind.lower() == "bearer" else ""
        self.token = bearer or self.query.get("access_token", "")


class Gateway(Protocol):
    """What sockets belong to."""

    async def open(self, socket: "Socket", request: Request, asked: Asked) -> None:
        """Answer a handshake: by `socket.accept`, `socket.stream`, `socket.answer` or `refuse`."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]": ...

    def gone(self, socket: "Socket", connection: Connection) -> None: ...


class Socket(asyncio.Protocol):
    """One client's socket. Seconds are the loop's."""

    __slots__ = (
        "_closing",
        "_fragments",
        "_gateway",
        "_loop",
        "_protocol",
        "_room",
        "_timer",
        "_transport",
        "_unread",
        "connection",
        "ends_at",
        "heard_at",
        "streams",
        "warned",
    )

    def __init__(self, gateway: Gateway, loop: asyncio.AbstractEventLoop) -> None:
        self._gateway, self._loop = gateway, loop
        self._protocol: ServerProtocol | None = None
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._fragments: list[bytes] | None = None
        self._closing = False
        self._room = MAX_BUFFERED
        self._unread = 0
        self.connection: Connection | None = None
        self.streams = False
        self.heard_at = 0.0
        self.ends_at = 0.0
        self.warned = False

    # From the loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._protocol = ServerProtocol(max_size=frames.MAX_BYTES, logger=_quiet)
        self.heard_at = self._loop.time()
        self._timer = self._loop.call_later(HANDSHAKE_S, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        protocol = self._protocol
        if protocol is None or self._closing or self.streams:
            return
        self.heard_at = self._loop.time()
        opening = protocol.state is State.CONNECTING
        protocol.receive_data(data)
        if opening:
            self._handshake(protocol, protocol.events_received())
            return
        for event in protocol.events_received():
            assert isinstance(event, Frame)
            self._on_frame(event)
            if self._closing:
                return
        self._flush()
        if protocol.parser_exc is not None or protocol.state is not State.OPEN:
            self._end()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._closing = True
        self._leave()
        self._protocol = None

    # The handshake.

    def _handshake(self, protocol: ServerProtocol, events: list[Any]) -> None:
        if protocol.handshake_exc is not None or len(events) > 1:
            self.refuse(400, "MALFORMED", "not a request that is understood here")
        elif events:
            request: Request = events[0]
            self._transport.pause_reading()
            self._gateway.spawn(self._gateway.open(self, request, Asked(request)))

    @property
    def open(self) -> bool:
        """Whether the client may still be there."""
        return not self._closing

    def accept(self, request: Request, connection: Connection) -> bool:
        """Begin a WebSocket for `connection`; if the handshake is no good, it is refused."""
        protocol = self._protocol
        if protocol is None or self._closing:
            return False
        response = protocol.accept(request)
        if response.status_code != 101:
            self.refuse(400, "MALFORMED", "not a WebSocket handshake")
            return False
        protocol.send_response(response)
        self._flush()
        self._begin(connection)
        self._transport.resume_reading()
        return True

    def stream(self, connection: Connection) -> bool:
        """Begin a stream of events for `connection`."""
        if self._closing:
            return False
        self.streams = True
        self._transport.write(_STREAM_HEAD)
        self._begin(connection)
        self._transport.resume_reading()
        return True

    def _begin(self, connection: Connection) -> None:
        self._stop_timer()
        self.connection = connection
        if not connection.user_id:
            self._timer = self._loop.call_later(AUTH_S, self._unknown)

    def _unknown(self) -> None:
        self._timer = None
        if self.connection is not None and not self.connection.user_id:
            self.close(Close.UNAUTHENTICATED, "AUTH_TIMEOUT")

    def refuse(self, status: int, reason: str, message: str) -> None:
        """Answer the handshake with an error, in the shape of every other answer."""
        error = {"error": {"status": status, "message": message, "reason": reason}}
        self.answer(status, msgspec.json.encode(error))

    def answer(self, status: int, body: bytes) -> None:
        """Answer as plain HTTP, and close."""
        if self._closing:
            return
        head = (
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        self._end()

    # From the client.

    def _on_frame(self, frame: Frame) -> None:
        connection = self.connection
        if connection is None or not connection.allows():
            return
        match frame.opcode:
            case Opcode.TEXT if frame.fin:
                connection.on_message(bytes(frame.data))
            case Opcode.TEXT:
                self._fragments = [bytes(frame.data)]
            case Opcode.CONT if self._fragments is not None:
                self._fragments.append(bytes(frame.data))
                if frame.fin:
                    whole, self._fragments = b"".join(self._fragments), None
                    connection.on_message(whole)
            case Opcode.BINARY | Opcode.CONT:
                self._fail(_UNSUPPORTED, "BINARY")

    # To the client.

    def write(self, data: bytes) -> None:
        if not self._closing:
            self._write(frames.event_stream(data) if self.streams else frames.text_frame(data))

    def write_shared(self, shared: Shared) -> None:
        if not self._closing:
            self._write(shared.event_stream if self.streams else shared.websocket)

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if len(data) > MAX_BUFFERED and self._room == MAX_BUFFERED:
            # The state of a long list: whoever has read all before it is not slow yet. `probe`
            # sees to it that they read on.
            self._room = min(MAX_LONG, len(data) + 2 * MAX_BUFFERED)
        transport.write(data)
        unread = transport.get_write_buffer_size()
        if unread > self._room:
            self.close(Close.SLOW_CONSUMER, "SLOW_CONSUMER")
        elif unread <= MAX_BUFFERED:
            self._room = MAX_BUFFERED

    def read(self, on: bool) -> None:
        if not self._closing:
            (self._transport.resume_reading if on else self._transport.pause_reading)()

    def probe(self, now: float) -> None:
        """See whether a client that has been silent is still there. `now` as the loop's time."""
        silent_s = now - self.heard_at
        before, self._unread = self._unread, self._transport.get_write_buffer_size()
        if before and self._unread > max(MAX_BUFFERED, before - PROGRESS):
            self.close(Close.SLOW_CONSUMER, "SLOW_CONSUMER")
        elif self.streams:
            if not self._closing:
                self._transport.write(b":\n\n")
        elif silent_s > SILENT_S:
            self._transport.abort()
        elif silent_s > PING_AFTER_S and self.connection is not None and not self._closing:
            self._transport.write(_PING)

    # The end.

    def close(self, code: Close, reason: str) -> None:
        """Tell the client why, and close."""
        self._fail(int(code), reason)

    def _fail(self, code: int, reason: str) -> None:
        if self._closing:
            return
        protocol = self._protocol
        if self.streams:
            self._transport.write(frames.event_stream(frames.encode("close", code=reason)))
        elif protocol is not None and protocol.state is State.OPEN:
            protocol.fail(code, reason)
            self._flush()
        self._end()

    def _flush(self) -> None:
        assert self._protocol is not None
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)

    def _end(self) -> None:
        """No more is written; what was is given a moment to arrive."""
        if self._closing:
            return
        self._closing = True
        self._stop_timer()
        self._leave()
        if self._transport.can_write_eof():
            # To close at once, with bytes unread, would take the reason back from the client.
            self._transport.resume_reading()
            self._transport.write_eof()
            self._timer = self._loop.call_later(LINGER_S, self._transport.abort)
        else:
            self._transport.close()

    def _leave(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.gone()
            self._gateway.gone(self, connection)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
