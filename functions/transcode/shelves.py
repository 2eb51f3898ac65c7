"""Buckets: masters come from one, published files go to two. Ports, and Cloud Storage behind them.

Synchronous, like the official client: call from a thread.
"""

import base64
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shared.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Bucket

IMMUTABLE = "public, max-age=31536000, immutable"
TIMEOUT_S = 60
_AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class File:
    """A local file and the object it becomes."""

    path: Path
    name: str
    content_type: str


class Masters(Protocol):
    """The bucket that uploads land in."""

    def download(self, name: str, generation: int | None, target: Path) -> None:
        """The object's bytes into `target`.

        Raises:
            NotFound: no such object, or not in that generation any more.
            Unavailable: the storage did not answer.
        """
        ...

    def describe(self, name: str, generation: int | None) -> tuple[int, Mapping[str, str]]:
        """The object's size in bytes and its metadata. Raises as `download`."""
        ...


class Shelf(Protocol):
    """A bucket of immutable, published files."""

    def put(self, files: Iterable[File]) -> None:
        """Make every file an object; one that is there with the same bytes is left alone.

        Raises:
            Unavailable: the storage did not answer, or two writers disagree at this moment.
        """
        ...


class StoredMasters:
    """Masters in Cloud Storage."""

    def __init__(self, bucket: "Bucket") -> None:
        self._bucket = bucket

    def describe(self, name: str, generation: int | None) -> tuple[int, Mapping[str, str]]:
        from google.api_core import exceptions

        try:
            blob = self._bucket.get_blob(name, generation=generation, timeout=TIMEOUT_S)
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{name}: {error}") from error
        if blob is None:
            raise NotFound(f"no object {name}", code="MASTER_NOT_FOUND")
        return int(blob.size or 0), dict(blob.metadata or {})

    def download(self, name: str, generation: int | None, target: Path) -> None:
        from google.api_core import exceptions

        blob = self._bucket.blob(name, generation=generation)
        try:
            # Raw: a master stored with an encoding is not to be unpacked on the way.
            blob.download_to_filename(str(target), raw_download=True, timeout=TIMEOUT_S)
        except exceptions.NotFound as error:
            raise NotFound(f"no object {name}", code="MASTER_NOT_FOUND") from error
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{name}: {error}") from error


class StoredShelf:
    """Published files in Cloud Storage."""

    def __init__(self, bucket: "Bucket") -> None:
        self._bucket = bucket

    def put(self, files: Iterable[File]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._put, files))

    def _put(self, file: File) -> None:
        from google.api_core import exceptions

        blob = self._bucket.blob(file.name)
        blob.cache_control = IMMUTABLE
        try:
            try:
                _upload(blob, file, generation=0)
            except exceptions.PreconditionFailed:
                blob.reload(timeout=TIMEOUT_S)
                if blob.crc32c != crc32c(file.path):
                    # Left by an attempt that died before it published: nobody refers to it yet.
                    blob.cache_control = IMMUTABLE
                    _upload(blob, file, generation=blob.generation)
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{file.name}: {error}") from error


def _upload(blob: "Blob", file: File, generation: int | None) -> None:
    blob.upload_from_filename(
        str(file.path),
        content_type=file.content_type,
        if_generation_match=generation,
        checksum="crc32c",
        timeout=TIMEOUT_S,
    )


def crc32c(path: Path) -> str:
    """The checksum as Cloud Storage states it: big-endian, base64."""
    import google_crc32c

    checksum = google_crc32c.Checksum()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            checksum.update(chunk)
    return base64.b64encode(checksum.digest()).decode()
