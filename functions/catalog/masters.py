"""The port to the masters bucket, in the catalog's terms: one object per upload."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from google.cloud.storage import Bucket

from functions.catalog.uploads import Upload
from shared.gcp import storage


class Masters(Protocol):
    """Where masters arrive. Every method may raise Unavailable."""

    async def session(self, upload: Upload, origin: str | None) -> str:
        """The URL to which the client sends the master, resumably."""
        ...

    async def has(self, upload_id: str) -> bool:
        """Whether the master is there, whole."""
        ...

    async def finalize_again(self, upload_id: str) -> bool:
        """Make the master's finalize event fire once more; False when there is no master."""
        ...


def object_name(upload_id: str) -> str:
    """The master's object: opaque, nothing of what the client called it."""
    return f"masters/{upload_id}"


@dataclass(frozen=True, slots=True)
class BucketMasters:
    """Masters in a bucket, its synchronous client kept off the event loop."""

    bucket: Bucket

    async def session(self, upload: Upload, origin: str | None) -> str:
        return await asyncio.to_thread(
            storage.create_session,
            self.bucket,
            object_name(upload.upload_id),
            size_bytes=upload.size_bytes,
            metadata={"upload_id": upload.upload_id, "track_id": upload.track_id},
            origin=origin,
        )

    async def has(self, upload_id: str) -> bool:
        return await asyncio.to_thread(storage.exists, self.bucket, object_name(upload_id))

    async def finalize_again(self, upload_id: str) -> bool:
        return await asyncio.to_thread(storage.finalize_again, self.bucket, object_name(upload_id))
