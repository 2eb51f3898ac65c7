"""Who is on a channel, over all gateways: soft state, told on the bus and forgotten in time.

Each gateway says every few seconds who of its own is there; what a gateway no longer says is
forgotten. The first to come asks the others to say it at once. Pure: time is an argument, seconds.
"""

from dataclasses import dataclass, field

import msgspec

SAID_EVERY_S = 10.0
FORGOTTEN_AFTER_S = 25.0
MAX_SHOWN = 100


class Announcement(msgspec.Struct, frozen=True):
    """What a gateway says of one channel. `ask`: and what do you say?"""

    gateway: str
    users: tuple[str, ...]
    ask: bool = False


class Said(msgspec.Struct, frozen=True):
    """The payload of an event in passing that carries an announcement."""

    presence: Announcement


_decoder = msgspec.json.Decoder(Said)


def payload_of(announcement: Announcement) -> str:
    """The announcement as an event's payload."""
    return msgspec.json.encode(Said(announcement)).decode()


def announcement_of(payload: bytes) -> Announcement | None:
    """The announcement in an event's payload; None when it is another thing said in passing."""
    try:
        return _decoder.decode(payload).presence
    except msgspec.MsgspecError:
        return None


@dataclass(slots=True)
class Room:
    """Who is on one channel."""

    own: dict[str, int] = field(default_factory=dict)
    """This gateway's users, with how many connections each has there."""
    others: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    """By gateway: until when it is believed, and its users."""

    def come(self, user_id: str) -> bool:
        """One more connection of a user. Whether the user was not here before."""
        self.own[user_id] = self.own.get(user_id, 0) + 1
        return self.own[user_id] == 1

    def go(self, user_id: str) -> bool:
        """One connection less. Whether the user is gone."""
        left = self.own.get(user_id, 0) - 1
        if left > 0:
            self.own[user_id] = left
            return False
        return self.own.pop(user_id, None) is not None

    def hear(self, announcement: Announcement, now: float) -> None:
        """What another gateway says."""
        if announcement.users:
            self.others[announcement.gateway] = (now + FORGOTTEN_AFTER_S, announcement.users)
        else:
            self.others.pop(announcement.gateway, None)

    def users(self, now: float) -> tuple[str, ...]:
        """Everybody who is there, in order; at most `MAX_SHOWN`."""
        found = set(self.own)
        for until, users in self.others.values():
            if until > now:
                found.update(users)
        return tuple(sorted(found)[:MAX_SHOWN])
