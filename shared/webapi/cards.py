"""What services know of the things that they list, from the events of their owners. Pure.

What is removed stays as it was, marked: a library or a playlist shows what was put into it.
"""

from dataclasses import dataclass, replace

from shared.events import AlbumChanged, ArtistChanged, Credit, TrackChanged, UserChanged


@dataclass(frozen=True, slots=True)
class TrackCard:
    """A track. `plays`: it has audio and was not taken down."""

    track_id: str
    revision: int
    title: str
    credits: tuple[Credit, ...]
    album_id: str | None
    album: str | None
    album_type: str | None
    album_credits: tuple[Credit, ...]
    disc_number: int
    track_number: int
    duration_ms: int
    explicit: bool
    isrc: str | None
    cover_id: str | None
    release_date: str | None
    blocked_markets: tuple[str, ...]
    popularity: int
    plays: bool
    genres: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    label: str | None = None
    clip_markets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlbumCard:
    """An album."""

    album_id: str
    revision: int
    title: str
    album_type: str
    credits: tuple[Credit, ...]
    label: str | None
    upc: str | None
    release_date: str | None
    genres: tuple[str, ...]
    p_line: str | None
    c_line: str | None
    cover_id: str | None
    track_ids: tuple[str, ...]
    removed: bool


@dataclass(frozen=True, slots=True)
class ArtistCard:
    """An artist. `absorbed` are the ids of those that were merged into this one; `revision` 0:
    only that is known yet."""

    artist_id: str
    revision: int = 0
    name: str = ""
    genres: tuple[str, ...] = ()
    cover_id: str | None = None
    popularity: int = 0
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserCard:
    """A user's public profile; without a name when the account is gone."""

    user_id: str
    revision: int
    display_name: str | None


def track_card(known: TrackCard | None, event: TrackChanged) -> TrackCard | None:
    """The card after `event`; None when it already knows that revision or a later one."""
    if known is not None and event.revision <= known.revision:
        return None
    return TrackCard(
        event.track_id,
        event.revision,
        event.title,
        # Before the catalog had credits, it had names.
        event.credits or tuple(Credit("", name, "main") for name in event.artists),
        event.album_id,
        event.album,
        event.album_type,
        event.album_artists,
        event.disc_number or 1,
        event.track_number or 1,
        event.duration_ms,
        event.explicit,
        event.isrc,
        event.cover_id,
        event.release_date,
        event.blocked_markets,
        event.popularity,
        event.audio_id is not None and not event.removed,
        event.genres,
        event.moods,
        event.label,
        event.clip_markets,
    )


def album_card(known: AlbumCard | None, event: AlbumChanged) -> AlbumCard | None:
    """As `track_card`, of an album."""
    if known is not None and event.revision <= known.revision:
        return None
    return AlbumCard(
        event.album_id,
        event.revision,
        event.title if event.version is None else f"{event.title} ({event.version})",
        event.album_type,
        event.artists,
        event.label,
        event.upc,
        event.release_date,
        event.genres,
        event.p_line,
        event.c_line,
        event.cover_id,
        event.track_ids,
        event.removed,
    )


def artist_card(known: ArtistCard | None, event: ArtistChanged) -> ArtistCard | None:
    """As `track_card`, of an artist."""
    if known is not None and event.revision <= known.revision:
        return None
    return ArtistCard(
        event.artist_id,
        event.revision,
        event.name,
        event.genres,
        event.cover_id,
        event.popularity,
        event.merged_into,
        () if known is None else known.absorbed,
    )


def absorbing(known: ArtistCard | None, into: str, absorbed: str) -> ArtistCard | None:
    """The card of artist `into`, which `absorbed` turned out to be; None when it knows that."""
    card = known or ArtistCard(into)
    if absorbed in card.absorbed:
        return None
    return replace(card, absorbed=(*card.absorbed, absorbed))


def user_card(known: UserCard | None, event: UserChanged) -> UserCard | None:
    """As `track_card`, of a user; a removed one's name is forgotten."""
    if known is not None and event.revision <= known.revision:
        return None
    return UserCard(event.user_id, event.revision, None if event.removed else event.display_name)
