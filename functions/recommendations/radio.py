"""Radio of a track or an artist: endless, and the same again for the same cursor. Pure.

A station plays through what is like its seeds; when that is used up, some of what it played
become its seeds. The cursor holds all of that, so no server remembers a station.
"""

import base64
import binascii
import zlib
from collections.abc import Iterable, Sequence
from random import Random

import msgspec

from shared.errors import Invalid

MOST_PLAYED = 120
"""Tracks that are not played again soon."""
SEEDS = 3
_MAX_CURSOR = 2000
_ID_CHARS = 22


class Station(msgspec.Struct, frozen=True, array_like=True):
    """Where a station is. `played` are the check sums of the last tracks, newest last."""

    number: int
    kind: str
    seeds: tuple[str, ...]
    page: int = 0
    played: tuple[int, ...] = ()

    def random(self) -> Random:
        """The numbers of this page."""
        return Random(f"{self.number}/{self.page}")  # noqa: S311


def cursor(station: Station) -> str:
    """The station as text for a URL."""
    packed = zlib.compress(msgspec.msgpack.encode(station))
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def parse(text: str) -> Station:
    """The station of a cursor.

    Raises:
        Invalid: no cursor of ours (code INVALID_CURSOR).
    """
    try:
        if len(text) > _MAX_CURSOR:
            raise ValueError("too long")
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        data = zlib.decompressobj().decompress(packed, 4 * _MAX_CURSOR)
        station = msgspec.msgpack.decode(data, type=Station)
        whole = 0 < len(station.seeds) <= SEEDS and len(station.played) <= MOST_PLAYED
        ids = all(len(it) == _ID_CHARS and it.isalnum() for it in station.seeds)
        if not whole or not ids or station.kind not in ("track", "artist"):
            raise ValueError("not a station")
        return station
    except (ValueError, binascii.Error, zlib.error, msgspec.MsgspecError) as error:
        raise Invalid("take the cursor from a page's next", code="INVALID_CURSOR") from error


def check(track_id: str) -> int:
    """A track's check sum: 32 bits tell a hundred tracks apart."""
    return zlib.crc32(track_id.encode())


def unplayed(station: Station, ids: Iterable[str]) -> list[str]:
    """Those that the station has not played lately."""
    played = set(station.played)
    return [id for id in ids if check(id) not in played]


def turned(station: Station, page: Sequence[str], left: int) -> Station:
    """The station after a page, of which `left` more tracks were to be had."""
    played = (*station.played, *(check(it) for it in page))[-MOST_PLAYED:]
    if left > 0 or not page:
        return Station(station.number, station.kind, station.seeds, station.page + 1, played)
    seeds = tuple(station.random().sample(list(page), min(SEEDS, len(page))))
    return Station(station.number, "track", seeds, station.page + 1, played)
