"""Events in: the catalog, users, libraries, plays and mixes. Every handler may run twice."""

from functions.playlists.listening import Listening
from functions.playlists.mixes import Mixes
from functions.playlists.playlists import Playlists
from functions.playlists.projections import Projections
from functions.playlists.smart import Smart
from shared.events import (
    AlbumChanged,
    LibraryChanged,
    MixPublished,
    TrackChanged,
    TrackPlayed,
    UserChanged,
)
from shared.web.push import Handler


def handlers(
    projections: Projections,
    playlists: Playlists,
    listening: Listening,
    smart: Smart,
    mixes: Mixes,
) -> dict[type, Handler]:
    """The handler of each event that playlists consume."""

    async def on_track_changed(event: TrackChanged) -> None:
        await projections.apply_track(event)

    async def on_album_changed(event: AlbumChanged) -> None:
        await projections.apply_album(event)

    async def on_user_changed(event: UserChanged) -> None:
        """A user who is gone leaves no playlists behind."""
        await projections.apply_user(event)
        if event.removed:
            shelf = playlists.shelf
            own = await shelf.owned(event.user_id) + [*await shelf.deleted(event.user_id)]
            for playlist_id in own:
                await playlists.erase(playlist_id, event.user_id)
            await listening.forget(event.user_id)

    async def on_library_changed(event: LibraryChanged) -> None:
        if event.kind == "playlist":
            await playlists.shelf.follow(
                event.user_id, event.item_id, event.saved, event.occurred_at
            )
        elif event.kind == "track":
            await listening.liked(event.user_id, event.item_id, event.saved, event.occurred_at)
            smart.heard(event.user_id)

    async def on_track_played(event: TrackPlayed) -> None:
        await listening.played(event)
        smart.heard(event.user_id)

    async def on_mix_published(event: MixPublished) -> None:
        await mixes.publish(event)

    return {
        TrackChanged: on_track_changed,
        AlbumChanged: on_album_changed,
        UserChanged: on_user_changed,
        LibraryChanged: on_library_changed,
        TrackPlayed: on_track_played,
        MixPublished: on_mix_published,
    }
