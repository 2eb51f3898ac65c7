"""Events in. Every handler may run twice, and out of order."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from functions.recommendations import taste as tastes
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.known import artist_after, artist_ids, track_after
from functions.recommendations.listeners import Listeners
from functions.recommendations.reading import Reading
from functions.recommendations.serving import Serving
from functions.recommendations.store import MixCard, Mixes, Store
from shared.events import (
    ArtistChanged,
    LibraryChanged,
    LyricsChanged,
    MixPublished,
    PlaylistChanged,
    TrackChanged,
    TrackPlayed,
    UserChanged,
)
from shared.web.push import Handler
from shared.webapi import cards
from shared.webapi.cards import TrackCard

COVERS = 4


def handlers(
    store: Store,
    listeners: Listeners,
    serving: Serving,
    catalogue: Catalogue,
    reading: Reading,
    *,
    now: Callable[[], datetime],
) -> dict[type, Handler]:
    """The handler of each event."""

    async def on_track_changed(event: TrackChanged) -> None:
        known = await store.tracks.update(
            event.track_id, lambda known: track_after(known, event, now())
        )
        if known is not None:
            catalogue.put(known)

    async def on_artist_changed(event: ArtistChanged) -> None:
        known = await store.artists.update(
            event.artist_id, lambda known: artist_after(known, event, now())
        )
        if known is not None:
            catalogue.put_artist(known)

    async def on_track_played(event: TrackPlayed) -> None:
        card = await _card(event.track_id)
        artists = artist_ids(card.credits) if card else ()
        duration_ms = card.duration_ms if card else None
        await listeners.update(
            event.user_id, lambda taste: tastes.played(taste, event, artists, duration_ms)
        )

    async def _card(track_id: str) -> TrackCard | None:
        card = catalogue.cards.get(track_id)
        if card is None and (found := await store.tracks.find(track_id)) is not None:
            card = found.card
        return card

    async def on_library_changed(event: LibraryChanged) -> None:
        await listeners.update(
            event.user_id,
            lambda taste: tastes.followed(taste, event.kind, event.item_id, event.saved),
        )
        if event.kind in ("artist", "user"):
            serving.forget(event.user_id)

    async def on_user_changed(event: UserChanged) -> None:
        await store.people.update(event.user_id, lambda known: cards.user_card(known, event))
        if event.removed:
            serving.forget(event.user_id)
            await store.tastes.delete_many([event.user_id])
            await store.mixes.delete_many([event.user_id])
            listeners.forget(event.user_id)

    async def on_mix_published(event: MixPublished) -> None:
        covers = (catalogue.cards.get(id) for id in event.track_ids)
        ids = dict.fromkeys(it.cover_id for it in covers if it and it.cover_id)
        card = MixCard(
            event.playlist_id,
            event.kind,
            event.number,
            event.title,
            event.description,
            event.generation,
            tuple(ids)[:COVERS],
            event.occurred_at,
        )

        def with_mix(known: Mixes | None) -> Mixes | None:
            mixes = dict(known.mixes) if known else {}
            before = mixes.get(card.playlist_id)
            if before is not None and (before.generation, before.at) >= (card.generation, card.at):
                return None
            return Mixes(event.user_id, {**mixes, card.playlist_id: card})

        await store.mixes.update(event.user_id, with_mix)

    found: dict[type, Callable[..., Awaitable[None]]] = {
        ArtistChanged: on_artist_changed,
        LibraryChanged: on_library_changed,
        LyricsChanged: reading.lyrics,
        MixPublished: on_mix_published,
        PlaylistChanged: reading.playlist,
        TrackChanged: on_track_changed,
        TrackPlayed: on_track_played,
        UserChanged: on_user_changed,
    }
    return found
