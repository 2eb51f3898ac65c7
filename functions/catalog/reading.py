"""Reads for the Web API: merges followed, and what was read a moment ago not read again."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from functions.catalog import artists, domain
from functions.catalog.model import Album, Artist, Track
from functions.catalog.store import Store
from shared.gcp.documents import Documents

T = TypeVar("T")

MAX_CACHED = 20_000
MAX_HOPS = 20
MAX_ALTERNATIVES = 20


class Recent(Generic[T]):
    """Documents by id, remembered for `ttl_s`. That something is absent is not remembered."""

    def __init__(self, documents: Documents[T], ttl_s: float, clock: Callable[[], float]) -> None:
        self._documents = documents
        self._ttl_s = ttl_s
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, T]] = OrderedDict()

    async def many(self, ids: Iterable[str]) -> dict[str, T]:
        """Those of `ids` that exist, in one round trip at most."""
        now = self._clock()
        found: dict[str, T] = {}
        missing: list[str] = []
        for id in dict.fromkeys(ids):
            known = self._known.get(id)
            if known is not None and known[0] > now:
                found[id] = known[1]
            else:
                missing.append(id)
        if missing:
            for id, value in (await self._documents.find_many(missing)).items():
                found[id] = value
                self.remember(id, value)
        return found

    def remember(self, id: str, value: T) -> None:
        """Take what was read or written elsewhere."""
        self._known[id] = (self._clock() + self._ttl_s, value)
        self._known.move_to_end(id)
        if len(self._known) > MAX_CACHED:
            self._known.popitem(last=False)


class Reading:
    """Tracks, albums and artists by any id that they ever had.

    What was read at most `ttl_s` ago may be answered again; what this instance itself wrote is
    known to it at once (`wrote`).
    """

    def __init__(self, store: Store, *, ttl_s: float, clock: Callable[[], float]) -> None:
        self._store = store
        self.tracks: Recent[Track] = Recent(store.tracks, ttl_s, clock)
        self.albums: Recent[Album] = Recent(store.albums, ttl_s, clock)
        self._artists: Recent[Artist] = Recent(store.artists, ttl_s, clock)

    async def artists(self, ids: Iterable[str]) -> dict[str, Artist]:
        """The artists that `ids` stand for now, by the ids asked for."""
        asked = list(dict.fromkeys(ids))
        known: dict[str, Artist] = {}
        todo = set(asked)
        for _ in range(MAX_HOPS):
            if not todo:
                break
            found = await self._artists.many(todo)
            known |= found
            todo = {
                it.merged_into
                for it in found.values()
                if it.merged_into is not None and it.merged_into not in known
            }
        answers = {id: artists.survivor(id, known) for id in asked}
        return {id: artist for id, artist in answers.items() if artist is not None}

    async def fresh_artist(self, artist_id: str) -> Artist | None:
        """The artist that the id stands for, as it is now."""
        known: dict[str, Artist] = {}
        id: str | None = artist_id
        while id is not None and id not in known and len(known) < MAX_HOPS:
            artist = await self._store.artists.find(id)
            if artist is None:
                return None
            known[id] = artist
            self._artists.remember(id, artist)
            id = artist.merged_into
        return artists.survivor(artist_id, known)

    async def alternative(self, track: Track, market: str) -> Track | None:
        """The same recording on another release, by ISRC, that plays in `market`."""
        if track.isrc is None:
            return None
        key = domain.isrc_key(track.isrc)
        found = await self._store.tracks.scan(("refs", [key]), limit=MAX_ALTERNATIVES)
        playable = [it for it in found if domain.plays_in(it, market)]
        return max(playable, key=lambda it: it.rank, default=None)

    def wrote(self, entity: Artist | Album | Track | None) -> None:
        """Remember what this instance has just written."""
        if isinstance(entity, Artist):
            self._artists.remember(entity.artist_id, entity)
        elif isinstance(entity, Album):
            self.albums.remember(entity.album_id, entity)
        elif isinstance(entity, Track):
            self.tracks.remember(entity.track_id, entity)
