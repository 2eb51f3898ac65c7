"""Tracks, albums, artists and uploads in the words of the Web API.

Simplified objects stand inside others, full ones by themselves. Without a market an object says
where it is available; with one, whether it is playable there.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from functions.catalog.domain import clip_markets, plays_in
from functions.catalog.model import WORLDWIDE, Album, Artist, Track
from functions.catalog.uploads import Upload
from shared.events import Credit
from shared.territories import TERRITORIES
from shared.webapi.objects import EVERYWHERE, Parts

MARKETS = sorted(TERRITORIES)
_SHOWN_FEATURES = (
    "key", "mode", "time_signature", "loudness", "energy", "danceability", "valence",
    "acousticness", "instrumentalness", "liveness", "speechiness",
)  # fmt: skip
_SLUG = re.compile(r"[^a-z0-9]+")


class Views:
    """Renders entities with addresses below `public_url`."""

    def __init__(self, public_url: str) -> None:
        self._url = public_url
        self._parts = Parts(public_url)

    def link(self, kind: str, id: str) -> dict[str, Any]:
        """What every object has: its addresses, id, type and URI."""
        return self._parts.link(kind, id)

    def images(self, cover_id: str | None) -> list[dict[str, Any]]:
        """The sizes of a cover, largest first."""
        return self._parts.images(cover_id)

    def artist(self, artist: Artist) -> dict[str, Any]:
        """A full artist object."""
        return self._parts.artist(
            artist.artist_id,
            name=artist.name,
            genres=artist.genres,
            cover_id=artist.cover_id,
            popularity=artist.popularity,
        )

    def album_simple(
        self, album: Album, known: Mapping[str, Artist], market: str | None
    ) -> dict[str, Any]:
        """A simplified album object."""
        return self._parts.album(
            album.album_id,
            name=album.title if album.version is None else f"{album.title} ({album.version})",
            album_type=album.album_type,
            credits=_as_now(album.credits, known),
            cover_id=album.cover_id,
            release_date=album.release_date,
            total_tracks=len(album.entries),
            availability=_availability(
                () if album.removed else album.markets or (),
                None if market is None else _album_plays_in(album, market),
            ),
        )

    def album(
        self,
        album: Album,
        known: Mapping[str, Artist],
        market: str | None,
        tracks: dict[str, Any],
    ) -> dict[str, Any]:
        """A full album object around its first page of tracks."""
        lines = (("C", album.c_line), ("P", album.p_line))
        return {
            **self.album_simple(album, known, market),
            "tracks": tracks,
            "copyrights": [{"text": text, "type": kind} for kind, text in lines if text],
            "external_ids": {"upc": album.upc} if album.upc else {},
            "genres": list(album.genres),
            "label": album.label or "",
            "popularity": album.popularity,
        }

    def track_simple(
        self,
        track: Track,
        known: Mapping[str, Artist],
        market: str | None,
        linked_from: Track | None = None,
    ) -> dict[str, Any]:
        """A simplified track object; `linked_from` is what was asked for, when it is another."""
        view = self._parts.track(
            track.track_id,
            name=track.title if track.version is None else f"{track.title} - {track.version}",
            credits=_as_now(track.credits, known),
            disc_number=track.disc_number,
            track_number=track.track_number,
            duration_ms=track.duration_ms,
            explicit=track.explicit,
            availability=_availability(
                (track.markets or ()) if track.audio_id and not track.removed else (),
                None if market is None else plays_in(track, market),
            ),
            preview_url=self._parts.preview_url(track.track_id, clip_markets(track), market),
        )
        if linked_from is not None:
            view["linked_from"] = self.link("track", linked_from.track_id)
        return view

    def track(
        self,
        track: Track,
        album: Album | None,
        known: Mapping[str, Artist],
        market: str | None,
        linked_from: Track | None = None,
    ) -> dict[str, Any]:
        """A full track object."""
        view = self.track_simple(track, known, market, linked_from)
        view["album"] = (
            self.album_simple(album, known, market)
            if album is not None
            else {"name": "", "images": self.images(track.cover_id), "type": "album", "artists": []}
        )
        if not view["album"]["images"]:
            view["album"]["images"] = self.images(track.cover_id)
        view["external_ids"] = {"isrc": track.isrc} if track.isrc else {}
        view["popularity"] = track.popularity
        return view

    def features(self, track: Track) -> dict[str, Any] | None:
        """An audio features object, or None when nothing was measured."""
        heard = track.features
        if heard is None or track.removed:
            return None
        id = track.track_id
        return {
            "id": id,
            "type": "audio_features",
            "uri": f"spotify:track:{id}",
            "track_href": f"{self._url}/v1/tracks/{id}",
            "analysis_url": f"{self._url}/v1/audio-analysis/{id}",
            "duration_ms": track.duration_ms,
            "tempo": heard.tempo_bpm,
            **{name: getattr(heard, name) for name in _SHOWN_FEATURES},
        }

    def category(self, genre: str) -> dict[str, Any]:
        """A browse category: a genre."""
        id = slug(genre)
        return {
            "href": f"{self._url}/v1/browse/categories/{id}",
            "icons": [],
            "id": id,
            "name": genre,
        }


def slug(genre: str) -> str:
    """A genre as clients name it: `Drum & Bass` → `drum-bass`."""
    return _SLUG.sub("-", genre.casefold()).strip("-") or "genre"


def _as_now(credits: Iterable[Credit], known: Mapping[str, Artist]) -> list[Credit]:
    """Credits of the artists as who they are now."""
    return [_renamed(it, known.get(it.artist_id)) for it in credits]


def _renamed(credit: Credit, artist: Artist | None) -> Credit:
    if artist is None or (artist.artist_id, artist.name) == (credit.artist_id, credit.name):
        return credit
    return replace(credit, artist_id=artist.artist_id, name=artist.name)


def _availability(markets: Sequence[str], plays: bool | None) -> dict[str, Any]:
    if plays is None:
        return {"available_markets": EVERYWHERE if WORLDWIDE in markets else list(markets)}
    if plays:
        return {"is_playable": True}
    return {"is_playable": False, "restrictions": {"reason": "market"}}


def _album_plays_in(album: Album, market: str) -> bool:
    markets = album.markets or ()
    return not album.removed and (market in markets or WORLDWIDE in markets)


def upload_view(upload: Upload) -> dict[str, Any]:
    """An upload's state."""
    return {
        "upload_id": upload.upload_id,
        "track_id": upload.track_id,
        "status": upload.status,
        "reason": upload.reason,
        "message": upload.message,
        "filename": upload.filename,
        "size_bytes": upload.size_bytes,
        "created_at": upload.created_at,
        "updated_at": upload.updated_at,
    }
