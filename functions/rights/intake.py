"""Messages in: each release replaced, its tracks following, plays held against it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from functions.rights import releases
from functions.rights.publication import Publication
from functions.rights.releases import Release
from functions.rights.store import Store
from functions.rights.takedown import Confirm
from shared.errors import Unavailable

log = logging.getLogger(__name__)

IMPORTED, PURGED, UNCHANGED, STALE = "imported", "purged", "unchanged", "stale"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a release. `waiting`: ISRCs that no track of ours carries yet; `effective`:
    every play is already held against it."""

    release: Release
    status: str
    tracks: int
    waiting: tuple[str, ...]
    effective: bool


class Intake:
    """Takes releases as licensors tell them, in whatever order."""

    def __init__(
        self,
        store: Store,
        publication: Publication,
        confirm: Confirm,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._publication = publication
        self._confirm = confirm
        self._now = now

    async def take(self, told: Release, token: str) -> Outcome:
        """Replace the release's deals by `told`, unless it was made before what is known.

        `token` is the caller's own.
        """
        told = replace(told, release_id=await self._id_of(told))
        at = self._now()
        replaced: list[bool] = []

        def change(known: Release | None) -> Release | None:
            after = releases.succeeded(known, told, at)
            replaced[:] = [after is not None]
            return after

        release = await self._store.releases.update(told.release_id, change)
        assert release is not None
        if not replaced[0]:
            same = (release.message_at, release.message_id) == (told.message_at, told.message_id)
            if release.unsettled_at is None or not same:
                status = UNCHANGED if same else STALE
                return Outcome(release, status, 0, (), effective=True)
        versions = await self._publication.of_release(release)
        status = PURGED if release.purged else IMPORTED
        effective = await self._is_effective(versions, token)
        waiting = await self._waiting(release)
        return Outcome(release, status, len(versions), waiting, effective)

    async def _id_of(self, told: Release) -> str:
        """The id of the licensor's release that goes by one of these names, else a new one."""
        names = releases.matching(told.names)
        found = await self._store.releases.scan(("names", names), limit=20) if names else []
        same = [it for it in found if it.licensor_id == told.licensor_id]
        return same[0].release_id if same else told.release_id

    async def _is_effective(self, versions: dict[str, int], token: str) -> bool:
        try:
            await self._confirm(versions, token)
        except Unavailable as error:
            log.warning("not yet effective", exc_info=error)
            return False
        return True

    async def _waiting(self, release: Release) -> tuple[str, ...]:
        isrcs = [it.isrc for it in release.covered if it.isrc is not None]
        known = await self._store.recordings.find_many(isrcs)
        return tuple(it for it in isrcs if it not in known or not known[it].tracks)
