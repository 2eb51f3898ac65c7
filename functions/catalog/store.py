"""Where uploads, tracks and the claims on recordings are kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from functions.catalog import domain
from functions.catalog.domain import AudioOwner, Master, Track
from functions.catalog.uploads import Upload
from shared.gcp.documents import Documents

UPLOADS = "uploads"
TRACKS = "tracks"
AUDIO_OWNERS = "audio_owners"
MASTERS = "masters"


@dataclass(frozen=True, slots=True)
class Store:
    """The catalog's four collections. A track's document exists once the track is ready."""

    uploads: Documents[Upload]
    tracks: Documents[Track]
    audio_owners: Documents[AudioOwner]
    masters: Documents[Master]

    async def change_upload(
        self, upload_id: str, change: Callable[[Upload], Upload | None]
    ) -> Upload | None:
        """Apply `change` to an upload; answer how it now stands, None if there is none."""

        def applied(upload: Upload | None) -> Upload | None:
            return None if upload is None else change(upload)

        return await self.uploads.update(upload_id, applied)

    async def owner_of(self, owner: AudioOwner) -> AudioOwner:
        """Claim a recording for a track; answer whose it is. The first claim stands."""
        return await self.audio_owners.claim(owner.audio_id, owner)

    async def mark_published(self, track_id: str, revision: int) -> None:
        """Remember that this revision was published."""

        def change(track: Track | None) -> Track | None:
            return None if track is None else domain.published(track, revision)

        await self.tracks.update(track_id, change)

    async def unpublished(self, since: datetime) -> list[Track]:
        """Tracks written at or before `since` whose publication was never confirmed."""
        return await self.tracks.until("unpublished_at", since)

    async def due(self, at: datetime) -> list[Upload]:
        """Unsettled uploads that the sweep should look at by `at`, oldest first."""
        return await self.uploads.until("due_at", at)
