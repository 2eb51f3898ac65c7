"""What is kept of each kind to show it: arrays without names, small because there are millions."""

from collections.abc import Iterable

import msgspec

from shared.events import Credit
from shared.webapi.objects import SHOWN_ROLES

Maker = tuple[str, str]
"""An artist's id and the name it is credited by."""


class AlbumPart(msgspec.Struct, array_like=True, frozen=True):
    """A release as a track shows it."""

    id: str | None
    name: str | None
    type: str | None
    makers: tuple[Maker, ...]
    released_on: str | None
    cover: bytes | None


class TrackCard(msgspec.Struct, array_like=True, frozen=True):
    """`clips`: markets where its preview may be heard, ("*",) for all."""

    album: AlbumPart
    name: str
    makers: tuple[Maker, ...]
    disc: int | None
    number: int | None
    duration_ms: int
    explicit: bool
    playable: bool
    isrc: str | None
    popularity: int
    blocked: tuple[str, ...]
    clips: tuple[str, ...] = ()


class AlbumCard(msgspec.Struct, array_like=True, frozen=True):
    part: AlbumPart
    tracks: int
    label: str | None
    upc: str | None
    genres: tuple[str, ...]


class ArtistCard(msgspec.Struct, array_like=True, frozen=True):
    name: str
    genres: tuple[str, ...]
    cover: bytes | None
    popularity: int


class UserCard(msgspec.Struct, array_like=True, frozen=True):
    name: str


class PlaylistCard(msgspec.Struct, array_like=True, frozen=True):
    """`first` is the track whose cover stands for the playlist's, if it has none of its own."""

    name: str
    description: str
    owner: str
    collaborative: bool
    items: int
    revision: int
    image: bytes | None
    first: str | None


Card = TrackCard | AlbumCard | ArtistCard | UserCard | PlaylistCard
TYPES: dict[str, type[Card]] = {
    "track": TrackCard,
    "album": AlbumCard,
    "artist": ArtistCard,
    "user": UserCard,
    "playlist": PlaylistCard,
}

encode = msgspec.msgpack.Encoder().encode


def makers(credits: Iterable[Credit]) -> tuple[Maker, ...]:
    """The artists that a title is shown with: main, featured and remixers, in order."""
    return tuple((it.artist_id, it.name) for it in credits if it.role in SHOWN_ROLES)


def cover(cover_id: str | None) -> bytes | None:
    """A cover's id, a SHA-256 in hex, at half its size. Any other id is kept as it is."""
    if cover_id is None:
        return None
    try:
        return bytes.fromhex(cover_id) if len(cover_id) == 64 else cover_id.encode()
    except ValueError:
        return cover_id.encode()


def cover_id(cover: bytes | None) -> str | None:
    """What `cover` was made from."""
    if cover is None:
        return None
    return cover.hex() if len(cover) == 32 else cover.decode()
