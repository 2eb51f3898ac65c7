"""What search knows of one findable thing, whatever its kind."""

import hashlib
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Document:
    """One track, album, artist, … as the index takes it. `revision` rises with each change.

    `by` are the names of who made it (artists; of a playlist its owner), `released_on` is
    YYYY[-MM[-DD]], `popularity` 0 to 100, `blocked` the ISO 3166-1 markets where it may not be
    shown. `card` is what its kind needs to show it: opaque here.
    """

    kind: str
    id: str
    revision: int
    removed: bool
    name: str
    aliases: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    album: str | None = None
    released_on: str | None = None
    genres: tuple[str, ...] = ()
    label: str | None = None
    isrc: str | None = None
    upc: str | None = None
    popularity: int = 0
    blocked: tuple[str, ...] = ()
    card: bytes = b""

    @property
    def key(self) -> tuple[str, str]:
        """Kind and id: what makes it the same thing at another revision."""
        return self.kind, self.id

    @property
    def company(self) -> tuple[str | tuple[str, ...], ...]:
        """What it shares with others: sorted by it, like is next to like, and an index smaller."""
        year = (self.released_on or "")[:4]
        return self.label or "", self.genres, year, self.by[:1], self.album or self.name

    @property
    def codes(self) -> tuple[str, ...]:
        """What other systems call it."""
        return tuple(
            code_of(name, code) for name, code in (("isrc", self.isrc), ("upc", self.upc)) if code
        )


class Stored(msgspec.Struct, array_like=True, frozen=True):
    """What an index keeps of a document that is in no generation yet, beside what finds it."""

    id: str
    revision: int
    card: bytes


def code_of(name: str, code: str) -> str:
    """A code as it is looked up: `isrc:SEABC2600001`."""
    return f"{name}:{code}"


def number_of(id: str) -> int:
    """64 bits that stand for `id`. Two ids of a million meet with a chance of 3 in 10⁸, and then
    only one of them is found."""
    return int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest(), "big")
