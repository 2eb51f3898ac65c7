"""Changes reach every track they concern, and others hear of them at least once, whatever crashes.

A licence or release is written first, flagged; then its tracks' rights, flagged; then all is
published and the flags are taken off. The sweep does again what still carries a flag.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from functions.rights import domain, entitlements, releases
from functions.rights.domain import Licence
from functions.rights.entitlements import Entitlement
from functions.rights.releases import Recording, Release, Track
from functions.rights.store import Store
from shared.events import TrackChanged
from shared.rights.deals import Deal

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=30)
"""A change younger than this is still on its way."""
MAX_ROUNDS = 50
"""Of a sweep; a round finishes up to a hundred of each kind."""


class Publication:
    """Lets tracks follow licences, releases and the catalog, and publishes what changed."""

    def __init__(
        self,
        store: Store,
        publish_many: Callable[[Iterable[Any]], Awaitable[None]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._publish = publish_many
        self._now = now

    async def of(self, licence: Licence) -> dict[str, int]:
        """Let the licence's tracks follow it, and publish both; each track's version.

        Raises Unavailable; the sweep then catches up.
        """
        deals = domain.deals(licence)
        found = await self._store.entitlements.cover(
            licence.licence_id,
            licence.version,
            dict.fromkeys(licence.track_ids, deals),
            self._now(),
        )
        await self._publish([domain.changed(licence, self._now())])
        await self._told(found)
        await self._store.licences.mark_published(licence.licence_id, licence.version)
        return {it.track_id: it.version for it in found}

    async def of_release(self, release: Release) -> dict[str, int]:
        """Let every track that the release covers, or covered, follow it; each track's version.

        Raises Unavailable; the sweep then catches up.
        """
        by_track = await self._covered(release)
        found = await self._store.entitlements.cover(
            release.release_id, release.revision, by_track, self._now()
        )
        told = tuple(id for id, deals in by_track.items() if deals)
        await self._publish(releases.licences_of(release, told, self._now()))
        await self._told(found)
        await self._store.settled(release)
        return {it.track_id: it.version for it in found}

    async def _covered(self, release: Release) -> dict[str, tuple[Deal, ...]]:
        """Tracks and the deals that they get from the release; first, recordings learn of it: a
        track that appears meanwhile finds it there."""
        named = releases.covers(release)
        every = (*named, *release.left)

        def listed(isrc: str) -> Callable[[Recording | None], Recording | None]:
            return lambda known: _listing(known or Recording(isrc), release, isrc in named)

        isrcs = [it for it in every if len(it) == 12]
        known = await self._store.recordings.update_many({it: listed(it) for it in isrcs})
        by_track = {
            track_id: releases.deals_for(release, track_id, isrc, upc or None)
            for isrc, recording in known.items()
            if recording is not None
            for track_id, upc in recording.tracks.items()
        }
        for track_id in (it for it in every if len(it) != 12):
            track = await self._store.tracks.find(track_id)
            isrc, upc = (track.isrc, track.upc) if track else (None, None)
            by_track[track_id] = releases.deals_for(release, track_id, isrc, upc)
        return by_track

    async def on_track_changed(self, event: TrackChanged) -> None:
        """Let a track that appears, or whose ISRC or UPC changed, come under what covers it."""
        told = releases.track_of(event)
        before: list[Track] = []

        def change(known: Track | None) -> Track | None:
            before[:] = [known] if known is not None else []
            if known is not None and known.revision >= told.revision:
                return None
            return told

        after = await self._store.tracks.update(event.track_id, change)
        assert after is not None
        if after.revision != told.revision:
            return
        # Repeated in full when it is delivered again: the last time may have been cut short.
        isrcs = {it.isrc for it in (*before, after) if it.isrc is not None}

        def carried(isrc: str) -> Callable[[Recording | None], Recording | None]:
            return lambda known: _carrying(known or Recording(isrc), after, isrc == after.isrc)

        found = await self._store.recordings.update_many({it: carried(it) for it in isrcs})
        keys = {key for it in found.values() if it is not None for key in it.releases}
        for release in (await self._store.releases.find_many(keys)).values():
            deals = releases.deals_for(release, after.track_id, after.isrc, after.upc)
            covered = await self._store.entitlements.cover(
                release.release_id, release.revision, {after.track_id: deals}, self._now()
            )
            await self._told(covered)

    async def _told(self, found: Iterable[Entitlement]) -> None:
        """Publish rights whose latest version nobody may have heard of."""
        due = [it for it in found if it.unpublished_at is not None]
        if due:
            await self._publish([entitlements.changed(it, self._now()) for it in due])
            await self._store.entitlements.mark_published(due)

    async def sweep(self) -> int:
        """Finish what was written but perhaps never followed or published; how much there was."""
        since, done = self._now() - GRACE, 0
        for _ in range(MAX_ROUNDS):
            licences = await self._store.licences.unpublished(since)
            for licence in licences:
                await self.of(licence)
            unsettled = await self._store.releases.until("unsettled_at", since)
            for release in unsettled:
                await self.of_release(release)
            untold = await self._store.entitlements.unpublished(since)
            await self._told(untold)
            found = len(licences) + len(unsettled) + len(untold)
            done += found
            if not found:
                break
        return done


def _listing(known: Recording, release: Release, covered: bool) -> Recording | None:
    keys = set(known.releases)
    after = keys | {release.release_id} if covered else keys - {release.release_id}
    if after == keys:
        return None
    return Recording(known.isrc, known.tracks, tuple(sorted(after)))


def _carrying(known: Recording, track: Track, carries: bool) -> Recording | None:
    tracks = {id: upc for id, upc in known.tracks.items() if id != track.track_id}
    if carries:
        tracks[track.track_id] = track.upc or ""
    if tracks == known.tracks:
        return None
    return Recording(known.isrc, tracks, known.releases)
