"""Where licences, releases, recordings and what follows from them for each track are kept."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from functions.rights import domain, entitlements
from functions.rights.domain import Licence
from functions.rights.entitlements import Entitlement
from functions.rights.releases import Recording, Release, Track
from shared.errors import NotFound
from shared.gcp.documents import Documents
from shared.rights.deals import Deal

COLLECTIONS: dict[str, tuple[str, type[Any], str]] = {
    "licences": ("licences", Licence, "licence"),
    "entitlements": ("entitlements", Entitlement, "entitlement"),
    "releases": ("rights_releases", Release, "release"),
    "recordings": ("rights_recordings", Recording, "recording"),
    "tracks": ("rights_tracks", Track, "track"),
}
"""Collection, class and name of a document, by the store's field."""


class Licences:
    """Licences by id, and those whose latest change nobody may have heard of."""

    def __init__(self, documents: Documents[Licence]) -> None:
        self._documents = documents

    async def create(self, licence: Licence) -> None:
        """Keep a new licence. Raises Conflict when its id is taken."""
        await self._documents.create(licence.licence_id, licence)

    async def withdraw(self, licence_id: str, at: datetime) -> Licence:
        """Withdraw it, once. Raises NotFound (LICENCE_NOT_FOUND)."""

        def change(licence: Licence | None) -> Licence | None:
            return None if licence is None else domain.withdraw(licence, at)

        licence = await self._documents.update(licence_id, change)
        if licence is None:
            raise NotFound(f"no licence {licence_id}", code="LICENCE_NOT_FOUND")
        return licence

    async def mark_published(self, licence_id: str, version: int) -> None:
        """Remember that this version was published."""

        def change(licence: Licence | None) -> Licence | None:
            return None if licence is None else domain.published(licence, version)

        await self._documents.update(licence_id, change)

    async def unpublished(self, since: datetime) -> list[Licence]:
        """Licences written at or before `since` whose publication was never confirmed."""
        return await self._documents.until("unpublished_at", since)


class Entitlements:
    """Each track's rights by track id."""

    def __init__(self, documents: Documents[Entitlement]) -> None:
        self._documents = documents

    async def get(self, track_id: str) -> Entitlement:
        """The track's rights; version 0 if nothing was ever said."""
        return await self._documents.find(track_id) or Entitlement(track_id)

    async def cover(
        self, key: str, stamp: int, by_track: dict[str, tuple[Deal, ...]], at: datetime
    ) -> list[Entitlement]:
        """Let source `key` cover tracks by these deals (none: no longer); their rights now."""

        def change(track_id: str):
            return lambda known: entitlements.with_source(
                known or Entitlement(track_id), key, stamp, by_track[track_id], at
            )

        found = await self._documents.update_many({id: change(id) for id in by_track})
        return [it for it in found.values() if it is not None]

    async def mark_published(self, known: Iterable[Entitlement]) -> None:
        """Remember that these versions were published."""
        versions = {it.track_id: it.version for it in known}

        def change(track_id: str):
            return lambda now: now and entitlements.published(now, versions[track_id])

        await self._documents.update_many({id: change(id) for id in versions})

    async def unpublished(self, since: datetime) -> list[Entitlement]:
        """Rights written at or before `since` whose publication was never confirmed."""
        return await self._documents.until("unpublished_at", since)


@dataclass(frozen=True, slots=True)
class Store:
    """All collections of the service."""

    licences: Licences
    entitlements: Entitlements
    releases: Documents[Release]
    recordings: Documents[Recording]
    tracks: Documents[Track]

    async def settled(self, release: Release) -> None:
        """Remember that everything followed this revision of the release."""

        def change(now: Release | None) -> Release | None:
            if now is None or now.revision != release.revision or now.unsettled_at is None:
                return None
            return replace(now, unsettled_at=None, left=())

        await self.releases.update(release.release_id, change)


def store(documents: Any) -> Store:
    """A store of what `documents(collection, class, name)` makes."""
    made = {name: documents(*about) for name, about in COLLECTIONS.items()}
    return Store(
        Licences(made["licences"]),
        Entitlements(made["entitlements"]),
        made["releases"],
        made["recordings"],
        made["tracks"],
    )
