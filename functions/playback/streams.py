"""Whether a listener's plan has a stream, and a skip, left for one more play."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from functions.playback import limits
from functions.playback.player import Player
from functions.playback.players import Players
from shared.web.principal import Principal


class Streams:
    """One document read a play; a write only where a device begins, runs short, or skips."""

    def __init__(self, players: Players, now: Callable[[], datetime]) -> None:
        self._players = players
        self._now = now

    async def claim(
        self,
        listener: Principal,
        *,
        device_id: str | None,
        duration_ms: int,
        skip: bool,
        take_over: bool,
    ) -> None:
        """Count one more play of `listener`. Applications in their own name are not counted.

        Raises:
            TooManyStreams, SkipLimit: nothing was counted.
        """
        if not listener.is_person:
            return
        at, lasts = self._now(), timedelta(milliseconds=duration_ms)
        device = device_id or listener.client_id

        def change(player: Player) -> Player:
            skips = player.skips
            if skip:
                skips = limits.skipped(skips, product=listener.product, at=at)
            leases = limits.leased(
                player.leases, device,
                product=listener.product, at=at, lasts=lasts, take_over=take_over,
            )  # fmt: skip
            if leases is player.leases and skips is player.skips:
                return player
            return replace(player, leases=leases, skips=skips)

        known = await self._players.find(listener.user_id)
        if change(known) is not known:
            # Decided again where it is written: another device may have been quicker.
            await self._players.keep(listener.user_id, change)

    async def names(self, user_id: str, device_ids: tuple[str, ...]) -> list[dict[str, str | None]]:
        """The devices with the names that they have told."""
        player = await self._players.find(user_id)
        known = {it.device_id: it.name for it in player.devices}
        return [{"id": id, "name": known.get(id)} for id in device_ids]
