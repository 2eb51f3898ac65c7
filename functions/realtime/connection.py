"""One client at one gateway: who it is, which channels it hears, what it may ask."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import msgspec

from functions.realtime import frames
from functions.realtime.channel import Shared
from functions.realtime.channels import Name
from functions.realtime.frames import Auth, Close, Ping, Sub, Unsub
from functions.realtime.hub import Hub
from functions.realtime.limits import MAX_CHANNELS, MAX_IN_WORK, Bucket
from functions.realtime.owners import Changes
from shared.errors import Invalid, SegueError, Unauthenticated
from shared.web.principal import Principal, Verifier

log = logging.getLogger(__name__)


class Wire(Protocol):
    """The socket of one client, WebSocket or event stream."""

    def write(self, data: bytes) -> None:
        """A message to this client alone."""
        ...

    def write_shared(self, shared: Shared) -> None:
        """A message that others get too."""
        ...

    def close(self, code: Close, reason: str) -> None: ...

    def read(self, on: bool) -> None:
        """Whether to go on reading from it."""
        ...


class Connection:
    """A client that has shown a token, or will. `now` gives seconds that only rise, `wall_ms` the
    time of day in milliseconds, which clients compare their clocks with. `has_room(user_id)` counts
    one more connection of a user, or says no."""

    __slots__ = (
        "_bucket",
        "_has_room",
        "_hub",
        "_in_work",
        "_now",
        "_paused",
        "_verifier",
        "_wall_ms",
        "_wire",
        "_working",
        "channels",
        "dropped",
        "expires_at",
        "shown",
        "token",
        "user_id",
    )

    def __init__(
        self,
        hub: Hub,
        verifier: Verifier,
        wire: Wire,
        *,
        now: Callable[[], float],
        wall_ms: Callable[[], float],
        has_room: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._hub, self._verifier, self._wire = hub, verifier, wire
        self._now, self._wall_ms, self._has_room = now, wall_ms, has_room
        self._bucket = Bucket(at=now())
        self._in_work = 0
        self._paused = False
        self._working: dict[str, asyncio.Task[None]] = {}
        self.token = ""
        self.user_id = ""
        self.expires_at = 0.0
        self.channels: set[str] = set()
        self.dropped: dict[str, Callable[[str], None]] = {}
        self.shown: set[str] = set()

    # As a channel sees it.

    def deliver(self, shared: Shared) -> None:
        self._wire.write_shared(shared)

    def send(self, data: bytes) -> None:
        self._wire.write(data)

    def expired(self, code: str) -> None:
        self._wire.close(Close.UNAUTHENTICATED, code)

    # Who it is.

    def adopt(self, token: str, principal: Principal) -> None:
        """The client is `principal`, as `token` says; it is closed if that one has too many."""
        if not self.user_id and not self._has_room(principal.user_id):
            self._wire.close(Close.TOO_MANY_CONNECTIONS, "TOO_MANY_CONNECTIONS")
            return
        self.token, self.user_id = token, principal.user_id
        self.expires_at = principal.expires_at
        self.send(frames.encode("ready", user_id=principal.user_id, s=self._wall_ms()))

    async def _authenticate(self, token: str) -> None:
        try:
            principal = await self._verifier.verify(token)
        except Unauthenticated as error:
            self._wire.close(Close.UNAUTHENTICATED, error.code)
            return
        if self.user_id and principal.user_id != self.user_id:
            self._wire.close(Close.UNAUTHENTICATED, "ANOTHER_USER")
            return
        self.adopt(token, principal)

    # What it asks.

    def allows(self) -> bool:
        """Whether it may send one more frame; if not, it is closed."""
        if self._bucket.take(self._now()):
            return True
        self._wire.close(Close.RATE_LIMITED, "RATE_LIMITED")
        return False

    def on_message(self, data: bytes) -> None:
        """A message from the client."""
        try:
            asked = frames.parse(data)
        except Invalid as error:
            if error.code == "MALFORMED":
                self._wire.close(Close.MALFORMED, error.code)
            else:
                self.send(frames.encode("error", code=error.code, message=error.message))
            return
        match asked:
            case Ping(id, t):
                self.send(frames.encode("pong", id=id, t=t, s=self._wall_ms()))
            case Auth(token):
                self._begin("", self._authenticate(token))
            case _ if not self.user_id:
                self._wire.close(Close.UNAUTHENTICATED, "AUTH_FIRST")
            case Sub(ch):
                self._begin(ch, self._subscribe(asked))
            case Unsub(ch):
                self._unsubscribe(ch)

    def _begin(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """Answer a frame in the background; one that asks the same again goes before it."""
        if (before := self._working.pop(key, None)) is not None:
            before.cancel()
        self._in_work += 1
        if self._in_work >= MAX_IN_WORK and not self._paused:
            self._paused = True
            self._wire.read(False)
        task = self._hub.spawn(work)
        self._working[key] = task

        def done(task: asyncio.Task[None]) -> None:
            if self._working.get(key) is task:
                del self._working[key]
            self._in_work -= 1
            if self._paused and self._in_work < MAX_IN_WORK:
                self._paused = False
                self._wire.read(True)

        task.add_done_callback(done)

    async def _subscribe(self, asked: Sub) -> None:
        try:
            await self.subscribe(asked)
        except Unauthenticated as error:
            self.expired(error.code)
        except SegueError as error:
            self.send(
                frames.encode("error", ch=asked.ch, code=error.code, message=error.message[:200])
            )

    async def subscribe(self, asked: Sub) -> None:
        """Let the client hear a channel.

        Raises:
            Invalid: no such channel (code UNKNOWN_CHANNEL), or too many (TOO_MANY_CHANNELS).
            Forbidden, NotFound, Unauthenticated, Unavailable: as `Channel.join`.
        """
        name = Name.parse(asked.ch)
        name.open_to(self.user_id)
        if len(self.channels) >= MAX_CHANNELS and asked.ch not in self.channels:
            raise Invalid(f"{MAX_CHANNELS} channels at most", code="TOO_MANY_CHANNELS")
        text = str(name)
        if text in self.channels:
            self._unsubscribe(text, quietly=True)
        self.channels.add(text)

        def reply(changes: Changes) -> None:
            pubs = [{"seq": seq, "payload": msgspec.Raw(payload)} for seq, payload in changes.pubs]
            self.send(
                frames.encode(
                    "sub",
                    ch=text,
                    epoch=changes.epoch,
                    tail=changes.tail,
                    recovered=changes.recovered,
                    pubs=pubs,
                    snapshot=msgspec.Raw(changes.snapshot or b"null"),
                )
            )

        try:
            await self._hub.join(name, self, asked.epoch, asked.since, reply, self.channels.discard)
        except BaseException:
            self.channels.discard(text)
            raise
        if asked.presence and name.shows_presence:
            self._hub.show(text, self)

    def _unsubscribe(self, text: str, *, quietly: bool = False) -> None:
        if (work := self._working.pop(text, None)) is not None and not quietly:
            work.cancel()
        self.channels.discard(text)
        self._hub.leave(text, self)
        if not quietly:
            self.send(frames.encode("unsub", ch=text))

    def expire(self, wall_s: float) -> None:
        """Close it if its token has expired. `wall_s`: Unix time."""
        if self.user_id and self.expires_at <= wall_s:
            self._wire.close(Close.UNAUTHENTICATED, "TOKEN_EXPIRED")

    def gone(self) -> None:
        """The client is no longer there."""
        for task in tuple(self._working.values()):
            task.cancel()
        self._working.clear()
        for text in tuple(self.channels):
            self._hub.leave(text, self)
        self.channels.clear()
