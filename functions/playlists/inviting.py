"""Invite links: a secret that gives a role until it expires or is revoked. The log holds its digest
alone, and decides in its own order whether the link was still good."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal

from functions.playlists.ops import Invite, Join
from functions.playlists.playlists import Playlists
from functions.playlists.sequencer import Appended
from shared.errors import Invalid, NotFound
from shared.ids import new_id

MAX_HOURS = 24 * 90


@dataclass(frozen=True, slots=True)
class Link:
    """`token` is shown once, when the link is made."""

    invite: Invite
    token: str


class Invites:
    """Makes and opens invite links."""

    def __init__(self, playlists: Playlists) -> None:
        self._playlists = playlists

    async def make(
        self,
        playlist_id: str,
        user: str,
        role: Literal["editor", "viewer"],
        hours: int,
        now_ms: int,
    ) -> Link:
        """A link that lasts for `hours`, 1 to 2,160."""
        if not 1 <= hours <= MAX_HOURS:
            raise Invalid(f"1 to {MAX_HOURS} hours", code="INVALID_HOURS")
        id, secret = new_id()[:12], secrets.token_urlsafe(24)
        invite = Invite(id, role, now_ms + hours * 3_600_000, _digest(secret))
        await self._playlists.submit(playlist_id, user, [invite])
        return Link(invite, f"{id}.{secret}")

    async def join(self, playlist_id: str, user: str, token: str) -> Appended:
        """Take the role that the link gives.

        Raises:
            NotFound: no such link, or revoked (code INVITE_NOT_FOUND).
            Forbidden: it has expired (code INVITE_EXPIRED).
        """
        id, dot, secret = token.partition(".")
        live = await self._playlists.store.live(playlist_id)
        if not dot or not live.state.exists or live.state.attributes.deleted:
            raise NotFound("no such invite link", code="INVITE_NOT_FOUND")
        return await self._playlists.submit(playlist_id, user, [Join(id, _digest(secret))])


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
