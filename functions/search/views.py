"""Cards in the words of the Web API."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from functions.search.cards import (
    AlbumCard,
    AlbumPart,
    ArtistCard,
    Maker,
    PlaylistCard,
    TrackCard,
    UserCard,
    cover_id,
)
from shared.events import Credit
from shared.webapi.objects import NO_ID, Parts, availability
from shared.webapi.snapshots import snapshot_id


@dataclass(frozen=True, slots=True)
class Shown:
    """For whom objects are shown. `albums` is what is known of an album now: a track itself
    remembers less, and maybe an old title. So with `tracks` and `users`, which playlists name."""

    parts: Parts
    market: str | None
    albums: Callable[[str], AlbumCard | None] = lambda id: None
    tracks: Callable[[str], TrackCard | None] = lambda id: None
    users: Callable[[str], UserCard | None] = lambda id: None


def track(id: str, card: TrackCard, shown: Shown) -> dict[str, Any]:
    """A full track."""
    part = card.album
    known = shown.albums(part.id) if part.id else None
    return {
        **shown.parts.track(
            id,
            name=card.name,
            credits=_credits(card.makers),
            disc_number=card.disc or 1,
            track_number=card.number or 1,
            duration_ms=card.duration_ms,
            explicit=card.explicit,
            availability=availability(card.blocked, card.playable, shown.market),
            preview_url=shown.parts.preview_url(id, card.clips, shown.market),
        ),
        "album": _album(known.part, known.tracks, shown) if known else _album(part, 1, shown),
        "external_ids": {"isrc": card.isrc} if card.isrc else {},
        "popularity": card.popularity,
    }


def album(id: str, card: AlbumCard, shown: Shown) -> dict[str, Any]:
    """A simplified album."""
    return _album(card.part, card.tracks, shown)


def artist(id: str, card: ArtistCard, shown: Shown) -> dict[str, Any]:
    """A full artist."""
    return shown.parts.artist(
        id,
        name=card.name,
        genres=card.genres,
        cover_id=cover_id(card.cover),
        popularity=card.popularity,
    )


def playlist(id: str, card: PlaylistCard, shown: Shown) -> dict[str, Any]:
    """A simplified playlist. Its cover is its own, or that of its first track."""
    owner = shown.users(card.owner)
    first = shown.tracks(card.first) if card.first and card.image is None else None
    found = shown.parts.link("playlist", id)
    total = {"href": f"{found['href']}/items", "total": card.items}
    return {
        **found,
        "collaborative": card.collaborative,
        "description": card.description,
        "images": shown.parts.images(cover_id(card.image or (first and first.album.cover))),
        "name": card.name,
        "owner": shown.parts.user(card.owner, owner.name if owner else None),
        "primary_color": None,
        "public": True,
        "snapshot_id": snapshot_id(id, card.revision),
        "tracks": total,
        "items": total,
    }


def user(id: str, card: UserCard, shown: Shown) -> dict[str, Any]:
    """A public user."""
    return shown.parts.user(id, card.name)


def _album(part: AlbumPart, tracks: int, shown: Shown) -> dict[str, Any]:
    return shown.parts.album(
        part.id or NO_ID,
        name=part.name or "",
        album_type=part.type or "album",
        credits=_credits(part.makers),
        cover_id=cover_id(part.cover),
        release_date=part.released_on,
        total_tracks=tracks,
        availability=availability((), True, shown.market),
    )


def _credits(makers: Iterable[Maker]) -> list[Credit]:
    return [Credit(id, name, "main") for id, name in makers]
