"""The parts of which the Web API's objects are made. Pure.

Simplified objects stand inside others, full ones by themselves. Without a market an object says
where it is available; with one, whether it is playable there.
"""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from shared.events import Credit
from shared.territories import TERRITORIES, WORLDWIDE

COVER_SIZES_PX = (640, 300, 64)
SHOWN_ROLES = ("main", "featured", "remixer")
"""Credits that make an artist one of a track's `artists`."""

EVERYWHERE = msgspec.Raw(msgspec.json.encode(sorted(TERRITORIES)))
"""Encoded once: it is half of a page without a market."""

NO_ID = "0" * 22
"""The id of what clients demand and nobody has: a track's album, before it is placed on one."""

_PRECISIONS = {4: "year", 7: "month", 10: "day"}
_GROUPS = {"ep": "single"}


class Parts:
    """Objects with addresses below `public_url`."""

    def __init__(self, public_url: str) -> None:
        self._url = public_url

    def link(self, kind: str, id: str) -> dict[str, Any]:
        """What every object has: its addresses, id, type and URI."""
        return {
            "external_urls": {"spotify": f"{self._url}/#/{kind}/{id}"},
            "href": f"{self._url}/v1/{kind}s/{id}",
            "id": id,
            "type": kind,
            "uri": f"spotify:{kind}:{id}",
        }

    def images(self, cover_id: str | None) -> list[dict[str, Any]]:
        """The sizes of a cover, largest first."""
        if cover_id is None:
            return []
        return [
            {"url": f"{self._url}/images/{cover_id}-{px}.jpg", "width": px, "height": px}
            for px in COVER_SIZES_PX
        ]

    def preview_url(self, id: str, clips: Collection[str], market: str | None) -> str | None:
        """Where thirty seconds of a track are heard in `market`; None where they may not be.

        `clips`: markets where they may, ("*",) for all. Without a market there is an address for
        what may be heard in all of them. Nothing is decided or signed until it is followed.
        """
        if not clips or (WORLDWIDE not in clips and market not in clips):
            return None
        return f"{self._url}/v1/previews/{id}" + (f"?market={market}" if market else "")

    def artists(self, credits: Iterable[Credit]) -> list[dict[str, Any]]:
        """The artists that credits show, simplified, each once."""
        shown: dict[str, Credit] = {}
        for credit in credits:
            if credit.role in SHOWN_ROLES:
                # Names of before the catalog had artists have no id.
                shown.setdefault(credit.artist_id or credit.name, credit)
        return [
            {**self.link("artist", it.artist_id or NO_ID), "name": it.name} for it in shown.values()
        ]

    def artist(
        self, id: str, *, name: str, genres: Collection[str], cover_id: str | None, popularity: int
    ) -> dict[str, Any]:
        """A full artist."""
        return {
            **self.link("artist", id),
            "name": name,
            "genres": list(genres),
            "images": self.images(cover_id),
            "popularity": popularity,
            "followers": {"href": None, "total": 0},
        }

    def album(
        self,
        id: str,
        *,
        name: str,
        album_type: str,
        credits: Iterable[Credit],
        cover_id: str | None,
        release_date: str | None,
        total_tracks: int,
        availability: dict[str, Any],
    ) -> dict[str, Any]:
        """A simplified album."""
        date = release_date or "0000"
        return {
            **self.link("album", id),
            "album_type": _GROUPS.get(album_type, album_type),
            "total_tracks": total_tracks,
            "name": name,
            "release_date": date,
            "release_date_precision": _PRECISIONS.get(len(date), "year"),
            "images": self.images(cover_id),
            "artists": self.artists(credits),
            **availability,
        }

    def track(
        self,
        id: str,
        *,
        name: str,
        credits: Iterable[Credit],
        disc_number: int,
        track_number: int,
        duration_ms: int,
        explicit: bool,
        availability: dict[str, Any],
        preview_url: str | None = None,
    ) -> dict[str, Any]:
        """A simplified track."""
        return {
            **self.link("track", id),
            "name": name,
            "artists": self.artists(credits),
            "disc_number": disc_number,
            "track_number": track_number,
            "duration_ms": duration_ms,
            "explicit": explicit,
            "is_local": False,
            "preview_url": preview_url,
            **availability,
        }

    def user(self, id: str, display_name: str | None) -> dict[str, Any]:
        """A public user."""
        return {
            **self.link("user", id),
            "display_name": display_name,
            "followers": {"href": None, "total": 0},
            "images": [],
        }


def availability(blocked: Collection[str], plays: bool, market: str | None) -> dict[str, Any]:
    """Where something is available, or with `market` whether it is playable there.

    `blocked`: markets where it is not, of something that `plays` at all.
    """
    if market is not None:
        if plays and market not in blocked:
            return {"is_playable": True}
        return {"is_playable": False, "restrictions": {"reason": "market"}}
    if not plays:
        return {"available_markets": [], "is_playable": False}
    if not blocked:
        return {"available_markets": EVERYWHERE}
    return {"available_markets": sorted(TERRITORIES.difference(blocked))}
