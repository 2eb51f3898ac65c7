"""Names of channels, and who owns each: where a subscription is allowed and a gap is filled. Pure.

playlist:ID   /v1/playlists/ID/changes       whoever may see the playlist
session:ID    /v1/sessions/ID/changes        its members
user:ID       /v1/me/player/changes          that user alone
feed:ID       /v1/me/feed/changes            that user alone
"""

import re
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlencode

from shared.errors import Forbidden, Invalid

Kind = Literal["playlist", "user", "session", "feed"]
KINDS: frozenset[str] = frozenset(get_args(Kind))
_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")
_OWN = frozenset({"user", "feed"})
_REPLAYED_BY_OWNER = frozenset({"feed"})
_SHOWS_PRESENCE = frozenset({"playlist", "session"})


@dataclass(frozen=True, slots=True)
class Name:
    """A channel's name, taken apart."""

    kind: str
    id: str

    @classmethod
    def parse(cls, text: str) -> "Name":
        """`playlist:ID`.

        Raises:
            Invalid: another kind, or a malformed id (code UNKNOWN_CHANNEL).
        """
        kind, _, id = text.partition(":")
        if kind not in KINDS or not _ID.fullmatch(id):
            raise Invalid(f"no such channel: {text[:80]!r}", code="UNKNOWN_CHANNEL")
        return cls(kind, id)

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    def open_to(self, user_id: str) -> None:
        """Raises Forbidden (code NOT_YOURS): another user's own channel."""
        if self.kind in _OWN and self.id != user_id:
            raise Forbidden("that channel is another's own", code="NOT_YOURS")

    @property
    def from_memory(self) -> bool:
        """Whether what was said may be said again without asking the owner what of it still
        stands: blocks take things out of a feed."""
        return self.kind not in _REPLAYED_BY_OWNER

    @property
    def shows_presence(self) -> bool:
        return self.kind in _SHOWS_PRESENCE

    def path(self, epoch: str | None, since: int | None) -> str:
        """Where the owner says what came after number `since` of `epoch`."""
        match self.kind:
            case "playlist":
                base = f"/v1/playlists/{self.id}/changes"
            case "session":
                base = f"/v1/sessions/{self.id}/changes"
            case "user":
                base = "/v1/me/player/changes"
            case _:
                base = "/v1/me/feed/changes"
        if epoch is None or since is None:
            return base
        return f"{base}?{urlencode({'epoch': epoch, 'since': since})}"
