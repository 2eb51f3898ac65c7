"""Events in: what the catalog, rights and listeners say. Every handler may run twice."""

from functions.playback.store import Histories, Playables
from shared.events import RightsChanged, TrackChanged, TrackPlayed
from shared.web.push import Handler


def handlers(playables: Playables, histories: Histories) -> dict[type, Handler]:
    """The handler of each event that playback consumes."""

    async def on_rights_changed(event: RightsChanged) -> None:
        await playables.apply_rights(event)

    async def on_track_changed(event: TrackChanged) -> None:
        await playables.apply_track(event)

    async def on_track_played(event: TrackPlayed) -> None:
        await histories.add(event)

    return {
        RightsChanged: on_rights_changed,
        TrackChanged: on_track_changed,
        TrackPlayed: on_track_played,
    }
