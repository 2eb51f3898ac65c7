"""The Web API's objects in OpenSubsonic's words. Pure.

Tracks are songs, artists and albums what they are ("ID3"), in folders where a client browses by
folder: an artist's folder holds albums, an album's songs.

Source: https://opensubsonic.netlify.app/docs/responses/child/, …/albumid3/, …/artistid3/
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from functions.subsonic.ids import cover_of, named
from shared.webapi.objects import NO_ID

Stars = Mapping[str, str]
"""URI of what is starred → since when."""
BIT_RATES_KBPS = {"free": 160, "premium": 320}
"""The best MP3 of each plan (functions/transcode/ladder.py)."""


def song(
    track: Mapping[str, Any],
    stars: Stars,
    *,
    album: Mapping[str, Any] | None = None,
    plan: str = "free",
) -> dict[str, Any]:
    """A full track, or a simple one of `album`."""
    release = album if album is not None else track.get("album") or {}
    genres = [{"name": it} for it in release.get("genres", ())]
    artists, makers = _links(track.get("artists", ())), _links(release.get("artists", ()))
    album_id = _known("album", release.get("id"))
    title = track["name"]
    return {
        "id": named("track", track["id"]),
        "parent": album_id,
        "isDir": False,
        "isVideo": False,
        "type": "music",
        "mediaType": "song",
        "title": title,
        "album": release.get("name"),
        "albumId": album_id,
        "artist": _display(artists),
        "artistId": artists[0]["id"] if artists else None,
        "displayArtist": _display(artists),
        "displayAlbumArtist": _display(makers) if makers else None,
        "track": track.get("track_number"),
        "discNumber": track.get("disc_number"),
        "year": _year(release),
        "genre": genres[0]["name"] if genres else None,
        "coverArt": cover_of(release.get("images", [])),
        "duration": _seconds(track["duration_ms"]),
        "bitRate": BIT_RATES_KBPS.get(plan, 160),
        "suffix": "mp3",
        "contentType": "audio/mpeg",
        "path": "/".join(
            _file_name(it) for it in (_display(artists), release.get("name") or "", f"{title}.mp3")
        ),
        "explicitStatus": "explicit" if track.get("explicit") else "clean",
        "starred": stars.get(track["uri"]),
        "artists": artists,
        "albumArtists": makers,
        "genres": genres,
        "isrc": [it for it in [track.get("external_ids", {}).get("isrc")] if it],
    }


def album(found: Mapping[str, Any], stars: Stars) -> dict[str, Any]:
    """An album, simple or full. What a simple one does not tell is 0."""
    genres = [{"name": it} for it in found.get("genres", ())]
    artists = _links(found.get("artists", ()))
    tracks = playable(found.get("tracks", {}).get("items", ()))
    return {
        "id": named("album", found["id"]),
        "name": found["name"],
        "artist": _display(artists),
        "displayArtist": _display(artists),
        "artistId": artists[0]["id"] if artists else None,
        "coverArt": cover_of(found.get("images", [])),
        "songCount": found.get("total_tracks", 0),
        "duration": sum(_seconds(it["duration_ms"]) for it in tracks),
        "created": _created(found),
        "year": _year(found),
        "genre": genres[0]["name"] if genres else None,
        "starred": stars.get(found["uri"]),
        "artists": artists,
        "genres": genres,
        "recordLabels": [{"name": found["label"]}] if found.get("label") else [],
        "releaseTypes": [str(found.get("album_type", "album")).capitalize()],
        "releaseDate": _date(found),
        "isCompilation": found.get("album_type") == "compilation",
    }


def album_folder(found: Mapping[str, Any], stars: Stars) -> dict[str, Any]:
    """An album as a folder in its artist's."""
    as_album = album(found, stars)
    shared = ("id", "artist", "artistId", "coverArt", "created", "year", "genre", "starred")
    return {
        **{name: as_album[name] for name in shared},
        "parent": as_album["artistId"],
        "isDir": True,
        "title": as_album["name"],
        "name": as_album["name"],
        "album": as_album["name"],
        "duration": as_album["duration"],
        "songCount": as_album["songCount"],
        "mediaType": "album",
    }


def artist(
    found: Mapping[str, Any], stars: Stars, *, album_count: int | None = None
) -> dict[str, Any]:
    """An artist, full or a link."""
    images = found.get("images", [])
    return {
        "id": named("artist", found["id"]),
        "name": found["name"],
        "coverArt": cover_of(images),
        "artistImageUrl": images[0]["url"] if images else None,
        "albumCount": album_count,
        "starred": stars.get(found["uri"]),
    }


def playlist(found: Mapping[str, Any], *, duration_s: int = 0) -> dict[str, Any]:
    """A playlist without its songs."""
    owner = found.get("owner") or {}
    items = found.get("items") or found.get("tracks") or {}
    at = found.get("updated_at") or "1970-01-01T00:00:00Z"
    return {
        "id": named("playlist", found["id"]),
        "name": found["name"],
        "comment": found.get("description") or None,
        "owner": owner.get("display_name") or owner.get("id"),
        "public": bool(found.get("public")),
        "songCount": items.get("total", 0) if isinstance(items, Mapping) else len(items),
        "duration": duration_s,
        "created": found.get("created_at") or at,
        "changed": at,
        "coverArt": cover_of(found.get("images") or []),
    }


def playable(tracks: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Tracks without those that cannot be played here: OpenSubsonic has no word for them."""
    return [it for it in tracks if it.get("is_playable") is not False]


def _links(artists: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": named("artist", it["id"]), "name": it["name"]} for it in artists]


def _known(kind: Any, id: str | None) -> str | None:
    return None if id is None or id == NO_ID else named(kind, id)


def _display(artists: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(it["name"] for it in artists)


def _seconds(ms: int) -> int:
    return round(ms / 1000)


def _year(release: Mapping[str, Any]) -> int | None:
    return int(str(release.get("release_date") or "0")[:4]) or None


def _date(release: Mapping[str, Any]) -> dict[str, int] | None:
    parts = [int(part) for part in str(release.get("release_date") or "0").split("-")]
    if not parts[0]:
        return None
    return dict(zip(("year", "month", "day"), parts, strict=False))


def _created(release: Mapping[str, Any]) -> str:
    """Required, and the Web API tells no other date of an album."""
    parts = _date(release) or {"year": 1970}
    day = (parts["year"], parts.get("month", 1), parts.get("day", 1))
    return "{:04}-{:02}-{:02}T00:00:00Z".format(*day)


def _file_name(text: str) -> str:
    return text.replace("/", "_").replace("\0", "_") or "_"
