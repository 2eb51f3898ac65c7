"""Reads for the Web API: merges followed, and what was read a moment ago not read again."""

from collections.abc import Callable, Iterable

from functions.catalog import artists, domain
from functions.catalog.model import Album, Artist, Track
from functions.catalog.store import Store
from shared.gcp.recent import MAX_HOPS, Recent

MAX_ALTERNATIVES = 20


class Reading:
    """Tracks, albums and artists by any id that they ever had.

    What was read at most `ttl_s` ago may be answered again; what this instance itself wrote is
    known to it at once (`wrote`).
    """

    def __init__(self, store: Store, *, ttl_s: float, clock: Callable[[], float]) -> None:
        self._store = store
        self.tracks: Recent[Track] = Recent(store.tracks, ttl_s=ttl_s, clock=clock)
        self.albums: Recent[Album] = Recent(store.albums, ttl_s=ttl_s, clock=clock)
        self._artists: Recent[Artist] = Recent(store.artists, ttl_s=ttl_s, clock=clock)

    async def artists(self, ids: Iterable[str]) -> dict[str, Artist]:
        """The artists that `ids` stand for now, by the ids asked for."""
        asked = list(dict.fromkeys(ids))
        known = await self._artists.chased(asked, lambda it: (it.merged_into,))
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
