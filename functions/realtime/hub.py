"""All channels of one gateway: what the bus brings goes in, and out to whoever listens."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from functions.realtime import frames
from functions.realtime.channel import TAIL_CHECK_S, Channel, Listener, Shared
from functions.realtime.channels import Name
from functions.realtime.owners import Changes, Owners
from functions.realtime.presence import (
    SAID_EVERY_S,
    Announcement,
    Room,
    announcement_of,
    payload_of,
)
from shared.errors import SegueError
from shared.events import ChannelPublished

log = logging.getLogger(__name__)

Publish = Callable[[Any], Coroutine[Any, Any, None]]


class Hub:
    """`gateway` is this instance's name; `publish` tells the other gateways who is here.

    `now` gives seconds that only rise, `wall` the time of day, `new_id` fresh ids.
    """

    def __init__(
        self,
        gateway: str,
        owners: Owners,
        publish: Publish,
        *,
        now: Callable[[], float],
        wall: Callable[[], datetime],
        new_id: Callable[[], str],
        tail_check_s: tuple[float, float] = TAIL_CHECK_S,
    ) -> None:
        self.gateway = gateway
        self._owners = owners
        self._publish = publish
        self._now, self._wall, self._new_id = now, wall, new_id
        self._tail_check_s = tail_check_s
        self._channels: dict[str, Channel] = {}
        self._rooms: dict[str, Room] = {}
        self._shown: dict[str, tuple[str, ...]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def channels(self) -> int:
        return len(self._channels)

    def on_event(self, event: ChannelPublished) -> None:
        """What the bus brings: to the channel, if anybody here listens."""
        channel = self._channels.get(event.channel)
        if channel is None:
            return
        payload = event.payload.encode()
        if event.seq > 0:
            channel.offer(event.epoch, event.seq, payload, event.recheck)
        elif (announcement := announcement_of(payload)) is not None:
            self._hear(event.channel, announcement)
        else:
            channel.say(payload)

    async def join(
        self,
        name: Name,
        listener: Listener,
        epoch: str | None,
        since: int | None,
        reply: Callable[[Changes], None],
        dropped: Callable[[str], None],
    ) -> None:
        """Let `listener` into a channel (`Channel.join`); `dropped` is called if it must go."""
        text = str(name)
        channel = self._channels.get(text)
        if channel is None:
            channel = self._channels[text] = Channel(
                name,
                self._owners,
                tasks=self.spawn,
                gone=self._gone,
                dropped=self._dropped,
                proved=self._proved,
                tail_check_s=self._tail_check_s,
            )
        listener.dropped[text] = dropped
        try:
            await channel.join(listener, epoch, since, reply)
        except BaseException:
            listener.dropped.pop(text, None)
            raise

    def leave(self, text: str, listener: Listener) -> None:
        """`listener` is no longer on the channel."""
        listener.dropped.pop(text, None)
        self.hide(text, listener)
        if (channel := self._channels.get(text)) is not None:
            channel.leave(listener)

    def _dropped(self, channel: Channel, listener: Listener) -> None:
        text = str(channel.name)
        self.hide(text, listener)
        if (tell := listener.dropped.pop(text, None)) is not None:
            tell(text)

    def _proved(self, channel: Channel, listener: Listener) -> None:
        """Who came and went while the listener's right was in doubt was not shown to it."""
        text = str(channel.name)
        room = self._rooms.get(text)
        if room is not None and text in listener.shown:
            users = room.users(self._now())
            listener.send(frames.encode("presence", ch=text, users=users))

    def _gone(self, channel: Channel) -> None:
        self._channels.pop(str(channel.name), None)

    # Presence.

    def show(self, text: str, listener: Listener) -> None:
        """Let others on the channel see that this user is there, and this user them."""
        if text in listener.shown:
            return
        listener.shown.add(text)
        room = self._rooms.setdefault(text, Room())
        first = not room.own
        if room.come(listener.user_id):
            self._announce(text, room, ask=first)
        self._show_room(text, room, to=listener)

    def hide(self, text: str, listener: Listener) -> None:
        """The user is no longer seen there (by this connection)."""
        room = self._rooms.get(text)
        if room is None or text not in listener.shown:
            return
        listener.shown.discard(text)
        if room.go(listener.user_id):
            self._announce(text, room)
            self._show_room(text, room)
        if not room.own:
            del self._rooms[text]
            self._shown.pop(text, None)

    def _hear(self, text: str, announcement: Announcement) -> None:
        room = self._rooms.get(text)
        if room is None or announcement.gateway == self.gateway:
            return
        room.hear(announcement, self._now())
        if announcement.ask:
            self._announce(text, room)
        self._show_room(text, room)

    def _show_room(self, text: str, room: Room, to: Listener | None = None) -> None:
        users = room.users(self._now())
        frame = frames.encode("presence", ch=text, users=users)
        if self._shown.get(text) != users:
            self._shown[text] = users
            if (channel := self._channels.get(text)) is not None:
                channel.broadcast(Shared(frame), lambda it: text in it.shown)
        elif to is not None:
            to.send(frame)

    def _announce(self, text: str, room: Room, *, ask: bool = False) -> None:
        said = Announcement(self.gateway, tuple(sorted(room.own)), ask)
        event = ChannelPublished(self._new_id(), self._wall(), text, "", 0, payload_of(said))
        self.spawn(self._tell(event))

    async def _tell(self, event: ChannelPublished) -> None:
        try:
            await self._publish(event)
        except SegueError as error:
            log.info("presence on %s was not told: %s", event.channel, error)

    async def keep_presence(self) -> None:
        """Say again and again who is here, until cancelled."""
        while True:
            await asyncio.sleep(SAID_EVERY_S)
            for text, room in tuple(self._rooms.items()):
                self._announce(text, room)
                self._show_room(text, room)

    # Work that goes on by itself.

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run `work`; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task of the hub failed", exc_info=error)

    async def close(self) -> None:
        """End all work."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
