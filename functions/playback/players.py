"""Where players are kept, and how a change of one is told to whoever listens to it."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

import msgspec

from functions.playback.player import Player
from shared.events import ChannelPublished
from shared.gcp.documents import Documents

log = logging.getLogger(__name__)

PLAYERS = "players"

Change = Callable[[Player], Player]
View = Callable[[Player], Awaitable[object]]


class Players:
    """Players by user id. What is seen of a change is published on the channel `user:ID`."""

    def __init__(
        self,
        documents: Documents[Player],
        publish: Callable[[ChannelPublished], Awaitable[None]],
        *,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._documents = documents
        self._publish = publish
        self._new_id = new_id
        self._now = now

    async def find(self, user_id: str) -> Player:
        """The player; one that never played is idle, in no epoch."""
        return await self._documents.find(user_id) or Player(user_id, "")

    async def change(self, user_id: str, change: Change, view: View) -> Player:
        """Change the player, once more if another device was quicker, and tell of it as `view`.

        Raises:
            whatever `change` raises; then nothing is written.
        """
        epoch, before_seq = self._new_id(), 0

        def apply(known: Player | None) -> Player | None:
            nonlocal before_seq
            before = known or Player(user_id, epoch)
            before_seq = before.seq
            after = change(before)
            return None if after == known else replace(after, seq=before.seq + 1)

        player = await self._documents.update(user_id, apply)
        assert player is not None
        if player.seq > before_seq:
            await self._tell(player, await view(player))
        return player

    async def keep(self, user_id: str, change: Change) -> Player:
        """As `change`, of what nobody sees: leases and skips."""
        epoch = self._new_id()

        def apply(known: Player | None) -> Player | None:
            before = known or Player(user_id, epoch)
            after = change(before)
            return None if after == before else after

        return await self._documents.update(user_id, apply) or Player(user_id, epoch)

    async def erase(self, user_id: str) -> None:
        """Forget the player of a user who is gone."""
        await self._documents.delete_many([user_id])

    async def _tell(self, player: Player, seen: object) -> None:
        payload = msgspec.json.encode(seen).decode()
        event = ChannelPublished(
            self._new_id(), self._now(), f"user:{player.user_id}", player.epoch, player.seq, payload
        )
        try:
            await self._publish(event)
        except Exception as error:
            # The command is done, and a repeated one would not be the same: a listener who
            # misses this number asks for the state when the next one comes, or on connecting.
            log.error("a player's change was not published", exc_info=error)
