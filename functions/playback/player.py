"""What a listener's devices play, as commands change it: one state, one active device. Pure.

Time is not written down while it passes: `progress_ms` was true at `at`, and `settled` tells what
is playing now, tracks that ended since included. Commands settle first, so that "next" is
the next of what is heard.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from functions.playback.limits import Lease
from shared.errors import SegueError

MAX_DEVICES = 20
MAX_ITEMS = 200
MAX_QUEUE = 100
RESTART_AFTER_MS = 3_000
"""`previous` goes back to the start of a track that has played for longer."""
REPEATS = ("off", "track", "context")


class Refused(SegueError):
    """The player cannot do that now. `word` is the Web API's own reason for it.

    Source: https://developer.spotify.com/documentation/web-api/reference (player error reasons)
    """

    def __init__(self, status: int, code: str, message: str, word: str | None = None) -> None:
        super().__init__(message, code=code)
        self.status, self.word = status, word or code


@dataclass(frozen=True, slots=True)
class Device:
    """Something of the listener's that plays. `seen_at`: when it last told of itself."""

    device_id: str
    name: str
    type: str
    volume_percent: int
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """A track to play, and how long it lasts: at least a millisecond."""

    track_id: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Player:
    """A listener's player. `seq` rises with every change within `epoch`.

    `items` in the order of playing, `order` their places in the context where that was shuffled;
    `index` the one that plays or was played last from it. `current` is None when idle.
    """

    user_id: str
    epoch: str
    seq: int = 0
    devices: tuple[Device, ...] = ()
    active: str | None = None
    context_uri: str | None = None
    items: tuple[Item, ...] = ()
    order: tuple[int, ...] = ()
    index: int = -1
    queue: tuple[Item, ...] = ()
    current: Item | None = None
    playing: bool = False
    progress_ms: int = 0
    at: datetime | None = None
    repeat: str = "off"
    shuffle: bool = False
    skips: tuple[datetime, ...] = ()
    leases: tuple[Lease, ...] = ()


def device_of(player: Player, device_id: str | None = None) -> Device:
    """The device of that id, or the active one.

    Raises:
        Refused: DEVICE_NOT_FOUND, or NO_ACTIVE_DEVICE.
    """
    wanted = device_id or player.active
    found = next((one for one in player.devices if one.device_id == wanted), None)
    if found is not None:
        return found
    if device_id:
        raise Refused(404, "DEVICE_NOT_FOUND", "Device not found", "NO_ACTIVE_DEVICE")
    message = "Player command failed: No active device found"
    raise Refused(404, "NO_ACTIVE_DEVICE", message)


def settled(player: Player, at: datetime) -> Player:
    """The player at `at`: progress counted, and whatever ended meanwhile followed by the next."""
    if not player.playing or player.current is None or player.at is None:
        return player
    elapsed = max(0, round((at - player.at) / timedelta(milliseconds=1)))
    now = replace(player, at=at, progress_ms=player.progress_ms + elapsed)
    whole = sum(one.duration_ms for one in now.items)
    while (current := now.current) is not None and now.progress_ms >= current.duration_ms:
        if now.repeat == "track":
            return replace(now, progress_ms=now.progress_ms % current.duration_ms)
        if now.repeat == "context" and not now.queue and now.progress_ms > 2 * whole > 0:
            # Round after round in one step: nobody walks through a year of them.
            now = replace(now, progress_ms=now.progress_ms % whole + whole)
        over = now.progress_ms - current.duration_ms
        following = _following(now)
        if following is None:
            return replace(
                now, current=None, playing=False, progress_ms=0, index=-1, items=(), order=(),
                context_uri=None,
            )  # fmt: skip
        now = replace(following, progress_ms=over)
    return now


def with_device(player: Player, device: Device) -> Player:
    """The player once `device` has told of itself; those that were silent longest give way."""
    others = [one for one in player.devices if one.device_id != device.device_id]
    if len(others) >= MAX_DEVICES:
        silent = min(
            (one for one in others if one.device_id != player.active),
            key=lambda one: (one.seen_at, one.device_id),
        )
        others.remove(silent)
    return replace(player, devices=(*others, device))


def without_device(player: Player, device_id: str, at: datetime) -> Player:
    """The player without a device; if it was the active one, what it played stands still."""
    kept = tuple(one for one in player.devices if one.device_id != device_id)
    if player.active == device_id:
        player = replace(_still(settled(player, at)), active=None)
    return replace(player, devices=kept)


def transfer(player: Player, device_id: str, play: bool | None, at: datetime) -> Player:
    """What plays goes on on another device; `play` starts it there, None leaves it as it is."""
    device_of(player, device_id)
    now = replace(settled(player, at), active=device_id)
    if play and now.current is not None:
        return replace(now, playing=True, at=at)
    return now


def play(
    player: Player,
    items: Sequence[Item],
    *,
    context_uri: str | None,
    start: int,
    position_ms: int,
    device_id: str | None,
    at: datetime,
    seed: int,
) -> Player:
    """Play `items` from number `start`. The queue stays, as it does in the Web API."""
    device = device_of(player, device_id)
    if not items:
        raise Refused(404, "NOTHING_TO_PLAY", "There is nothing to play there", "UNKNOWN")
    if not 0 <= start < len(items):
        raise Refused(400, "OFFSET_OUTSIDE", "The offset is outside of the context", "UNKNOWN")
    now = replace(
        settled(player, at),
        active=device.device_id,
        context_uri=context_uri,
        items=tuple(items[:MAX_ITEMS]),
        order=tuple(range(min(len(items), MAX_ITEMS))),
        index=min(start, MAX_ITEMS - 1),
    )
    now = _shuffled(now, seed) if now.shuffle else now
    current = now.items[now.index]
    progress = min(position_ms, current.duration_ms)
    return replace(now, current=current, playing=True, progress_ms=progress, at=at)


def resume(player: Player, device_id: str | None, at: datetime) -> Player:
    """Go on with what stood still."""
    device = device_of(player, device_id)
    now = settled(player, at)
    if now.current is None:
        raise Refused(404, "NOTHING_TO_PLAY", "There is nothing to resume", "UNKNOWN")
    return replace(now, active=device.device_id, playing=True, at=at)


def pause(player: Player, device_id: str | None, at: datetime) -> Player:
    """Let it stand still. Its stream is let go: another device may play."""
    device = device_of(player, device_id)
    now = _still(settled(player, at))
    leases = tuple(one for one in now.leases if one.device_id != device.device_id)
    return replace(now, leases=leases)


def seek(player: Player, position_ms: int, device_id: str | None, at: datetime) -> Player:
    """To `position_ms`; beyond the end is the next track, as everywhere."""
    device_of(player, device_id)
    now = _something(settled(player, at))
    moved = settled(replace(now, progress_ms=position_ms, at=at, playing=True), at)
    return replace(moved, playing=now.playing and moved.playing)


def set_repeat(player: Player, repeat: str, device_id: str | None, at: datetime) -> Player:
    device_of(player, device_id)
    return replace(settled(player, at), repeat=repeat)


def set_volume(player: Player, percent: int, device_id: str | None) -> Player:
    device = device_of(player, device_id)
    devices = tuple(
        replace(one, volume_percent=percent) if one is device else one for one in player.devices
    )
    return replace(player, devices=devices)


def set_shuffle(player: Player, on: bool, device_id: str | None, at: datetime, seed: int) -> Player:
    """Shuffle what is to come, or put it back into its own order; what plays plays on."""
    device_of(player, device_id)
    now = settled(player, at)
    if on == now.shuffle:
        return now
    if on:
        return _shuffled(replace(now, shuffle=True), seed)
    in_order = sorted(zip(now.order, now.items, strict=True))
    index = now.order[now.index] if 0 <= now.index < len(now.order) else now.index
    return replace(
        now, shuffle=False, index=index,
        items=tuple(item for _, item in in_order), order=tuple(range(len(now.items))),
    )  # fmt: skip


def skip(player: Player, device_id: str | None, at: datetime) -> Player:
    """The next track, whatever repeats."""
    device_of(player, device_id)
    now = _something(settled(player, at))
    following = _following(now)
    if following is None:
        raise Refused(403, "NO_NEXT_TRACK", "There is no next track")
    return replace(following, progress_ms=0, at=at, playing=True)


def back(player: Player, device_id: str | None, at: datetime) -> Player:
    """To the start of the track, or to the one before it while it has hardly begun."""
    device_of(player, device_id)
    now = _something(settled(player, at))
    if now.progress_ms > RESTART_AFTER_MS or not now.items:
        return replace(now, progress_ms=0, at=at, playing=True)
    index = now.index - 1
    if index < 0:
        if now.repeat != "context":
            raise Refused(403, "NO_PREV_TRACK", "There is no track before this one")
        index = len(now.items) - 1
    current = now.items[index]
    return replace(now, index=index, current=current, progress_ms=0, at=at, playing=True)


def enqueue(player: Player, item: Item, device_id: str | None, at: datetime) -> Player:
    """Play `item` after what plays now and what was put there before."""
    device_of(player, device_id)
    now = settled(player, at)
    if len(now.queue) >= MAX_QUEUE:
        raise Refused(403, "QUEUE_FULL", f"The queue holds {MAX_QUEUE}", "UNKNOWN")
    return replace(now, queue=(*now.queue, item))


def upcoming(player: Player, most: int = 20) -> tuple[Item, ...]:
    """What comes next: the queue, then the rest of the context."""
    rest: Iterable[Item] = player.items[player.index + 1 :]
    if player.repeat == "context":
        rest = (*rest, *player.items[: player.index + 1])
    return (*player.queue, *rest)[:most]


def _following(player: Player) -> Player | None:
    if player.queue:
        return replace(player, current=player.queue[0], queue=player.queue[1:])
    index = player.index + 1
    if index >= len(player.items):
        if player.repeat != "context" or not player.items:
            return None
        index = 0
    return replace(player, index=index, current=player.items[index])


def _shuffled(player: Player, seed: int) -> Player:
    """What has been played stays where it is; what is to come is in another order."""
    done = player.index + 1
    ahead = list(range(done, len(player.items)))
    random.Random(seed).shuffle(ahead)  # noqa: S311 - for ears, not for secrets
    places = [*range(done), *ahead]
    return replace(
        player,
        items=tuple(player.items[n] for n in places),
        order=tuple(player.order[n] for n in places),
    )


def _still(player: Player) -> Player:
    return replace(player, playing=False)


def _something(player: Player) -> Player:
    if player.current is None:
        raise Refused(404, "NOTHING_TO_PLAY", "Nothing is playing", "NOT_PLAYING_TRACK")
    return player
