"""Which playlists are in a user's list: those of one's own, and those one follows.

What is owned is written here; what is followed is library's, heard of by its events, and noted at
once when the follow came through this service.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from functions.playlists.documents import Shelved
from shared.gcp.documents import Documents

MAX_LISTED = 2_000


class Shelf:
    """Playlists by user."""

    def __init__(self, documents: Documents[Shelved]) -> None:
        self._documents = documents

    async def own(self, user_id: str, playlist_id: str, at: datetime | None) -> None:
        """The playlist is the user's own since `at`, or (None) no more."""

        def change(known: Shelved | None) -> Shelved | None:
            before = known or Shelved(playlist_id, (), ())
            if at is not None and before.owned_at is not None:
                return None
            return _on(replace(before, owned_at=at), user_id)

        await self._documents.update(f"{user_id}~{playlist_id}", change)

    async def follow(self, user_id: str, playlist_id: str, follows: bool, at: datetime) -> None:
        """The user follows the playlist, or does not, as of `at`; what is older is no news."""

        def change(known: Shelved | None) -> Shelved | None:
            before = known or Shelved(playlist_id, (), ())
            if before.told_at is not None and before.told_at >= at:
                return None
            after = replace(
                before,
                follows=(playlist_id,) if follows else (),
                followed_at=(before.followed_at or at) if follows else None,
                told_at=at,
            )
            return _on(after, user_id)

        await self._documents.update(f"{user_id}~{playlist_id}", change)

    async def of(self, user_id: str) -> list[str]:
        """The ids of the user's playlists, newest first; 2,000 at most."""
        found = await self._documents.scan(("user", [user_id]), limit=MAX_LISTED)
        return [it.playlist_id for it in sorted(found, key=_when, reverse=True)]

    async def owned(self, user_id: str) -> list[str]:
        """As `of`, of one's own alone."""
        found = await self._documents.scan(("user", [user_id]), limit=MAX_LISTED)
        owned = [it for it in found if it.owned_at is not None]
        return [it.playlist_id for it in sorted(owned, key=_when, reverse=True)]

    async def followers(self, playlist_id: str) -> int:
        """How many follow it."""
        return await self._documents.count(("follows", [playlist_id]))

    async def follow_it(self, playlist_id: str, user_ids: Sequence[str]) -> list[bool]:
        """Whether each of the users follows it."""
        ids = [f"{user_id}~{playlist_id}" for user_id in user_ids]
        found = await self._documents.find_many(ids)
        return [id in found and bool(found[id].follows) for id in ids]


def _on(it: Shelved, user_id: str) -> Shelved:
    listed = it.owned_at is not None or it.followed_at is not None
    return replace(it, user=(user_id,) if listed else ())


def _when(it: Shelved) -> tuple[datetime, str]:
    at = it.owned_at or it.followed_at
    assert at is not None
    return at, it.playlist_id
