"""From names to entities: the artists and the release that an uploaded recording belongs to.

A name is claimed once, by create-if-absent; whoever comes later, or at the same time, gets the
first claim's id. The entity is made under that id by whoever finds it missing, so a process may
die between the two.
"""

from collections.abc import Callable
from datetime import datetime

from functions.catalog import albums, artists
from functions.catalog.domain import Described
from functions.catalog.model import Album, Artist, Name
from functions.catalog.naming import credited, key_of
from functions.catalog.reading import Reading
from functions.catalog.store import Store
from shared.events import Credit
from shared.ids import derived_id


class Placing:
    """Finds or makes artists and albums by name."""

    def __init__(
        self,
        store: Store,
        reading: Reading,
        *,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reading = reading
        self._new_id = new_id
        self._now = now

    async def artist(self, name: str) -> Artist:
        """The artist of that name, made if there is none; the caller publishes it."""
        claim = await self._claim("artist", key_of(name) or name)
        if (found := await self._reading.fresh_artist(claim.entity_id)) is not None:
            return found
        made = artists.new_artist(claim.entity_id, name, self._now())
        return await self._store.artists.claim(claim.entity_id, made)

    async def credits(self, names: tuple[str, ...]) -> tuple[tuple[Credit, ...], list[Artist]]:
        """Credits for the artists as a tag or a client names them, and those artists."""
        found: dict[tuple[str, str], Credit] = {}
        known: list[Artist] = []
        for name, role in credited(names):
            artist = await self.artist(name)
            known.append(artist)
            credit = Credit(artist.artist_id, artist.name, role)
            found.setdefault((credit.artist_id, credit.role), credit)
        return tuple(found.values()), known

    async def album(self, told: Described, credits: tuple[Credit, ...], track_id: str) -> Album:
        """The release for a recording: by its first artist and its title; one of its own, a
        single, when no album is named."""
        main = tuple(it for it in credits if it.role == "main")[:1]
        owner = main[0].artist_id if main else ""
        title, kind = (told.album, "album") if told.album else (told.title, "single")
        of = key_of(title) or title
        claim = await self._claim(
            "album", "/".join((owner, of, track_id if kind == "single" else ""))
        )
        if (found := await self._store.albums.find(claim.entity_id)) is not None:
            return found
        shown = main if kind == "album" else tuple(it for it in credits if it.role == "main")
        made = albums.settled(albums.new_album(claim.entity_id, title, kind, shown, self._now()))
        return await self._store.albums.claim(claim.entity_id, made)

    async def claim_name(self, artist: Artist) -> None:
        """Let uploads by the artist's name go to it, unless the name is someone else's."""
        await self._claim("artist", key_of(artist.name) or artist.name, artist.artist_id)

    async def _claim(self, kind: str, key: str, entity_id: str | None = None) -> Name:
        name = Name(kind, key, entity_id or self._new_id())
        return await self._store.names.claim(derived_id(kind, key), name)
