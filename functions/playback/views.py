"""Playback's part of the Web API's objects: tracks as this projection knows them, the player."""

from datetime import UTC, datetime
from typing import Any

from functions.playback.domain import Playable
from functions.playback.player import Device, Item, Player, settled, upcoming
from shared.webapi.objects import NO_ID, Parts, availability


class Views:
    """Objects with addresses below `public_url`."""

    def __init__(self, public_url: str) -> None:
        self.url = public_url
        self._parts = Parts(public_url)

    def track(self, track_id: str, playable: Playable | None, market: str | None) -> dict[str, Any]:
        """A full track; one that playback knows nothing of is there, and does not play."""
        known = playable or Playable(track_id)
        plays = known.audio is not None
        there = availability(known.blocked_markets, plays, market)
        credits = known.credits or known.album_artists
        view = self._parts.track(
            track_id,
            name=known.title,
            credits=credits,
            disc_number=known.disc_number or 1,
            track_number=known.track_number or 1,
            duration_ms=known.audio.duration_ms if known.audio else 0,
            explicit=known.explicit,
            availability=there,
            preview_url=self._parts.preview_url(track_id, known.clip_markets, market),
        )
        if not credits:  # the catalog tells names only of what it has not placed yet
            view["artists"] = [
                {**self._parts.link("artist", NO_ID), "name": name} for name in known.artists
            ]
        view["album"] = self._parts.album(
            known.album_id or NO_ID,
            name=known.album or "",
            album_type=known.album_type or "single",
            credits=known.album_artists or credits,
            cover_id=known.cover_id,
            release_date=known.release_date,
            total_tracks=known.track_number or 1,
            availability=there,
        )
        view["external_ids"] = {"isrc": known.isrc} if known.isrc else {}
        view["popularity"] = known.popularity
        return view

    def device(self, device: Device, active: str | None) -> dict[str, Any]:
        return {
            "id": device.device_id,
            "is_active": device.device_id == active,
            "is_private_session": False,
            "is_restricted": False,
            "name": device.name,
            "type": device.type,
            "volume_percent": device.volume_percent,
            "supports_volume": True,
        }

    def playing(
        self, player: Player, known: dict[str, Playable], at: datetime, market: str | None
    ) -> dict[str, Any] | None:
        """What is playing now; None when nothing is, nor stands still."""
        now = settled(player, at)
        if now.current is None:
            return None
        item = now.current.track_id
        return {
            "timestamp": ms_of(now.at or at),
            "context": self.context(now.context_uri),
            "progress_ms": now.progress_ms,
            "item": self.track(item, known.get(item), market),
            "currently_playing_type": "track",
            "is_playing": now.playing,
            "actions": {"disallows": {"pausing" if not now.playing else "resuming": True}},
        }

    def player(
        self, player: Player, known: dict[str, Playable], at: datetime, market: str | None
    ) -> dict[str, Any] | None:
        """The whole player; None when it is idle, or no device is active."""
        device = next((it for it in player.devices if it.device_id == player.active), None)
        playing = self.playing(player, known, at, market)
        if device is None or playing is None:
            return None
        return {
            "device": self.device(device, player.active),
            "repeat_state": player.repeat,
            "shuffle_state": player.shuffle,
            "smart_shuffle": False,
            **playing,
        }

    def queue(
        self, player: Player, known: dict[str, Playable], at: datetime, market: str | None
    ) -> dict[str, Any]:
        now = settled(player, at)

        def shown(item: Item) -> dict[str, Any]:
            return self.track(item.track_id, known.get(item.track_id), market)

        return {
            "currently_playing": shown(now.current) if now.current else None,
            "queue": [shown(item) for item in upcoming(now)],
        }

    def context(self, uri: str | None) -> dict[str, Any] | None:
        """`spotify:album:ID` as an object."""
        if uri is None:
            return None
        _, kind, id = uri.split(":")
        return {
            "type": kind,
            "uri": uri,
            "href": f"{self.url}/v1/{kind}s/{id}",
            "external_urls": {"spotify": f"{self.url}/#/{kind}/{id}"},
        }


def ms_of(at: datetime) -> int:
    """Unix milliseconds."""
    return int(at.astimezone(UTC).timestamp() * 1000)
