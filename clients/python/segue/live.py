"""Live channels: one connection that is kept, and of each channel every number exactly once.

    async with Live(host, token) as live:
        async for change in live.subscribe("playlist:ID", epoch=epoch, since=revision):
            match change:
                case Published(seq, payload): …
                case Reset(epoch, tail, snapshot): …      # start from this state
                case Ended(code): …                       # the right to listen is gone

Connections break, gateways go, messages are lost on the way: what the application gets is the run
of numbers after `since` without a hole, or `Reset` with the state where that cannot be had.
"""

import asyncio
import contextlib
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import websockets
from websockets.asyncio.client import ClientConnection, connect

from segue.clock import ServerClock
from segue.errors import (
    RateLimited,
    SegueError,
    ServerError,
    Unauthorized,
    Unreachable,
)

log = logging.getLogger(__name__)

BACKOFF_S = (0.1, 5.0)
MAX_FRAME_BYTES = 16 << 20
PING_S = 20.0
SETTLED_S = 5.0
"""A connection that lasted this long was good: the next one is not waited for."""
_AGAIN = frozenset({"UNAVAILABLE", "INTERNAL", "TOO_MANY_REQUESTS"})
_LATER = (Unreachable, RateLimited, ServerError)
_RENEW = frozenset({"TOKEN_EXPIRED", "TOKEN_INVALID", "AUTH_TIMEOUT"})


@dataclass(frozen=True, slots=True)
class Published:
    """Number `seq` of the channel."""

    seq: int
    payload: Any


@dataclass(frozen=True, slots=True)
class Reset:
    """What came before cannot be told in full: `snapshot` is the state at number `tail`."""

    epoch: str
    tail: int
    snapshot: Any


@dataclass(frozen=True, slots=True)
class Said:
    """Something in passing, that is in no log."""

    payload: Any


@dataclass(frozen=True, slots=True)
class Present:
    """Who is on the channel now."""

    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more will come: `code` says why."""

    code: str


Change = Published | Reset | Said | Present | Ended


@dataclass(slots=True)
class Position:
    """How far one channel has been heard. Pure: frames in, changes out.

    `settled` is false from a gap until the gateway has answered the subscription that closes it.
    """

    channel: str
    epoch: str | None = None
    since: int | None = None
    presence: bool = False
    settled: bool = False

    def request(self) -> dict[str, Any]:
        """The frame that subscribes from here."""
        self.settled = False
        asked: dict[str, Any] = {"op": "sub", "ch": self.channel, "presence": self.presence}
        if self.epoch is not None and self.since is not None:
            asked |= {"epoch": self.epoch, "since": self.since}
        return asked

    def take(self, frame: dict[str, Any]) -> tuple[list[Change], bool]:
        """What the application gets of a frame, and whether to subscribe anew."""
        match frame["op"]:
            case "sub":
                self.settled = True
                if not frame["recovered"]:
                    return [self._reset(frame)], False
                return [it for pub in frame["pubs"] if (it := self._next(pub))], False
            case "reset":
                self.settled = True
                return [self._reset(frame)], False
            case "pub" if self.settled:
                if frame["epoch"] != self.epoch or frame["seq"] > (self.since or 0) + 1:
                    return [], True
                found = self._next(frame)
                return [found] if found else [], False
            case "say":
                return [Said(frame["payload"])], False
            case "presence":
                return [Present(tuple(frame["users"]))], False
            case "revoked":
                return [Ended(frame["code"])], False
            case "error":
                again = frame["code"] in _AGAIN
                return ([] if again else [Ended(frame["code"])]), again
        return [], False

    def _next(self, pub: dict[str, Any]) -> Published | None:
        if pub["seq"] != (self.since or 0) + 1:
            return None
        self.since = pub["seq"]
        return Published(pub["seq"], pub["payload"])

    def _reset(self, frame: dict[str, Any]) -> Reset:
        self.epoch, self.since = frame["epoch"], frame["tail"]
        return Reset(frame["epoch"], frame["tail"], frame["snapshot"])


@dataclass(slots=True)
class _Subscription:
    position: Position
    changes: "asyncio.Queue[Change]" = field(default_factory=asyncio.Queue)


class Live:
    """One user's connection to `host`. `token` gives an access token; `fresh` asks for a new one.

    Raises:
        Unauthorized: from `subscribe`, when no token is accepted any more.
    """

    def __init__(
        self,
        host: str | Callable[[], str],
        token: Callable[[bool], Awaitable[str]],
        *,
        backoff_s: tuple[float, float] = BACKOFF_S,
        now_ms: Callable[[], float] = lambda: time.monotonic() * 1000,
    ) -> None:
        self._host = host if callable(host) else lambda: host
        self._token = token
        self._backoff_s = backoff_s
        self._now_ms = now_ms
        self._subscriptions: dict[str, _Subscription] = {}
        self._socket: ClientConnection | None = None
        self._running: asyncio.Task[None] | None = None
        self._leave_at: float | None = None
        self._over = ""
        self.clock = ServerClock()
        self.connections = 0
        """How many connections there have been."""

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def subscribe(
        self,
        channel: str,
        *,
        epoch: str | None = None,
        since: int | None = None,
        presence: bool = False,
    ) -> AsyncIterator[Change]:
        """What is said on `channel` after number `since` of `epoch`; without them, the state now
        and what follows. Ends after `Ended`, or when the connection is given up.

        Raises:
            ValueError: the channel is heard already.
        """
        if channel in self._subscriptions:
            raise ValueError(f"{channel} is heard already")
        position = Position(channel, epoch, since, presence)
        subscription = self._subscriptions[channel] = _Subscription(position)
        if self._over:
            subscription.changes.put_nowait(Ended(self._over))
        try:
            await self._ask(subscription)
            while True:
                change = await subscription.changes.get()
                yield change
                if isinstance(change, Ended):
                    if change.code == "UNAUTHENTICATED":
                        raise Unauthorized("no token is accepted", status=401)
                    return
        finally:
            if self._subscriptions.get(channel) is subscription:
                del self._subscriptions[channel]
                await self._send({"op": "unsub", "ch": channel})

    @property
    def state(self) -> str:
        """`connected`, `connecting`, or why it is over."""
        return self._over or ("connecting" if self._socket is None else "connected")

    async def ping(self) -> None:
        """Compare clocks once more; the answer goes into `clock`."""
        await self._send({"op": "ping", "t": self._now_ms()})

    async def _run(self) -> None:
        try:
            await self._keep_connected()
        except Unauthorized:
            self._give_up("UNAUTHENTICATED")
        except SegueError as error:
            self._give_up(error.code)
        except Exception:  # whatever the application's `token` raises
            log.exception("the live connection is given up")
            self._give_up("FAILED")

    async def _keep_connected(self) -> None:
        """Connect, again and again, until no token is accepted. Raises what `token` raises."""
        failures, refused, fresh = 0, 0, False
        while True:
            began = self._now_ms()
            try:
                await self._connection(await self._token(fresh))
                failures, refused, fresh = 0, 0, False
            except websockets.InvalidStatus as error:
                fresh = error.response.status_code == 401
                refused = refused + 1 if fresh else 0
                failures += 1
                if refused > 3:
                    raise Unauthorized("no token is accepted", status=401) from error
            except websockets.ConnectionClosed as error:
                received = error.rcvd
                fresh = received is not None and received.reason in _RENEW
                # One that is closed as soon as it stands (too many of them, too slow) is tried
                # ever more seldom.
                failures = 0 if self._now_ms() - began > SETTLED_S * 1000 else failures + 1
            except (OSError, websockets.WebSocketException, TimeoutError, *_LATER) as error:
                log.info("no live connection yet: %r", error)
                failures += 1
            low, high = self._backoff_s
            # Full jitter: those that a gateway left together come back apart.
            await asyncio.sleep(random.uniform(0, min(high, low * 2**failures)))  # noqa: S311

    async def _connection(self, token: str) -> None:
        """One connection, from the handshake until it is lost or given up."""
        host = self._host().rstrip("/").replace("http", "ws", 1)
        async with connect(
            f"{host}/live",
            additional_headers={"Authorization": f"Bearer {token}"},
            compression=None,
            max_size=MAX_FRAME_BYTES,
            open_timeout=10,
            ping_interval=PING_S,
            close_timeout=1,
            proxy=None,
        ) as socket:
            self.connections += 1
            self._socket, self._leave_at = socket, None
            try:
                for subscription in tuple(self._subscriptions.values()):
                    await self._ask(subscription)
                await self._read(socket)
            finally:
                self._socket = None

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            left = None if self._leave_at is None else self._leave_at - self._now_ms()
            if left is not None and left <= 0:
                return
            try:
                async with asyncio.timeout(None if left is None else left / 1000):
                    text = await socket.recv()
            except TimeoutError:
                return
            await self._take(json.loads(text))

    async def _take(self, frame: dict[str, Any]) -> None:
        match frame["op"]:
            case "pong":
                self.clock.pong(frame["t"], frame["s"], self._now_ms())
                return
            case "reconnect":
                self._leave_at = self._now_ms() + frame["after_ms"]
                return
        subscription = self._subscriptions.get(frame.get("ch", ""))
        if subscription is None:
            return
        changes, again = subscription.position.take(frame)
        for change in changes:
            subscription.changes.put_nowait(change)
        if again:
            if frame["op"] == "error":
                await asyncio.sleep(random.uniform(0, self._backoff_s[0] * 4))  # noqa: S311
            await self._ask(subscription)

    async def _ask(self, subscription: _Subscription) -> None:
        await self._send(subscription.position.request())

    async def _send(self, frame: dict[str, Any]) -> None:
        """Send, if there is a connection; what subscribes is sent again on the next one."""
        if self._socket is not None:
            with contextlib.suppress(websockets.ConnectionClosed):
                await self._socket.send(json.dumps(frame))

    def _give_up(self, code: str) -> None:
        self._over = code
        for subscription in self._subscriptions.values():
            subscription.changes.put_nowait(Ended(code))
