"""A user's feed: what others did that lasts, the newest few hundred. Pure.

Numbers are dense within an epoch; what may no longer be shown leaves its number behind, so that
nobody who comes back takes a hole for a loss.
"""

from dataclasses import dataclass, replace
from datetime import datetime

CAPACITY = 200


@dataclass(frozen=True, slots=True)
class Item:
    """Number `seq` of a feed. `kind` is follow, playlist, share or invite; `data` is JSON.

    `item_id` tells the same news told twice from other news.
    """

    seq: int
    item_id: str
    kind: str
    by: str
    at: datetime
    data: str


@dataclass(frozen=True, slots=True)
class Inbox:
    """`items` oldest first; those before `items[0]` were there and are gone."""

    user_id: str
    epoch: str
    seq: int = 0
    items: tuple[Item, ...] = ()

    def add(self, item_id: str, kind: str, by: str, at: datetime, data: str) -> "Inbox":
        """The inbox with one item more; itself, when it holds that one."""
        if any(it.item_id == item_id for it in self.items):
            return self
        item = Item(self.seq + 1, item_id, kind, by, at, data)
        return replace(self, seq=item.seq, items=(*self.items, item)[-CAPACITY:])

    def after(self, epoch: str | None, since: int | None) -> tuple[Item, ...] | None:
        """What came after number `since`; None when that cannot be told."""
        if epoch != self.epoch or since is None or since > self.seq:
            return None
        first = self.items[0].seq if self.items else self.seq + 1
        if since < first - 1:
            return None
        return tuple(it for it in self.items if it.seq > since)


BY_THEMSELVES = frozenset({"playlist"})
"""Kinds that show what somebody does, not what they sent: hidden by a private session."""
