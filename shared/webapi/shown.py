"""What is known of listed things, in the words of the Web API. Pure.

Clients demand whole objects: what the catalog has not told of (yet), or what an owner took away,
is shown by its id, whole in shape, and unplayable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.webapi.cards import AlbumCard, ArtistCard, TrackCard, UserCard
from shared.webapi.objects import NO_ID, Parts, availability

UNKNOWN_DATE = "0000"


class Shown:
    """Renders cards with addresses below `public_url`, for one market or (None) for any."""

    def __init__(self, public_url: str) -> None:
        self._parts = Parts(public_url)
        self._url = public_url

    def track(
        self, id: str, card: TrackCard | None, album: AlbumCard | None, market: str | None
    ) -> dict[str, Any]:
        """A full track."""
        view = self.track_simple(id, card, market)
        cover_id = card.cover_id if card else None
        if album is not None:
            view["album"] = self._album(album, market, cover_id)
        else:
            view["album"] = self._parts.album(
                (card.album_id if card else None) or NO_ID,
                name=(card.album if card else None) or "",
                album_type=(card.album_type if card else None) or "single",
                credits=card.album_credits if card else (),
                cover_id=cover_id,
                release_date=card.release_date if card else None,
                total_tracks=1,
                availability=availability((), card is not None, market),
            )
        view["external_ids"] = {"isrc": card.isrc} if card and card.isrc else {}
        view["popularity"] = card.popularity if card else 0
        return view

    def track_simple(self, id: str, card: TrackCard | None, market: str | None) -> dict[str, Any]:
        """A simplified track."""
        return self._parts.track(
            id,
            name=card.title if card else "",
            credits=card.credits if card else (),
            disc_number=card.disc_number if card else 1,
            track_number=card.track_number if card else 1,
            duration_ms=card.duration_ms if card else 0,
            explicit=card.explicit if card else False,
            availability=availability(
                card.blocked_markets if card else (), card is not None and card.plays, market
            ),
            preview_url=self._parts.preview_url(id, card.clip_markets if card else (), market),
        )

    def album(
        self,
        id: str,
        card: AlbumCard | None,
        tracks: Mapping[str, TrackCard],
        first: int,
        market: str | None,
    ) -> dict[str, Any]:
        """A full album around the first of its tracks, `first` at most."""
        track_ids: Sequence[str] = card.track_ids if card else ()
        shown = [self.track_simple(it, tracks[it], market) for it in track_ids if it in tracks]
        href = f"{self._url}/v1/albums/{id}/tracks"
        more = len(track_ids) > first
        known = card or replace(_NO_ALBUM, album_id=id)
        lines = (("C", known.c_line), ("P", known.p_line))
        return {
            **self._album(known, market, None),
            "tracks": {
                "href": f"{href}?offset=0&limit={first}",
                "limit": first,
                "next": f"{href}?offset={first}&limit={first}" if more else None,
                "offset": 0,
                "previous": None,
                "total": len(track_ids),
                "items": shown,
            },
            "copyrights": [{"text": text, "type": kind} for kind, text in lines if text],
            "external_ids": {"upc": known.upc} if known.upc else {},
            "genres": list(known.genres),
            "label": known.label or "",
            "popularity": 0,
        }

    def _album(self, card: AlbumCard, market: str | None, cover_id: str | None) -> dict[str, Any]:
        return self._parts.album(
            card.album_id,
            name=card.title,
            album_type=card.album_type,
            credits=card.credits,
            cover_id=card.cover_id or cover_id,
            release_date=card.release_date,
            total_tracks=len(card.track_ids),
            availability=availability((), not card.removed, market),
        )

    def artist(self, id: str, card: ArtistCard | None) -> dict[str, Any]:
        """A full artist."""
        known = card or ArtistCard(id)
        return self._parts.artist(
            known.artist_id,
            name=known.name,
            genres=known.genres,
            cover_id=known.cover_id,
            popularity=known.popularity,
        )

    def user(self, id: str, card: UserCard | None) -> dict[str, Any]:
        """A public user."""
        return self._parts.user(id, card.display_name if card else None)

    def show(self, id: str) -> dict[str, Any]:
        """A show, full."""
        return {
            **self._parts.link("show", id),
            **_PODCAST,
            "copyrights": [],
            "is_externally_hosted": False,
            "media_type": "audio",
            "publisher": "",
            "total_episodes": 0,
        }

    def episode(self, id: str) -> dict[str, Any]:
        """An episode, full."""
        return {
            **self._parts.link("episode", id),
            **_PODCAST,
            "audio_preview_url": None,
            "duration_ms": 0,
            "is_externally_hosted": False,
            "is_playable": False,
            "release_date": UNKNOWN_DATE,
            "release_date_precision": "year",
            "show": self.show(NO_ID),
        }


_NO_ALBUM = AlbumCard(
    album_id=NO_ID,
    revision=0,
    title="",
    album_type="album",
    credits=(),
    label=None,
    upc=None,
    release_date=None,
    genres=(),
    p_line=None,
    c_line=None,
    cover_id=None,
    track_ids=(),
    removed=True,
)
_PODCAST: Mapping[str, Any] = {
    "name": "",
    "description": "",
    "html_description": "",
    "explicit": False,
    "images": [],
    "languages": [],
}


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, whole seconds, as the Web API: `2026-11-20T10:00:00Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
