"""Who may see what of whom: follows, blocks, private sessions, profiles. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

Audience = Literal["followers", "mutual", "nobody"]
Profile = Literal["public", "followers", "private"]

PRIVATE_LASTS = timedelta(hours=6)
"""A private session ends by itself, as people forget that they are in one."""

KEPT_WINDOWS = 50


@dataclass(frozen=True, slots=True)
class Edge:
    """`follower` follows `followed`, or did (`saved` false). `ends` are what it is found by."""

    follower: str
    followed: str
    saved: bool
    at: datetime
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """`blocker` does not want to see `blocked`, nor be seen."""

    blocker: str
    blocked: str
    at: datetime
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A private session that was, from `start` to `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Privacy:
    """What a user shows. `activity`: who may see what they play. The newest private session is
    from `private_from` to `private_until`; some before it are in `past`."""

    user_id: str
    private_until: datetime | None = None
    activity: Audience = "followers"
    profile: Profile = "public"
    private_from: datetime | None = None
    past: tuple[Window, ...] = ()

    def hides(self, at: datetime) -> bool:
        """Whether the user is in a private session."""
        return self.private_until is not None and at < self.private_until

    def hid(self, start: datetime, end: datetime) -> bool:
        """Whether the user was in one at any time from `start` to `end`: what is heard of late
        stays as private as it was."""
        return any(it.start <= end and start < it.end for it in self._windows())

    def begun(self, at: datetime) -> "Privacy":
        """In a private session from `at` on, or for longer in the one there is."""
        until = at + PRIVATE_LASTS
        if self.hides(at):
            return replace(self, private_until=until)
        return replace(
            self, private_from=at, private_until=until, past=self._windows()[-KEPT_WINDOWS:]
        )

    def ended(self, at: datetime) -> "Privacy":
        """In none from `at` on."""
        return replace(self, private_until=at) if self.hides(at) else self

    def _windows(self) -> tuple[Window, ...]:
        if self.private_until is None:
            return self.past
        start = self.private_from or self.private_until - PRIVATE_LASTS
        return (*self.past, Window(start, self.private_until))


def pair(one: str, other: str) -> str:
    """The document id of what one user has to do with another. User ids hold no "~"."""
    return f"{one}~{other}"


def follows(follower: str) -> str:
    """Marks edges from a user."""
    return f"from:{follower}"


def followed_by(followed: str) -> str:
    """Marks edges to a user."""
    return f"to:{followed}"


def edge(follower: str, followed: str, saved: bool, at: datetime) -> Edge:
    """An edge that is found from both ends while it stands."""
    ends = (follows(follower), followed_by(followed)) if saved else ()
    return Edge(follower, followed, saved, at, ends)


def newer(known: Edge | None, event: Edge) -> Edge | None:
    """What an event makes of an edge: None when it is old news, for events come in any order."""
    return event if known is None or event.at > known.at else None


def block(blocker: str, blocked: str, at: datetime) -> Block:
    return Block(blocker, blocked, at, (follows(blocker), followed_by(blocked)))


@dataclass(frozen=True, slots=True)
class Relation:
    """What stands between a viewer and an owner."""

    blocked: bool
    """Either has blocked the other."""
    follows: bool
    """The viewer follows the owner."""
    followed: bool
    """The owner follows the viewer."""


def shows_activity(privacy: Privacy, relation: Relation, at: datetime) -> bool:
    """Whether the viewer may see what the owner plays."""
    if relation.blocked or privacy.hides(at) or not relation.follows:
        return False
    if privacy.activity == "mutual":
        return relation.followed
    return privacy.activity == "followers"


def shows_profile(privacy: Privacy, relation: Relation) -> bool:
    """Whether the viewer may see the owner's profile."""
    if relation.blocked:
        return False
    if privacy.profile == "followers":
        return relation.follows
    return privacy.profile == "public"
