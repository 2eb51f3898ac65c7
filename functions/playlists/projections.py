"""What playlists know of tracks, albums and users, from the events of their owners."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.events import AlbumChanged, TrackChanged, UserChanged
from shared.gcp.documents import Documents
from shared.gcp.recent import Recent
from shared.webapi import cards
from shared.webapi.cards import AlbumCard, TrackCard, UserCard

TRACKS = "playlist_tracks"
ALBUMS = "playlist_albums"
USERS = "playlist_users"
MAX_KEYS = 40


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """A track and how it is found: `keys` as `genre:jazz`, `year:1999`, `isrc:SE…`; `rank` orders
    by popularity, most popular first."""

    card: TrackCard
    keys: tuple[str, ...]
    rank: str


class Projections:
    """Cards by id. `facts` are the documents of `tracks`, for those who search them."""

    def __init__(
        self,
        facts: Documents[TrackFacts],
        tracks: Recent[TrackFacts],
        albums: Recent[AlbumCard],
        users: Recent[UserCard],
    ) -> None:
        self._facts = facts
        self._tracks = tracks
        self.albums = albums
        self.users = users

    async def tracks(self, ids: Iterable[str]) -> dict[str, TrackCard]:
        """Those of `ids` that are known."""
        return {id: it.card for id, it in (await self._tracks.many(ids)).items()}

    async def having(self, keys: list[str], *, after: str | None = None, limit: int = 300):
        """Tracks that have one of `keys` (30 at most), most popular first."""
        return await self._facts.scan(("keys", keys), order_by="rank", after=after, limit=limit)

    async def standing_in(self, cards: Iterable[TrackCard]) -> dict[str, TrackCard]:
        """For tracks that do not play: another that plays and is the same recording, by ISRC."""
        by_isrc = {it.isrc: it.track_id for it in cards if it.isrc and not it.plays}
        found: dict[str, TrackCard] = {}
        wanted = [f"isrc:{isrc}" for isrc in by_isrc]
        for start in range(0, len(wanted), 30):
            for it in await self.having(wanted[start : start + 30]):
                if it.card.plays and it.card.isrc in by_isrc:
                    found.setdefault(by_isrc[it.card.isrc], it.card)
        return found

    async def apply_track(self, event: TrackChanged) -> None:
        def change(known: TrackFacts | None) -> TrackFacts | None:
            card = cards.track_card(known.card if known else None, event)
            return None if card is None else facts_of(card)

        await self._tracks.apply(event.track_id, change)

    async def apply_album(self, event: AlbumChanged) -> None:
        await self.albums.apply(event.album_id, lambda known: cards.album_card(known, event))

    async def apply_user(self, event: UserChanged) -> None:
        await self.users.apply(event.user_id, lambda known: cards.user_card(known, event))


def facts_of(card: TrackCard) -> TrackFacts:
    keys = [
        *([f"isrc:{card.isrc}"] if card.isrc else []),
        *(["plays"] if card.plays else []),
        *([f"year:{card.release_date[:4]}"] if card.release_date else []),
        *(f"genre:{it.casefold()}" for it in card.genres),
        *(f"mood:{it.casefold()}" for it in card.moods),
        *([f"label:{card.label.casefold()}"] if card.label else []),
        *([f"album:{card.album_id}"] if card.album_id else []),
        *(f"artist:{it.name.casefold()}" for it in card.credits if it.role in ("main", "featured")),
    ]
    unpopularity = 100 - max(0, min(100, card.popularity))
    return TrackFacts(
        card, tuple(dict.fromkeys(keys))[:MAX_KEYS], f"{unpopularity:03d}{card.track_id}"
    )
