"""Feeds and friends' activity: checked for blocks and private sessions when written, and again
when shown, to those who come back and ask what they missed as well."""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from functions.social.documents import Online, Playing
from functions.social.inbox import BY_THEMSELVES, Inbox, Item
from functions.social.live import Live, changes
from functions.social.people import People
from shared.gcp.documents import Documents

log = logging.getLogger(__name__)

ONLINE_LASTS = timedelta(minutes=2)
ONLINE_RENEWED = timedelta(minutes=1)
PLAYING_LASTS = timedelta(minutes=20)
"""Without word, nobody plays one thing for longer."""
ACTIVITY_LASTS = timedelta(days=7)
WITHHELD = {"type": "withheld"}


class Feeds:
    """What friends do."""

    def __init__(
        self,
        inboxes: Documents[Inbox],
        playing: Documents[Playing],
        online: Documents[Online],
        people: People,
        live: Live,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._inboxes, self._playing, self._online = inboxes, playing, online
        self._people, self._live = people, live
        self._now, self._new_id = now, new_id

    # News that last.

    async def tell(
        self, to: Sequence[str], item_id: str, kind: str, by: str, at: datetime, data: Any
    ) -> int:
        """Put news of `by` into feeds; how many took it. Not into those with a block between."""
        if kind in BY_THEMSELVES and await self._people.hiding([by]):
            return 0
        blocked = await self._people.blocked_between(by, to)
        text = json.dumps(data)
        told = 0
        for user_id in dict.fromkeys(to):
            if user_id in blocked or user_id == by:
                continue
            told += await self._put(user_id, item_id, kind, by, at, text)
        return told

    async def _put(
        self, user_id: str, item_id: str, kind: str, by: str, at: datetime, data: str
    ) -> bool:
        epoch = self._new_id()
        was: list[int] = [0]

        def change(known: Inbox | None) -> Inbox | None:
            inbox = known or Inbox(user_id, epoch)
            after = inbox.add(item_id, kind, by, at, data)
            was[0] = inbox.seq
            return None if after is inbox else after

        after = await self._inboxes.update(user_id, change)
        if after is None or after.seq == was[0]:
            return False
        names = await self._people.names([by])
        payload = _view(after.items[-1], names)
        await self._live.say(f"feed:{user_id}", after.epoch, after.seq, payload)
        return True

    async def feed(self, user_id: str) -> list[dict[str, Any]]:
        """The feed, newest first, of what may still be shown."""
        inbox = await self._inboxes.find(user_id) or Inbox(user_id, "")
        shown = await self._shown(user_id, inbox.items)
        return [payload for _, payload in reversed(shown) if payload is not WITHHELD]

    async def changes(self, user_id: str, epoch: str | None, since: int | None) -> dict[str, Any]:
        """What a gateway asks for. Asking says that the user is there."""
        await self._seen(user_id)
        inbox = await self._inboxes.find(user_id)
        if inbox is None:
            inbox = await self._inboxes.claim(user_id, Inbox(user_id, self._new_id()))
        items = inbox.after(epoch, since)
        if items is None:
            shown = await self._shown(user_id, inbox.items)
            snapshot = [payload for _, payload in reversed(shown) if payload is not WITHHELD]
            return changes(inbox.epoch, inbox.seq, None, {"items": snapshot})
        return changes(inbox.epoch, inbox.seq, await self._shown(user_id, items), None)

    async def _shown(self, user_id: str, items: Sequence[Item]) -> list[tuple[int, dict[str, Any]]]:
        if not items:
            return []
        authors = list(dict.fromkeys(it.by for it in items))
        blocked = await self._people.blocked_between(user_id, authors)
        hiding = await self._people.hiding(authors)
        names = await self._people.names(authors)

        def shows(item: Item) -> bool:
            hidden = item.kind in BY_THEMSELVES and item.by in hiding
            return item.by not in blocked and not hidden

        return [(it.seq, _view(it, names) if shows(it) else WITHHELD) for it in items]

    # What is played now.

    async def plays(
        self,
        user_id: str,
        track_id: str,
        at: datetime,
        *,
        playing: bool,
        since: datetime | None = None,
    ) -> None:
        """A user plays a track, or has played it (from `since` to `at`). Of what is played in a
        private session nobody learns, however late it is heard of."""
        privacy = await self._people.privacy(user_id)
        if privacy.hides(self._now()) or privacy.hid(since or at, at):
            return
        until = at + PLAYING_LASTS if playing else self._now()
        fresh = Playing(user_id, track_id, at, until, at + ACTIVITY_LASTS)

        def change(known: Playing | None) -> Playing | None:
            return fresh if known is None or known.at <= at else None

        if await self._playing.update(user_id, change) is fresh:
            await self._push(fresh)

    async def hide(self, user_id: str) -> None:
        """Take back what was shown of the user."""
        await self._playing.delete_many([user_id])
        await self._say_to_friends(user_id, {"type": "now", "user": {"id": user_id}, "track": None})

    async def _push(self, playing: Playing) -> None:
        names = await self._people.names([playing.user_id])
        payload = {"type": "now", **_activity(playing, names, self._now())}
        followers = await self._people.followers(playing.user_id)
        audience = await self._people.audience(playing.user_id, followers)
        await self._say_to_friends(playing.user_id, payload, sorted(audience))

    async def _say_to_friends(
        self, user_id: str, payload: Any, audience: Sequence[str] | None = None
    ) -> None:
        if audience is None:
            audience = await self._people.followers(user_id)
        at = self._now()
        for id, online in (await self._online.find_many(audience)).items():
            if online.expires_at > at:
                await self._live.say(f"feed:{id}", "", 0, payload)

    async def friends(self, user_id: str) -> list[dict[str, Any]]:
        """What those the user follows play, or played last; the latest first."""
        followed = await self._people.followed(user_id)
        visible = await self._people.visible(user_id, followed)
        found = await self._playing.find_many(it for it in followed if it in visible)
        names = await self._people.names(found)
        at = self._now()
        latest = sorted(found.values(), key=lambda it: it.at, reverse=True)
        return [_activity(it, names, at) for it in latest]

    async def now_of(self, owner: str) -> dict[str, Any] | None:
        """What one user plays, unasked whether it may be shown."""
        found = await self._playing.find(owner)
        names = await self._people.names([owner])
        return None if found is None else _activity(found, names, self._now())

    async def _seen(self, user_id: str) -> None:
        at = self._now()
        known = await self._online.find(user_id)
        if known is None or known.expires_at < at + ONLINE_RENEWED:
            await self._online.put(user_id, Online(user_id, at + ONLINE_LASTS))

    async def forget(self, user_id: str) -> None:
        """Remove what was kept of a user who is gone."""
        await self._inboxes.delete_many([user_id])
        await self._playing.delete_many([user_id])
        await self._online.delete_many([user_id])


def _view(item: Item, names: dict[str, str]) -> dict[str, Any]:
    return {
        "type": item.kind,
        "id": item.item_id,
        "by": {"id": item.by, "display_name": names.get(item.by, item.by)},
        "at": _instant(item.at),
        **json.loads(item.data),
    }


def _activity(playing: Playing, names: dict[str, str], at: datetime) -> dict[str, Any]:
    user_id = playing.user_id
    return {
        "user": {"id": user_id, "display_name": names.get(user_id, user_id)},
        "track": {"id": playing.track_id, "uri": f"spotify:track:{playing.track_id}"},
        "at": _instant(playing.at),
        "playing": at < playing.until,
    }


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
