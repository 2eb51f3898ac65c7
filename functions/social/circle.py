"""Who may see what of whom: follows, blocks, private sessions, profiles. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Audience = Literal["followers", "mutual", "nobody"]
Profile = Literal["public", "followers", "private"]

PRIVATE_LASTS = timedelta(hours=6)
"""A private session ends by itself, as people forget that they are in one."""


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
class Privacy:
    """What a user shows. `activity`: who may see what they play."""

    user_id: str
    private_until: datetime | None = None
    activity: Audience = "followers"
    profile: Profile = "public"

    def hides(self, at: datetime) -> bool:
        """Whether the user is in a private session."""
        return self.private_until is not None and at < self.private_until


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
