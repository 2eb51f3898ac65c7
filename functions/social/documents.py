"""What social keeps, beside `sessions.Session`, `circle` and `inbox`, and in which collections."""

from dataclasses import dataclass
from datetime import datetime

from functions.social.sessions import Session

SESSIONS = "social_sessions"
EDGES = "social_edges"
BLOCKS = "social_blocks"
PRIVACY = "social_privacy"
NOW = "social_now"
ONLINE = "social_online"
INBOXES = "social_inboxes"
SHARES = "social_shares"
PEOPLE = "social_people"


@dataclass(frozen=True, slots=True)
class SessionDocument:
    """A session; it is forgotten a day after the last change."""

    session: Session
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Playing:
    """What a user plays, or played last. `until`: shown as playing till then."""

    user_id: str
    track_id: str
    at: datetime
    until: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Online:
    """A user whose feed somebody holds open."""

    user_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Share:
    """A link to a thing. `to` are the users it was sent to; none: whoever has the link."""

    share_id: str
    by: str
    uri: str
    message: str
    to: tuple[str, ...]
    at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a user's name, from accounts."""

    user_id: str
    revision: int
    name: str
    removed: bool
