"""What goes over the wire: frames from clients, refused with codes when hostile; frames to them.

From a client, JSON objects of at most `MAX_BYTES`, as text:

    {"op":"auth","token":T}                              before anything else, or to renew
    {"op":"sub","ch":"playlist:ID","epoch":E,"since":N,"presence":true}
    {"op":"unsub","ch":C}
    {"op":"ping","id":7,"t":12.5}                        answered with the server's clock

To a client: `ready`, `sub`, `unsub`, `pub` (number `seq` of a channel), `reset` (a new beginning:
here is the state), `say` (in passing, numbered by nobody), `presence`, `revoked`, `pong`,
`reconnect` (come back elsewhere, `after_ms` from now) and `error`.

Everything here is pure.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import msgspec

from shared.errors import Invalid

MAX_BYTES = 16 * 1024
MAX_SEQ = 2**53 - 1
"""Numbers that JavaScript can hold."""


class Close(IntEnum):
    """Why a connection was closed, beside RFC 6455's own codes (1002, 1003, 1007, 1009, 1012)."""

    GOING_AWAY = 1012
    MALFORMED = 4400
    UNAUTHENTICATED = 4401
    SLOW_CONSUMER = 4408
    TOO_MANY_CONNECTIONS = 4409
    RATE_LIMITED = 4429


class _Incoming(msgspec.Struct):
    op: str
    ch: str = ""
    epoch: str | None = None
    since: int | None = None
    presence: bool = False
    token: str = ""
    id: int = 0
    t: float = 0.0


_decoder = msgspec.json.Decoder(_Incoming)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Auth:
    token: str


@dataclass(frozen=True, slots=True)
class Sub:
    """`since` None: from what there is now."""

    ch: str
    epoch: str | None
    since: int | None
    presence: bool


@dataclass(frozen=True, slots=True)
class Unsub:
    ch: str


@dataclass(frozen=True, slots=True)
class Ping:
    id: int
    t: float


Incoming = Auth | Sub | Unsub | Ping


def parse(data: bytes) -> Incoming:
    """A client's frame.

    Raises:
        Invalid: not JSON of that shape, however it came about (code MALFORMED), or an operation
            that is not known (code UNKNOWN_OP).
    """
    try:
        it = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid("not a frame of this protocol", code="MALFORMED") from error
    match it.op:
        case "auth":
            return Auth(it.token)
        case "sub":
            if it.since is not None and not 0 <= it.since <= MAX_SEQ:
                raise Invalid("since is out of range", code="MALFORMED")
            if it.epoch is not None and len(it.epoch) > 64:
                raise Invalid("epoch is too long", code="MALFORMED")
            return Sub(it.ch, it.epoch, it.since if it.epoch is not None else None, it.presence)
        case "unsub":
            return Unsub(it.ch)
        case "ping":
            return Ping(it.id, it.t)
    raise Invalid(f"no such operation: {it.op[:40]!r}", code="UNKNOWN_OP")


def encode(op: str, **fields: Any) -> bytes:
    """A frame to a client, as JSON. `msgspec.Raw` values go in as they are."""
    return _encode({"op": op, **fields})


def pub(ch: str, epoch: str, seq: int, payload: bytes) -> bytes:
    """Number `seq` of a channel; `payload` is JSON."""
    return encode("pub", ch=ch, epoch=epoch, seq=seq, payload=msgspec.Raw(payload))


def text_frame(data: bytes) -> bytes:
    """A whole WebSocket message, ready to write: FIN, opcode 1, unmasked (RFC 6455 §5.2).

    The same bytes go to every subscriber.
    """
    size = len(data)
    if size < 126:
        return bytes((0x81, size)) + data
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + data
    return b"\x81\x7f" + size.to_bytes(8, "big") + data


def event_stream(data: bytes, id: str = "") -> bytes:
    """The same as a server-sent event; `id` is what the browser shows when it comes back."""
    head = f"id: {id}\n".encode() if id else b""
    return head + b"data: " + data + b"\n\n"
