"""Events in: what the catalog, rights and listeners say. Every handler may run twice."""

from functions.playback.players import Players
from functions.playback.store import Histories, Playables
from shared.events import RightsChanged, TrackChanged, TrackPlayed, UserChanged
from shared.web.push import Handler


def handlers(playables: Playables, histories: Histories, players: Players) -> dict[type, Handler]:
    """The handler of each event that playback consumes."""

    async def on_rights_changed(event: RightsChanged) -> None:
        await playables.apply_rights(event)

    async def on_track_changed(event: TrackChanged) -> None:
        await playables.apply_track(event)

    async def on_track_played(event: TrackPlayed) -> None:
        await histories.add(event)

    async def on_user_changed(event: UserChanged) -> None:
        if event.removed:
            await histories.erase(event.user_id)
            await players.erase(event.user_id)

    return {
        RightsChanged: on_rights_changed,
        TrackChanged: on_track_changed,
        TrackPlayed: on_track_played,
        UserChanged: on_user_changed,
    }
