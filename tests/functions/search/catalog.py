"""Events of a small catalog, as catalog and accounts publish them."""

from typing import Any

from shared.events import (
    AlbumChanged,
    ArtistChanged,
    Credit,
    PlaylistChanged,
    TrackChanged,
    UserChanged,
)
from tests.web import NOW


def id_of(name: str) -> str:
    """A 22-character id that a test can read."""
    return "".join(it for it in name if it.isascii() and it.isalnum()).ljust(22, "0")[:22]


def credits(*names: str) -> tuple[Credit, ...]:
    return tuple(Credit(id_of(name), name, "main") for name in names)


def track(id: str, title: str, *artists: str, **changes: Any) -> TrackChanged:
    values: dict[str, Any] = {
        "event_id": "e", "occurred_at": NOW, "track_id": id_of(id), "revision": 1, "title": title,
        "artists": artists, "album": None, "isrc": None, "explicit": False, "duration_ms": 180_000,
        "cover_id": None, "audio_id": "audio", "integrated_lufs": None, "true_peak_dbtp": None,
        "gain_db": None, "renditions": (), "manifests": (), "preview_path": None,
        "waveform_path": None, "removed": False, "credits": credits(*artists),
    }  # fmt: skip
    return TrackChanged(**{**values, **changes})


def album(id: str, title: str, *artists: str, **changes: Any) -> AlbumChanged:
    values: dict[str, Any] = {
        "event_id": "e", "occurred_at": NOW, "album_id": id_of(id), "revision": 1, "title": title,
        "version": None, "album_type": "album", "artists": credits(*artists), "label": None,
        "upc": None, "release_date": None, "genres": (), "moods": (), "p_line": None,
        "c_line": None, "cover_id": None, "track_ids": ("1", "2"), "supersedes": None,
        "superseded_by": None, "removed": False,
    }  # fmt: skip
    return AlbumChanged(**{**values, **changes})


def artist(id: str, name: str, **changes: Any) -> ArtistChanged:
    values: dict[str, Any] = {
        "event_id": "e", "occurred_at": NOW, "artist_id": id_of(id), "revision": 1, "name": name,
        "aliases": (), "genres": (), "isni": None, "ipi": None, "cover_id": None, "popularity": 0,
        "merged_into": None, "removed": False,
    }  # fmt: skip
    return ArtistChanged(**{**values, **changes})


def playlist(id: str, name: str, **changes: Any) -> PlaylistChanged:
    values: dict[str, Any] = {
        "event_id": "e", "occurred_at": NOW, "playlist_id": id_of(id), "revision": 1,
        "owner_id": id_of("ada"), "kind": "list", "name": name, "description": "Words",
        "visibility": "public", "collaborators": (), "item_count": 2,
        "track_ids": (id_of("one"), id_of("two")), "image_id": None, "removed": False,
    }  # fmt: skip
    return PlaylistChanged(**{**values, **changes})


def user(id: str, name: str, **changes: Any) -> UserChanged:
    values: dict[str, Any] = {
        "event_id": "e", "occurred_at": NOW, "user_id": id_of(id), "revision": 1,
        "display_name": name, "plan": "free", "territory": "SE", "removed": False,
    }  # fmt: skip
    return UserChanged(**{**values, **changes})
