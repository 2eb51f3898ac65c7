"""Cards in the words of the Web API."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from functions.search.cards import (
    AlbumCard,
    AlbumPart,
    ArtistCard,
    Maker,
    TrackCard,
    UserCard,
    cover_id,
)
from shared.territories import TERRITORIES

COVER_SIZES_PX = (640, 300, 64)


@dataclass(frozen=True, slots=True)
class Shown:
    """For whom objects are shown. With `market` (ISO 3166-1) the Web API leaves out
    `available_markets` and states `is_playable`."""

    public_url: str
    market: str | None
    albums: Callable[[str], AlbumCard | None] = lambda id: None
    """What is known of an album now; a track itself remembers less, and maybe an old title."""


def link(shown: Shown, kind: str, id: str) -> dict[str, Any]:
    """The members by which every object names itself."""
    return {
        "external_urls": {"spotify": f"{shown.public_url}/#/{kind}/{id}"},
        "href": f"{shown.public_url}/v1/{kind}s/{id}",
        "id": id,
        "type": kind,
        "uri": f"spotify:{kind}:{id}",
    }


def track(id: str, card: TrackCard, shown: Shown) -> dict[str, Any]:
    """A track object."""
    known = shown.albums(card.album.id) if card.album.id else None
    return {
        **link(shown, "track", id),
        "name": card.name,
        "album": album(card.album.id or "", known, shown)
        if known
        else {**album_part(card.album, shown), "total_tracks": 1},
        "artists": makers(card.makers, shown),
        "disc_number": card.disc or 1,
        "track_number": card.number or 1,
        "duration_ms": card.duration_ms,
        "explicit": card.explicit,
        "external_ids": {"isrc": card.isrc} if card.isrc else {},
        "is_local": False,
        "popularity": card.popularity,
        "preview_url": None,
        **_availability(shown, card.blocked, playable=card.playable),
    }


def album(id: str, card: AlbumCard, shown: Shown) -> dict[str, Any]:
    """A simplified album object."""
    return {**album_part(card.part, shown), **link(shown, "album", id), "total_tracks": card.tracks}


def album_part(part: AlbumPart, shown: Shown) -> dict[str, Any]:
    """What a track and a search result tell of an album."""
    return {
        **(link(shown, "album", part.id) if part.id else {"id": None, "type": "album"}),
        # The Web API knows no "ep": it shows one as a single.
        "album_type": "single" if part.type == "ep" else part.type or "album",
        "artists": makers(part.makers, shown),
        "images": images(part.cover, shown),
        "name": part.name or "",
        "release_date": part.released_on or "0000",
        "release_date_precision": precision(part.released_on),
        **_availability(shown, ()),
    }


def artist(id: str, card: ArtistCard, shown: Shown) -> dict[str, Any]:
    """An artist object."""
    return {
        **link(shown, "artist", id),
        "followers": {"href": None, "total": 0},
        "genres": list(card.genres),
        "images": images(card.cover, shown),
        "name": card.name,
        "popularity": card.popularity,
    }


def user(id: str, card: UserCard, shown: Shown) -> dict[str, Any]:
    """A public user object."""
    return {**link(shown, "user", id), "display_name": card.name, "images": []}


def makers(pairs: Iterable[Maker], shown: Shown) -> list[dict[str, Any]]:
    """Simplified artist objects; without an id where the catalog knows only a name."""
    return [
        {**link(shown, "artist", id), "name": name} if id else {"type": "artist", "name": name}
        for id, name in pairs
    ]


def images(cover: bytes | None, shown: Shown) -> list[dict[str, Any]]:
    id = cover_id(cover)
    return [
        {"url": f"{shown.public_url}/images/{id}-{px}.jpg", "width": px, "height": px}
        for px in (COVER_SIZES_PX if id else ())
    ]


def precision(date: str | None) -> str:
    """How exact a date is: day, month or year."""
    return {10: "day", 7: "month"}.get(len(date or ""), "year")


def _availability(
    shown: Shown, blocked: tuple[str, ...], *, playable: bool | None = None
) -> dict[str, Any]:
    if shown.market is None:
        return {"available_markets": [it for it in _MARKETS if it not in blocked]}
    return {} if playable is None else {"is_playable": playable}


_MARKETS = sorted(TERRITORIES)
