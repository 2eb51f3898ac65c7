"""Which playlists are in a user's list: one's own, those in which one has a role, and those one
follows.

What is owned and shared follows from the playlist's log, and is written here; what is followed is
library's, heard of by its events, and noted at once when the follow came through this service.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from functions.playlists.documents import Shelved
from functions.playlists.playlist import Playlist
from shared.gcp.documents import Documents

MAX_LISTED = 2_000


class Shelf:
    """Playlists by user."""

    def __init__(self, documents: Documents[Shelved]) -> None:
        self._documents = documents

    async def keep(self, state: Playlist, at: datetime, users: Iterable[str] | None = None) -> None:
        """What a playlist's log says of `users` (None: of all who have a role there); safe to
        repeat, and in any order: what is of an older revision is no news."""
        roles = {**state.attributes.roles, state.attributes.owner: "owner"}
        id = state.attributes.playlist_id
        keys = {_key(user, id): user for user in (roles if users is None else users)}
        known = await self._documents.find_many(keys)
        for key, user in keys.items():
            role = roles.get(user)

            def change(
                known: Shelved | None, user: str = user, role: str | None = role
            ) -> Shelved | None:
                return _held(known, state, user, role, at)

            if change(known.get(key)) is not None:
                await self._documents.update(key, change)

    async def forget(self, user_id: str, playlist_id: str) -> None:
        """Nothing is left of the playlist in the user's list."""
        await self._documents.delete_many([_key(user_id, playlist_id)])

    async def follow(self, user_id: str, playlist_id: str, follows: bool, at: datetime) -> None:
        """The user follows the playlist, or does not, as of `at`; what is older is no news. Who
        lets go of a shared one keeps the role, and it leaves the list."""

        def change(known: Shelved | None) -> Shelved | None:
            before = known or Shelved(playlist_id, (), ())
            if before.told_at is not None and before.told_at >= at:
                return None
            after = replace(
                before,
                follows=(playlist_id,) if follows else (),
                followed_at=(before.followed_at or at) if follows else None,
                told_at=at,
                away=not follows,
            )
            return _on(after, user_id)

        await self._documents.update(_key(user_id, playlist_id), change)

    async def of(self, user_id: str) -> list[str]:
        """The ids of the user's playlists, newest first; 2,000 at most."""
        found = await self._documents.scan(("user", [user_id]), limit=MAX_LISTED)
        return [it.playlist_id for it in sorted(found, key=_when, reverse=True)]

    async def owned(self, user_id: str) -> list[str]:
        """As `of`, of one's own alone."""
        found = await self._documents.scan(("user", [user_id]), limit=MAX_LISTED)
        owned = [it for it in found if it.owned_at is not None]
        return [it.playlist_id for it in sorted(owned, key=_when, reverse=True)]

    async def deleted(self, user_id: str) -> dict[str, datetime]:
        """What the user has deleted and may restore, the last first, and when it was."""
        found = await self._documents.scan(("lost", [user_id]), limit=MAX_LISTED)
        at = {it.playlist_id: it.deleted_at for it in found if it.deleted_at is not None}
        return dict(sorted(at.items(), key=lambda it: (it[1], it[0]), reverse=True))

    async def followers(self, playlist_id: str) -> int:
        """How many follow it."""
        return await self._documents.count(("follows", [playlist_id]))

    async def follow_it(self, playlist_id: str, user_ids: Sequence[str]) -> list[bool]:
        """Whether each of the users follows it."""
        ids = [_key(user_id, playlist_id) for user_id in user_ids]
        found = await self._documents.find_many(ids)
        return [id in found and bool(found[id].follows) for id in ids]


def _held(
    known: Shelved | None, state: Playlist, user: str, role: str | None, at: datetime
) -> Shelved | None:
    before = known or Shelved(state.attributes.playlist_id, (), ())
    if before.as_of >= state.revision:
        return None
    owns, deleted = role == "owner", state.attributes.deleted
    shares = role is not None and not owns
    after = replace(
        before,
        owned_at=(before.owned_at or at) if owns else None,
        shared_at=(before.shared_at or at) if shares else None,
        deleted_at=(before.deleted_at or at) if owns and deleted else None,
        lost=(user,) if owns and deleted else (),
        away=before.away and shares,
    )
    after = _on(after, user)
    return replace(after, as_of=state.revision) if after != before else None


def _on(it: Shelved, user_id: str) -> Shelved:
    owned = it.owned_at is not None and it.deleted_at is None
    shared = it.shared_at is not None and not it.away
    return replace(it, user=(user_id,) if owned or shared or it.followed_at is not None else ())


def _when(it: Shelved) -> tuple[datetime, str]:
    at = it.owned_at or it.shared_at or it.followed_at
    assert at is not None
    return at, it.playlist_id


def _key(user_id: str, playlist_id: str) -> str:
    return f"{user_id}~{playlist_id}"
