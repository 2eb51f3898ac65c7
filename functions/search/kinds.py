"""Every kind of thing that can be found, each defined once: its event, its document, its view.

A further kind is a `Kind` here, its event in `infra/services.py`, and, if it is made by somebody,
a line in `plan._FIELDS`. Kinds without an event yet are `EMPTY`: their pages have no items.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.search import cards, views
from functions.search.document import Document
from functions.search.views import Shown
from shared.events import AlbumChanged, ArtistChanged, PlaylistChanged, TrackChanged, UserChanged


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` as in `?type=`, `plural` as in the answer. `document` projects the event."""

    name: str
    plural: str
    event: type
    document: Callable[[Any], Document]
    view: Callable[[str, Any, Shown], dict[str, Any]]


def track(event: TrackChanged) -> Document:
    credited = cards.makers(event.credits) or tuple(("", name) for name in event.artists)
    part = cards.AlbumPart(
        event.album_id,
        event.album,
        event.album_type,
        cards.makers(event.album_artists) or credited,
        event.release_date,
        cards.cover(event.cover_id),
    )
    card = cards.TrackCard(
        part,
        event.title,
        credited,
        event.disc_number,
        event.track_number,
        event.duration_ms,
        event.explicit,
        event.audio_id is not None,
        event.isrc,
        event.popularity,
        event.blocked_markets,
        event.clip_markets,
    )
    return Document(
        kind="track",
        id=event.track_id,
        revision=event.revision,
        removed=event.removed,
        name=event.title,
        by=tuple(name for _, name in credited),
        album=event.album,
        released_on=event.release_date,
        genres=event.genres,
        label=event.label,
        isrc=event.isrc,
        popularity=event.popularity,
        blocked=event.blocked_markets,
        card=cards.encode(card),
    )


def album(event: AlbumChanged) -> Document:
    credited = cards.makers(event.artists)
    title = f"{event.title} ({event.version})" if event.version else event.title
    part = cards.AlbumPart(
        event.album_id,
        title,
        event.album_type,
        credited,
        event.release_date,
        cards.cover(event.cover_id),
    )
    card = cards.AlbumCard(part, len(event.track_ids), event.label, event.upc, event.genres)
    return Document(
        kind="album",
        id=event.album_id,
        revision=event.revision,
        removed=event.removed,
        name=title,
        by=tuple(name for _, name in credited),
        released_on=event.release_date,
        genres=event.genres,
        label=event.label,
        upc=event.upc,
        popularity=event.popularity or 0,
        card=cards.encode(card),
    )


def artist(event: ArtistChanged) -> Document:
    card = cards.ArtistCard(event.name, event.genres, cards.cover(event.cover_id), event.popularity)
    return Document(
        kind="artist",
        id=event.artist_id,
        revision=event.revision,
        # Whoever follows the old id is redirected by the catalog; here one of the two is enough.
        removed=event.removed or event.merged_into is not None,
        name=event.name,
        aliases=event.aliases,
        genres=event.genres,
        popularity=event.popularity,
        card=cards.encode(card),
    )


def user(event: UserChanged) -> Document:
    return Document(
        kind="user",
        id=event.user_id,
        revision=event.revision,
        removed=event.removed,
        name=event.display_name,
        card=cards.encode(cards.UserCard(event.display_name)),
    )


def playlist(event: PlaylistChanged) -> Document:
    card = cards.PlaylistCard(
        event.name,
        event.description,
        event.owner_id,
        bool(event.collaborators),
        event.item_count,
        event.revision,
        cards.cover(event.image_id),
        event.track_ids[0] if event.track_ids else None,
    )
    return Document(
        kind="playlist",
        id=event.playlist_id,
        revision=event.revision,
        # What is not public is found by nobody, and what was public once no more.
        removed=event.removed or event.visibility != "public",
        name=event.name,
        card=cards.encode(card),
    )


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("track", "tracks", TrackChanged, track, views.track),
        Kind("album", "albums", AlbumChanged, album, views.album),
        Kind("artist", "artists", ArtistChanged, artist, views.artist),
        Kind("playlist", "playlists", PlaylistChanged, playlist, views.playlist),
        Kind("user", "users", UserChanged, user, views.user),
    )
}
EMPTY: dict[str, str] = {
    "show": "shows",
    "episode": "episodes",
    "audiobook": "audiobooks",
}
"""Kinds that may be asked for and of which nothing is known yet, with their plurals."""
