"""Events in: follows, plays, playlists, users. Every handler may run twice, and in any order."""

from datetime import timedelta

from functions.social.feeds import Feeds
from functions.social.people import People
from shared.events import LibraryChanged, PlaylistChanged, TrackPlayed, UserChanged
from shared.ids import derived_id
from shared.web.push import Handler


def handlers(people: People, feeds: Feeds) -> dict[type, Handler]:
    """The handler of each event that social consumes."""

    async def on_library_changed(event: LibraryChanged) -> None:
        if event.kind != "user":
            return
        if await people.apply_follow(event):
            item_id = derived_id("follow", event.user_id, event.item_id)
            data = {"user_id": event.user_id}
            await feeds.tell(
                [event.item_id], item_id, "follow", event.user_id, event.occurred_at, data
            )

    async def on_playlist_changed(event: PlaylistChanged) -> None:
        """News once in a playlist's life: when it is first seen public with something in it."""
        if event.removed or event.visibility != "public" or not event.item_count:
            return
        if event.kind != "list":
            return
        followers = await people.followers(event.owner_id)
        data = {"playlist_id": event.playlist_id, "name": event.name}
        item_id = derived_id("playlist", event.playlist_id)
        await feeds.tell(followers, item_id, "playlist", event.owner_id, event.occurred_at, data)

    async def on_track_played(event: TrackPlayed) -> None:
        ended_at = event.started_at + timedelta(milliseconds=event.ms_played)
        await feeds.plays(
            event.user_id, event.track_id, ended_at, playing=False, since=event.started_at
        )

    async def on_user_changed(event: UserChanged) -> None:
        """A user who is gone leaves nothing behind."""
        await people.apply_user(event)
        if event.removed:
            await people.forget(event.user_id)
            await feeds.forget(event.user_id)

    return {
        LibraryChanged: on_library_changed,
        PlaylistChanged: on_playlist_changed,
        TrackPlayed: on_track_played,
        UserChanged: on_user_changed,
    }
