"""The gateway: handshakes answered, sockets kept, counted, warned before they end, and drained."""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.http11 import Request

from functions.realtime import frames
from functions.realtime.connection import Connection
from functions.realtime.frames import Close, Sub
from functions.realtime.hub import Hub
from functions.realtime.limits import MAX_CONNECTIONS_PER_USER
from functions.realtime.paths import Paths
from functions.realtime.wire import Asked, Socket
from shared.errors import SegueError, Unauthenticated, Unavailable
from shared.web.principal import Verifier

log = logging.getLogger(__name__)

SWEEP_S = 5.0
LIFETIME_S = 55 * 60.0
"""Cloud Run ends every request after an hour, WebSockets too."""
JITTER_S = 60.0
COME_BACK_WITHIN_S = 10.0
_STATUS = {"Unauthenticated": 401, "Forbidden": 403, "NotFound": 404, "Invalid": 400}


class LiveGateway:
    """Every socket of one instance. `lifetime_s`: after it, clients are told to come back."""

    def __init__(
        self,
        hub: Hub,
        verifier: Verifier,
        *,
        lifetime_s: float = LIFETIME_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._hub, self._verifier = hub, verifier
        self._lifetime_s, self._chance = lifetime_s, chance
        self._sockets: set[Socket] = set()
        self._per_user: Counter[str] = Counter()
        self._draining = False
        self._empty = asyncio.Event()
        self.paths = paths = Paths()

        @paths.get("/_health")
        async def health(socket: Socket, request: Request, asked: Asked) -> None:
            socket.answer(200, b'{"status":"ok"}')

        @paths.websocket("/live")
        async def live(socket: Socket, request: Request, asked: Asked) -> None:
            principal = await self._verifier.verify(asked.token) if asked.token else None
            if self._is_going(socket):
                return
            connection = self._connection(socket)
            if socket.accept(request, connection):
                self._keep(socket)
                if principal is not None:
                    connection.adopt(asked.token, principal)

        @paths.get("/live/events")
        async def events(socket: Socket, request: Request, asked: Asked) -> None:
            if not asked.token:
                raise Unauthenticated("a bearer token is needed", code="TOKEN_MISSING")
            principal = await self._verifier.verify(asked.token)
            connection = self._connection(socket)
            if self._is_going(socket) or not socket.stream(connection):
                return
            self._keep(socket)
            connection.adopt(asked.token, principal)
            if not socket.open:
                return
            epoch, _, since = (asked.last_event_id or asked.query.get("since", "")).rpartition(":")
            known = bool(epoch) and since.isdecimal() and len(since) < 16
            sub = Sub(
                asked.query.get("channel", ""),
                epoch[:64] if known else None,
                int(since) if known else None,
                presence=False,
            )
            try:
                await connection.subscribe(sub)
            except SegueError as error:
                connection.send(
                    frames.encode("error", ch=sub.ch, code=error.code, message=error.message[:200])
                )
                socket.close(Close.GOING_AWAY, error.code)

    @property
    def connections(self) -> int:
        return len(self._sockets)

    def socket(self) -> Socket:
        """A protocol for one more connection."""
        return Socket(self, asyncio.get_running_loop())

    async def open(self, socket: Socket, request: Request, asked: Asked) -> None:
        """Answer a handshake."""
        handler = self.paths.find(asked.path)
        if handler is None:
            socket.refuse(404, "NOT_FOUND", "Not Found")
            return
        try:
            await handler(socket, request, asked)
        except Unavailable:
            socket.refuse(503, "UNAVAILABLE", "try again")
        except SegueError as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            status = next((_STATUS[it] for it in kinds if it in _STATUS), 500)
            socket.refuse(status, error.code, error.message)

    def _connection(self, socket: Socket) -> Connection:
        return Connection(
            self._hub,
            self._verifier,
            socket,
            now=time.monotonic,
            wall_ms=lambda: time.time() * 1000,
            has_room=self._has_room,
        )

    def _is_going(self, socket: Socket) -> bool:
        if self._draining:
            socket.refuse(503, "DRAINING", "this instance is going: come back")
        return self._draining

    def _has_room(self, user_id: str) -> bool:
        """Whether the user may have one more connection here, which is then counted."""
        if self._per_user[user_id] >= MAX_CONNECTIONS_PER_USER:
            return False
        self._per_user[user_id] += 1
        return True

    def _keep(self, socket: Socket) -> None:
        loop = asyncio.get_running_loop()
        socket.ends_at = loop.time() + self._lifetime_s + JITTER_S * self._chance()
        self._sockets.add(socket)

    def gone(self, socket: Socket, connection: Connection) -> None:
        """A socket has closed."""
        self._sockets.discard(socket)
        if connection.user_id:
            self._per_user[connection.user_id] -= 1
            if not self._per_user[connection.user_id]:
                del self._per_user[connection.user_id]
        if not self._sockets:
            self._empty.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return self._hub.spawn(work)

    # Time passes.

    async def sweep(self) -> None:
        """Look after every socket again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            now, wall = loop.time(), time.time()
            for socket in tuple(self._sockets):
                if (connection := socket.connection) is None:
                    continue
                connection.expire(wall)
                socket.probe(now)
                if now >= socket.ends_at and not socket.warned:
                    self._send_away(socket, COME_BACK_WITHIN_S)
                elif now >= socket.ends_at + 2 * COME_BACK_WITHIN_S:
                    socket.close(Close.GOING_AWAY, "RECONNECT")

    def _send_away(self, socket: Socket, within_s: float) -> None:
        socket.warned = True
        after_ms = int(within_s * 1000 * self._chance())
        socket.write(frames.encode("reconnect", after_ms=after_ms))

    async def drain(self, grace_s: float) -> None:
        """Send everybody elsewhere, spread over the time there is, then close who is left."""
        self._draining = True
        for socket in tuple(self._sockets):
            self._send_away(socket, grace_s * 0.6)
        self._empty.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), grace_s if self._sockets else 0)
        for socket in tuple(self._sockets):
            socket.close(Close.GOING_AWAY, "RECONNECT")
