"""Pictures in the images bucket, where the CDN serves them from."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from google.api_core import exceptions
from google.cloud.storage import Bucket

from shared import covers
from shared.errors import Invalid, Unavailable

TIMEOUT_S = 10


class Images(Protocol):
    """Where pictures are kept, by name; what is there is never replaced."""

    async def put(self, name: str, jpeg: bytes) -> None:
        """Keep a picture. Raises Unavailable."""
        ...

    async def get(self, name: str) -> bytes:
        """A picture. Raises Unavailable, also when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class BucketImages:
    """Pictures in a bucket, its synchronous client kept off the event loop."""

    bucket: Bucket

    async def put(self, name: str, jpeg: bytes) -> None:
        await asyncio.to_thread(self._put, name, jpeg)

    async def get(self, name: str) -> bytes:
        return await asyncio.to_thread(self._get, name)

    def _put(self, name: str, jpeg: bytes) -> None:
        blob = self.bucket.blob(name)
        # Named by its content, so it never changes.
        blob.cache_control = "public, max-age=31536000, immutable"
        try:
            blob.upload_from_string(
                jpeg, content_type="image/jpeg", if_generation_match=0, timeout=TIMEOUT_S
            )
        except exceptions.PreconditionFailed:
            return  # the very same picture is there
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"the picture was not kept: {error}") from error

    def _get(self, name: str) -> bytes:
        try:
            return self.bucket.blob(name).download_as_bytes(timeout=TIMEOUT_S)
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"picture {name} was not read: {error}") from error


async def keep(images: Images, picture: bytes) -> str:
    """Re-encode a picture in every size and keep it; its id.

    Raises:
        Invalid: no picture, or one with too many pixels (code INVALID_IMAGE).
        Unavailable: the bucket did not answer.
    """
    try:
        cover_id, sizes = await asyncio.to_thread(covers.encode, picture)
    except covers.Unusable as error:
        message = f"not a usable picture: {error}"[:200]
        raise Invalid(message, code="INVALID_IMAGE") from error
    await asyncio.gather(
        *(
            images.put(f"images/{covers.object_name(cover_id, px)}", jpeg)
            for px, jpeg in sizes.items()
        )
    )
    return cover_id
