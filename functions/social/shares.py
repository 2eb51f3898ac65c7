"""Links to things, sent to friends or handed around."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from functions.social.documents import Share
from functions.social.feeds import Feeds
from functions.social.people import People
from shared.errors import Forbidden, Invalid, NotFound
from shared.gcp.documents import Documents

LASTS = timedelta(days=90)
_URI = re.compile(r"spotify:(track|album|artist|playlist|show|episode|user):[0-9A-Za-z._-]{1,64}")


class Shares:
    """`now` gives the time, UTC."""

    def __init__(
        self,
        shares: Documents[Share],
        people: People,
        feeds: Feeds,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._shares, self._people, self._feeds = shares, people, feeds
        self._now, self._new_id = now, new_id

    async def make(self, by: str, uri: str, message: str, to: Sequence[str]) -> Share:
        """Share a thing: with those of `to`, in their feeds; with none named, by its link.

        Raises:
            Invalid: not the URI of a thing (code INVALID_URI).
        """
        if not _URI.fullmatch(uri):
            raise Invalid(f"Unsupported URI: {uri[:80]!r}", code="INVALID_URI")
        at = self._now()
        people = tuple(dict.fromkeys(to))
        share = Share(self._new_id(), by, uri, message, people, at, at + LASTS)
        await self._shares.create(share.share_id, share)
        if people:
            await self._feeds.tell(people, share.share_id, "share", by, at, view(share))
        return share

    async def open(self, share_id: str, user_id: str) -> Share:
        """A share, for whom it is meant.

        Raises:
            NotFound: none, taken back, too old, not for this user, or a block is between.
        """
        share = await self._shares.find(share_id)
        meant = share is not None and (not share.to or user_id in (*share.to, share.by))
        if share is None or not meant or share.expires_at <= self._now():
            raise NotFound(f"no share {share_id}", code="SHARE_NOT_FOUND")
        if await self._people.blocked_between(user_id, [share.by]):
            raise NotFound(f"no share {share_id}", code="SHARE_NOT_FOUND")
        return share

    async def take_back(self, share_id: str, user_id: str) -> None:
        """The link opens nothing any more. Raises Forbidden: another's (code NOT_YOURS)."""
        share = await self._shares.find(share_id)
        if share is not None and share.by != user_id:
            raise Forbidden("another's share", code="NOT_YOURS")
        await self._shares.delete_many([share_id])


def view(share: Share) -> dict[str, Any]:
    """What is shown of a share."""
    return {"share_id": share.share_id, "uri": share.uri, "message": share.message}
