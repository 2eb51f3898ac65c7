"""Cards by id, kept up by events, and what was read a moment ago not read again."""

from collections.abc import Iterable

from shared.events import AlbumChanged, ArtistChanged, TrackChanged, UserChanged
from shared.gcp.recent import Recent
from shared.webapi import cards
from shared.webapi.cards import AlbumCard, ArtistCard, TrackCard, UserCard

TRACKS = "library_tracks"
ALBUMS = "library_albums"
ARTISTS = "library_artists"
USERS = "library_users"


class Projections:
    """What the library knows of the things that it holds."""

    def __init__(
        self,
        tracks: Recent[TrackCard],
        albums: Recent[AlbumCard],
        artists: Recent[ArtistCard],
        users: Recent[UserCard],
    ) -> None:
        self.tracks = tracks
        self.albums = albums
        self.artists = artists
        self.users = users

    async def survivors(self, ids: Iterable[str]) -> dict[str, ArtistCard]:
        """The artists that `ids` stand for now, by the ids asked for."""
        asked = list(dict.fromkeys(ids))
        known = await self.artists.chased(asked, lambda it: (it.merged_into,))
        return {id: known[last] for id in asked if (last := _last(id, known)) in known}

    async def family(self, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """For each of `ids`, every id that means the same artist, its own among them."""
        asked = list(dict.fromkeys(ids))
        survivors = await self.survivors(asked)
        known = {it.artist_id: it for it in survivors.values()}
        absorbed = {id for it in known.values() for id in it.absorbed} - known.keys()
        known |= await self.artists.chased(absorbed, lambda it: it.absorbed)

        def all_of(id: str) -> tuple[str, ...]:
            same = {id: None}
            waiting = [survivors[id].artist_id] if id in survivors else []
            while waiting:
                other = waiting.pop()
                same[other] = None
                absorbed = known[other].absorbed if other in known else ()
                waiting += [it for it in absorbed if it not in same]
            return tuple(same)

        return {id: all_of(id) for id in asked}

    async def apply_track(self, event: TrackChanged) -> None:
        await self.tracks.apply(event.track_id, lambda known: cards.track_card(known, event))

    async def apply_album(self, event: AlbumChanged) -> None:
        await self.albums.apply(event.album_id, lambda known: cards.album_card(known, event))

    async def apply_artist(self, event: ArtistChanged) -> None:
        """The artist, and that the one it was merged into answers for it."""
        await self.artists.apply(event.artist_id, lambda known: cards.artist_card(known, event))
        into = event.merged_into
        if into is not None:
            await self.artists.apply(
                into, lambda known: cards.absorbing(known, into, event.artist_id)
            )

    async def apply_user(self, event: UserChanged) -> None:
        await self.users.apply(event.user_id, lambda known: cards.user_card(known, event))


def _last(id: str, known: dict[str, ArtistCard]) -> str:
    """The end of the redirects from `id`; merges in a ring end where they began."""
    seen = {id}
    while id in known and (into := known[id].merged_into) is not None and into not in seen:
        seen.add(into)
        id = into
    return id
