"""Events in: what the catalog and accounts say. Every handler may run twice."""

from functions.library.domain import KINDS, shelf_id_of
from functions.library.projections import Projections
from functions.library.store import Shelves
from shared.events import AlbumChanged, ArtistChanged, TrackChanged, UserChanged
from shared.web.push import Handler


def handlers(projections: Projections, shelves: Shelves) -> dict[type, Handler]:
    """The handler of each event that the library consumes."""

    async def on_track_changed(event: TrackChanged) -> None:
        await projections.apply_track(event)

    async def on_album_changed(event: AlbumChanged) -> None:
        await projections.apply_album(event)

    async def on_artist_changed(event: ArtistChanged) -> None:
        await projections.apply_artist(event)

    async def on_user_changed(event: UserChanged) -> None:
        """A user who is gone leaves nothing behind: everything that was saved is erased."""
        await projections.apply_user(event)
        if event.removed:
            for kind in KINDS:
                await shelves.erase(shelf_id_of(event.user_id, kind))

    return {
        TrackChanged: on_track_changed,
        AlbumChanged: on_album_changed,
        ArtistChanged: on_artist_changed,
        UserChanged: on_user_changed,
    }
