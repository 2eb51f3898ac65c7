"""One channel at one gateway: who listens, in what order they hear, and how gaps are closed.

The bus says that there is something new, and may lose, repeat or disorder it; the owner's log is
the truth. What a listener hears is a run of numbers without a hole, or `reset` with the state.

    bus ──event──▶ offer ──next──▶ ring ──▶ every listener
                     └─gap, other epoch──▶ repair: owner.changes(since=tail) ──▶ ring or reset
    every few seconds: the same question, for the last message is lost without a gap to see
"""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from functions.realtime import frames
from functions.realtime.channels import Name
from functions.realtime.owners import Changes, Owners
from functions.realtime.ring import Offer, Ring
from shared.errors import Forbidden, Invalid, NotFound, SegueError, Unauthenticated, Unavailable

log = logging.getLogger(__name__)

TAIL_CHECK_S = (3.0, 5.0)
MAX_HELD = 4096
RETRY_S = (0.1, 2.0)
PATIENCE = 5
"""How often a log is asked for what the bus brought of it, before that is taken for a mistake."""
REFUSALS = (Forbidden, NotFound, Unauthenticated, Invalid)


class Listener(Protocol):
    """A connection, as a channel sees it."""

    token: str
    user_id: str
    dropped: dict[str, Callable[[str], None]]
    """By channel: whom to tell that its right to listen is gone."""
    shown: set[str]
    """Channels on which others see it."""

    def deliver(self, shared: "Shared") -> None:
        """Write what every listener gets. Never waits: who does not read is cut off."""
        ...

    def send(self, data: bytes) -> None:
        """Write to this one only."""
        ...

    def expired(self, code: str) -> None:
        """Its token is accepted no more: it must come back with another."""
        ...


@dataclass(slots=True)
class Shared:
    """A message for many, made into bytes once for each kind of connection."""

    data: bytes
    id: str = ""
    _websocket: bytes = b""
    _event_stream: bytes = b""

    @property
    def websocket(self) -> bytes:
        self._websocket = self._websocket or frames.text_frame(self.data)
        return self._websocket

    @property
    def event_stream(self) -> bytes:
        self._event_stream = self._event_stream or frames.event_stream(self.data, self.id)
        return self._event_stream


class Channel:
    """`gone(channel)` is called when nobody is left, `proved(channel, listener)` when the right of
    somebody who was silenced has been proved."""

    def __init__(
        self,
        name: Name,
        owners: Owners,
        *,
        tasks: Callable[..., "asyncio.Task[None]"],
        gone: Callable[["Channel"], None],
        dropped: Callable[["Channel", Listener], None],
        proved: Callable[["Channel", Listener], None] = lambda *_: None,
        tail_check_s: tuple[float, float] = TAIL_CHECK_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._text = str(name)
        self._owners = owners
        self._tasks = tasks
        self._gone = gone
        self._dropped = dropped
        self._proved = proved
        self._tail_check_s = tail_check_s
        self._chance = chance
        self.listeners: dict[Listener, int] = {}
        """Each with the number up to which it has heard apart from the others (mostly 0)."""
        self._unproven: dict[Listener, int] = {}
        """Whose right to listen is being asked again, and what they have heard so far."""
        self._joining = 0
        self._ring: Ring | None = None
        self._held: dict[tuple[str, int], bytes] = {}
        self._repairing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._turn = 0

    # What comes over the bus.

    def offer(self, epoch: str, seq: int, payload: bytes, recheck: bool) -> None:
        """Take one event of the channel."""
        ring = self._ring
        if ring is None:
            self._hold(epoch, seq, payload)
        else:
            offered = ring.offer(epoch, seq)
            if recheck and offered is not Offer.KNOWN:
                self._suspend()
            if offered is Offer.NEXT:
                self._append(payload)
                self._drain()
            elif offered is not Offer.KNOWN:
                self._hold(epoch, seq, payload)
                self._repair()

    def say(self, payload: bytes) -> None:
        """Pass on what nobody keeps."""
        data = frames.encode("say", ch=self._text, payload=msgspec.Raw(payload))
        self.broadcast(Shared(data))

    def broadcast(self, shared: Shared, who: Callable[[Listener], bool] = lambda _: True) -> None:
        """To all listeners, or to those of them that `who` names, as it is."""
        for listener in tuple(self.listeners):
            if who(listener):
                listener.deliver(shared)

    def _hold(self, epoch: str, seq: int, payload: bytes) -> None:
        if len(self._held) < MAX_HELD:
            self._held[epoch, seq] = payload

    def _append(self, payload: bytes) -> None:
        assert self._ring is not None
        ring = self._ring
        seq = ring.append(payload)
        data = frames.pub(self._text, ring.epoch, seq, payload)
        shared = Shared(data, f"{ring.epoch}:{seq}")
        for listener, heard in tuple(self.listeners.items()):
            if seq > heard:
                listener.deliver(shared)

    def _drain(self) -> None:
        """What was held and is next by now."""
        ring = self._ring
        if ring is None or not self._held:
            return
        while (payload := self._held.pop((ring.epoch, ring.tail + 1), None)) is not None:
            self._append(payload)
        self._held = {
            key: it for key, it in self._held.items() if key[0] != ring.epoch or key[1] > ring.tail
        }
        if self._held and not self._repairing:
            self._repair()

    # Who listens.

    async def join(
        self,
        listener: Listener,
        epoch: str | None,
        since: int | None,
        reply: Callable[[Changes], None],
    ) -> None:
        """Let `listener` in: `reply` tells it what it missed, and all that follows comes after.

        Raises:
            Forbidden, NotFound, Unauthenticated, Invalid: it may not listen.
            Unavailable: the owner does not answer.
        """
        self._joining += 1
        try:
            changes = await self._ask(listener, epoch, since)
            self._admit(listener, changes, reply)
        finally:
            self._joining -= 1
            self._leave_if_empty()

    async def _ask(self, listener: Listener, epoch: str | None, since: int | None) -> Changes:
        """What the listener missed, from memory where it may be; allowed by the owner anyway."""
        ring = self._ring
        remembered = ring is not None and self.name.from_memory and ring.covers(epoch, since)
        if ring is not None and remembered and since is not None:
            at = ring.tail
            changes = await self._owners.changes(self.name, listener.token, ring.epoch, at)
            if changes.recovered and ring.epoch == epoch and ring.covers(epoch, since):
                mine = [it for it in ring.after(since) if it[0] <= changes.tail]
                more = [it for it in changes.pubs if not mine or it[0] > mine[-1][0]]
                return Changes(changes.epoch, changes.tail, True, (*mine, *more), None)
        return await self._owners.changes(self.name, listener.token, epoch, since)

    def _admit(
        self, listener: Listener, changes: Changes, reply: Callable[[Changes], None]
    ) -> None:
        """Make it a listener that has heard all up to `changes.tail`."""
        ring = self._ring
        if ring is None:
            ring = self._ring = Ring(changes.epoch, changes.tail)
            self._plan_check()
        heard = changes.tail
        if changes.epoch != ring.epoch:
            # The owner began anew and the bus has not said so yet, or this answer is late. Both
            # are told from each other by asking again, for everybody.
            reply(changes)
            self.listeners[listener] = 0
            self._repair()
            return
        if heard > ring.tail:
            self._catch_up(changes)
        if not ring.covers(ring.epoch, heard):
            raise Unavailable("the channel went on too quickly: try again")
        reply(changes)
        for seq, payload in ring.after(heard):
            listener.send(frames.pub(self._text, ring.epoch, seq, payload))
        self.listeners[listener] = heard
        self._drain()

    def _catch_up(self, changes: Changes) -> None:
        """Others hear what a newcomer's answer brought to light."""
        ring = self._ring
        assert ring is not None
        fresh = [it for it in changes.pubs if it[0] > ring.tail]
        if changes.recovered and fresh and fresh[0][0] == ring.tail + 1:
            for _, payload in fresh:
                self._append(payload)
        elif self.listeners or self._unproven:
            self._repair()
        else:
            ring.begin(changes.epoch, changes.tail)

    def leave(self, listener: Listener) -> None:
        """It listens no more."""
        self.listeners.pop(listener, None)
        self._unproven.pop(listener, None)
        self._leave_if_empty()

    def _leave_if_empty(self) -> None:
        if not (self.listeners or self._unproven or self._joining):
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._repairing is not None:
                self._repairing.cancel()
                self._repairing = None
            self._ring = None
            self._gone(self)

    # Closing gaps.

    def _repair(self) -> None:
        """Ask the owner what came after the last number; one question at a time."""
        if self._repairing is None and self.listeners:
            self._repairing = self._tasks(self._close_gap())

    async def _close_gap(self) -> None:
        pause, vain = RETRY_S[0], 0
        try:
            while self._ring is not None and (asker := self._asker()) is not None:
                ring = self._ring
                epoch, tail = ring.epoch, ring.tail
                try:
                    changes = await self._owners.changes(self.name, asker.token, epoch, tail)
                except REFUSALS as error:
                    self._drop(asker, error)
                    continue
                except Unavailable as error:
                    log.info("%s: %s", self.name, error)
                    await asyncio.sleep(pause * (0.5 + self._chance() / 2))
                    pause = min(RETRY_S[1], pause * 2)
                    continue
                if self._apply(changes):
                    self._recheck_slowly()
                self._drain()
                if not self._held:
                    return
                vain += 1
                if vain == PATIENCE:
                    log.warning("%s: %d events are in no log", self.name, len(self._held))
                    self._held.clear()
                    return
                await asyncio.sleep(pause * vain)
        finally:
            self._repairing = None

    def _apply(self, changes: Changes) -> bool:
        """Take in an owner's answer. Whether the bus had lost something."""
        ring = self._ring
        if ring is None:
            return False
        if changes.recovered and changes.epoch == ring.epoch:
            fresh = [payload for seq, payload in changes.pubs if seq > ring.tail]
            for payload in fresh:
                self._append(payload)
            return bool(fresh)
        if changes.recovered:
            return False  # of an epoch that has ended while we asked
        ring.begin(changes.epoch, changes.tail)
        data = frames.encode(
            "reset",
            ch=self._text,
            epoch=changes.epoch,
            tail=changes.tail,
            snapshot=msgspec.Raw(changes.snapshot or b"null"),
        )
        shared = Shared(data, f"{changes.epoch}:{changes.tail}")
        for listener in self.listeners:
            self.listeners[listener] = changes.tail
        self.broadcast(shared)
        return True

    def _asker(self) -> Listener | None:
        """Listeners ask in turn, so that a right that was lost unheard is noticed."""
        if not self.listeners:
            return None
        found = tuple(self.listeners)
        self._turn += 1
        return found[self._turn % len(found)]

    def _plan_check(self) -> None:
        low, high = self._tail_check_s
        pause = low + (high - low) * self._chance()
        self._timer = asyncio.get_running_loop().call_later(pause, self._check)

    def _check(self) -> None:
        self._plan_check()
        self._repair()

    # Rights that may be gone.

    def _suspend(self) -> None:
        """Nobody hears any more until the owner has said, for each, that they may."""
        assert self._ring is not None
        tail = self._ring.tail
        for listener, heard in self.listeners.items():
            self._unproven[listener] = max(heard, tail)
        self.listeners.clear()
        for listener in self._unproven:
            self._tasks(self._prove(listener))

    async def _prove(self, listener: Listener) -> None:
        pause = RETRY_S[0]
        while listener in self._unproven and self._ring is not None:
            epoch, heard = self._ring.epoch, self._unproven[listener]
            try:
                changes = await self._ask(listener, epoch, heard)
            except REFUSALS as error:
                self._drop(listener, error)
                return
            except SegueError:
                await asyncio.sleep(pause * (0.5 + self._chance() / 2))
                pause = min(RETRY_S[1], pause * 2)
                continue
            if listener not in self._unproven:
                return
            try:
                self._admit(listener, changes, lambda it: self._tell_missed(listener, it))
            except Unavailable:
                continue
            self._unproven.pop(listener, None)
            self._proved(self, listener)
            return

    def _tell_missed(self, listener: Listener, changes: Changes) -> None:
        if changes.recovered:
            for seq, payload in changes.pubs:
                listener.send(frames.pub(self._text, changes.epoch, seq, payload))
            return
        state = msgspec.Raw(changes.snapshot or b"null")
        listener.send(
            frames.encode(
                "reset", ch=self._text, epoch=changes.epoch, tail=changes.tail, snapshot=state
            )
        )

    def _recheck_slowly(self) -> None:
        """What was lost on the bus may have been that a right is gone: ask for each, in time."""
        others = [it for it in self.listeners if it.user_id != ""]
        if len(others) > 1:
            self._tasks(self._recheck(others))

    async def _recheck(self, listeners: list[Listener]) -> None:
        for listener in listeners:
            ring = self._ring
            if ring is None or listener not in self.listeners:
                continue
            try:
                await self._owners.changes(self.name, listener.token, ring.epoch, ring.tail)
            except REFUSALS as error:
                self._drop(listener, error)
            except SegueError:
                continue

    def _drop(self, listener: Listener, error: SegueError) -> None:
        if isinstance(error, Unauthenticated):
            listener.expired(error.code)
            self.leave(listener)
        elif listener in self.listeners or listener in self._unproven:
            frame = frames.encode("revoked", ch=self._text, code=error.code, message=error.message)
            listener.send(frame)
            self._dropped(self, listener)
            self.leave(listener)
