"""What no other service keeps: where a listener stopped, in single songs and in a queue. Pure.

Source: https://opensubsonic.netlify.app/docs/endpoints/createbookmark/, …/saveplayqueue/
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from functions.subsonic.refusals import GENERIC, Refused
from shared.gcp.documents import Documents

COLLECTION = "subsonic_kept"
MAX_BOOKMARKS = 500
MAX_QUEUE = 2000


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place in a track."""

    track_id: str
    position_ms: int
    comment: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """What a client would play: `current`, one of `track_ids`, from `position_ms` on."""

    track_ids: tuple[str, ...]
    current: str | None
    position_ms: int
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A user's bookmarks, the latest first, and queue."""

    bookmarks: tuple[Bookmark, ...] = ()
    queue: Queue | None = None


def with_bookmark(kept: Kept, track_id: str, position_ms: int, comment: str, at: datetime) -> Kept:
    """A bookmark more, or moved.

    Raises:
        Refused: there are too many.
    """
    before = next((it for it in kept.bookmarks if it.track_id == track_id), None)
    others = tuple(it for it in kept.bookmarks if it.track_id != track_id)
    if len(others) >= MAX_BOOKMARKS:
        raise Refused(GENERIC, f"{MAX_BOOKMARKS} bookmarks at most")
    made = Bookmark(track_id, position_ms, comment, before.created_at if before else at, at)
    return replace(kept, bookmarks=(made, *others))


def without_bookmark(kept: Kept, track_id: str) -> Kept:
    """A bookmark less; none is no error."""
    return replace(kept, bookmarks=tuple(it for it in kept.bookmarks if it.track_id != track_id))


def with_queue(kept: Kept, queue: Queue | None) -> Kept:
    """Another queue, or none."""
    return replace(kept, queue=queue)


class Keeping:
    """Each user's, in one document."""

    def __init__(self, documents: Documents[Kept]) -> None:
        self._documents = documents

    async def of(self, user_id: str) -> Kept:
        """What is kept of a user."""
        return await self._documents.find(user_id) or Kept()

    async def change(self, user_id: str, change: Callable[[Kept], Kept]) -> None:
        """Keep `change(kept)`."""
        await self._documents.update(user_id, lambda found: change(found or Kept()))

    async def forget(self, user_id: str) -> None:
        """Remove everything of a user who is gone."""
        await self._documents.delete_many([user_id])
