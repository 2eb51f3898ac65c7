"""Cards as a generation keeps them: what another card of the generation says already is a number.

A track names the row of its album, and no makers where they are the album's; an album names the
rows of its artists. Only what the generation does not know, or knows by another name, is spelt
out. A row's number means something in its own generation alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from functions.search import cards
from functions.search.cards import Maker

ORDER = ("artist", "album", "track", "user")
"""Kinds that others refer to, each after those that it refers to; any other kind comes later."""

COVER_BYTES = 32
Keep = Callable[[bytes], int]
"""Put COVER_BYTES aside, where nothing tries to compress them; gives their number."""
Kept = Callable[[int], bytes]
Row = int
Cover = int | bytes | None
"""What was kept, by its number; an id that is no SHA-256, as it is."""
Markets = tuple[str, ...]
KNOWN_SETS: tuple[Markets, ...] = ((), ("*",))
"""Sets of markets that have a number everywhere: none, and all."""
Count = Callable[[Markets], int | Markets]
"""The number of a set of markets; the set itself, where there are too many to number them."""


class Rows(Protocol):
    """The cards of one kind in a generation, by row."""

    @property
    def row(self) -> Callable[[str], Row | None]:
        """Where the card of an id is; None if there is none."""
        ...

    @property
    def read(self) -> Callable[[Row], tuple[str, int, Any]]:
        """Id, revision and card of a row."""
        ...


Near = Mapping[str, Rows]
"""The kinds before this one in ORDER."""


class TrackRecord(msgspec.Struct, array_like=True, frozen=True):
    """`makers` is None where they are the album's; `clips` is the number of a set of markets."""

    album: Row | cards.AlbumPart
    makers: tuple[Row | Maker, ...] | None
    name: str
    disc: int | None
    number: int | None
    duration_ms: int
    explicit: bool
    playable: bool
    isrc: str | None
    popularity: int
    blocked: Markets
    clips: int | Markets = 0


class AlbumRecord(msgspec.Struct, array_like=True, frozen=True):
    """`part` of an album card lies flat; its id is the row's own."""

    makers: tuple[Row | Maker, ...]
    name: str | None
    type: str | None
    released_on: str | None
    cover: Cover
    tracks: int
    label: str | None
    upc: str | None
    genres: tuple[str, ...]


class ArtistRecord(msgspec.Struct, array_like=True, frozen=True):
    name: str
    genres: tuple[str, ...]
    cover: Cover
    popularity: int


class UserRecord(msgspec.Struct, array_like=True, frozen=True):
    name: str


class PlaylistRecord(msgspec.Struct, array_like=True, frozen=True):
    name: str
    description: str
    owner: Row | str
    collaborative: bool
    items: int
    revision: int
    image: Cover
    first: Row | str | None


Record = TrackRecord | AlbumRecord | ArtistRecord | UserRecord | PlaylistRecord
RECORDS: dict[str, type] = {
    "track": TrackRecord,
    "album": AlbumRecord,
    "artist": ArtistRecord,
    "user": UserRecord,
    "playlist": PlaylistRecord,
}


def packed(card: cards.Card, near: Near, keep: Keep, count: Count) -> Record:
    """`card` as a generation with `near` keeps it."""
    match card:
        case cards.TrackCard():
            album = _row(near, "album", card.album.id)
            known = () if album is None else near["album"].read(album)[2].part.makers
            return TrackRecord(
                card.album if album is None else album,
                None if album is not None and known == card.makers else _makers(card.makers, near),
                card.name, card.disc, card.number, card.duration_ms, card.explicit, card.playable,
                card.isrc, card.popularity, card.blocked, count(card.clips),
            )  # fmt: skip
        case cards.AlbumCard(part=part):
            return AlbumRecord(
                _makers(part.makers, near), part.name, part.type, part.released_on,
                _cover(part.cover, keep), card.tracks, card.label, card.upc, card.genres,
            )  # fmt: skip
        case cards.ArtistCard():
            return ArtistRecord(card.name, card.genres, _cover(card.cover, keep), card.popularity)
        case cards.UserCard():
            return UserRecord(card.name)
        case cards.PlaylistCard():
            owner, first = _row(near, "user", card.owner), _row(near, "track", card.first)
            return PlaylistRecord(
                card.name, card.description, card.owner if owner is None else owner,
                card.collaborative, card.items, card.revision, _cover(card.image, keep),
                card.first if first is None else first,
            )  # fmt: skip


def unpacked(
    id: str, record: Record, near: Near, kept: Kept, sets: Sequence[Markets]
) -> cards.Card:
    """The card that `packed` was given. `sets` are those of markets, by number.

    A track's album is as the generation knows it, even where the track remembered an older title.
    """
    match record:
        case TrackRecord(album=album):
            part = near["album"].read(album)[2].part if isinstance(album, int) else album
            makers = part.makers if record.makers is None else _named(record.makers, near)
            return cards.TrackCard(
                part, record.name, makers, record.disc, record.number, record.duration_ms,
                record.explicit, record.playable, record.isrc, record.popularity, record.blocked,
                sets[record.clips] if isinstance(record.clips, int) else record.clips,
            )  # fmt: skip
        case AlbumRecord():
            part = cards.AlbumPart(
                id, record.name, record.type, _named(record.makers, near), record.released_on,
                _uncovered(record.cover, kept),
            )  # fmt: skip
            return cards.AlbumCard(part, record.tracks, record.label, record.upc, record.genres)
        case ArtistRecord():
            cover = _uncovered(record.cover, kept)
            return cards.ArtistCard(record.name, record.genres, cover, record.popularity)
        case UserRecord():
            return cards.UserCard(record.name)
        case PlaylistRecord(owner=owner, first=first):
            return cards.PlaylistCard(
                record.name, record.description,
                near["user"].read(owner)[0] if isinstance(owner, int) else owner,
                record.collaborative, record.items, record.revision,
                _uncovered(record.image, kept),
                near["track"].read(first)[0] if isinstance(first, int) else first,
            )  # fmt: skip


def _row(near: Near, kind: str, id: str | None) -> Row | None:
    return near[kind].row(id) if id and kind in near else None


def _makers(makers: tuple[Maker, ...], near: Near) -> tuple[Row | Maker, ...]:
    """By row, where the artist is known by the very name of the credit."""

    def one(maker: Maker) -> Row | Maker:
        row = _row(near, "artist", maker[0])
        return maker if row is None or near["artist"].read(row)[2].name != maker[1] else row

    return tuple(one(maker) for maker in makers)


def _named(makers: tuple[Row | Maker, ...], near: Near) -> tuple[Maker, ...]:
    return tuple(_maker(*near["artist"].read(it)) if isinstance(it, int) else it for it in makers)


def _maker(id: str, _: int, card: cards.ArtistCard) -> Maker:
    return id, card.name


def _cover(cover: bytes | None, keep: Keep) -> Cover:
    return keep(cover) if cover is not None and len(cover) == COVER_BYTES else cover


def _uncovered(cover: Cover, kept: Kept) -> bytes | None:
    return kept(cover) if isinstance(cover, int) else cover
