"""Events in: what the catalog, rights and listeners say. Every handler may run twice."""

import asyncio

from functions.playback.store import Histories, Playables
from shared.events import LicenceChanged, TrackChanged, TrackPlayed
from shared.web.push import Handler

AT_ONCE = 16
"""Documents of one licence written side by side."""


def handlers(playables: Playables, histories: Histories) -> dict[type, Handler]:
    """The handler of each event that playback consumes."""

    async def on_licence_changed(event: LicenceChanged) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def apply(track_id: str) -> None:
            async with gate:
                await playables.apply_licence(track_id, event)

        await asyncio.gather(*(apply(track_id) for track_id in event.track_ids))

    async def on_track_changed(event: TrackChanged) -> None:
        await playables.apply_track(event)

    async def on_track_played(event: TrackPlayed) -> None:
        await histories.add(event)

    return {
        LicenceChanged: on_licence_changed,
        TrackChanged: on_track_changed,
        TrackPlayed: on_track_played,
    }
