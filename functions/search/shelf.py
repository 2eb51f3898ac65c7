"""The bucket of generations: the port, and Cloud Storage behind it. Synchronous, as its client."""

from pathlib import Path
from typing import Protocol

from google.api_core import exceptions
from google.cloud.storage import Bucket
from google.cloud.storage.retry import DEFAULT_RETRY

from shared.errors import NotFound, Unavailable

TIMEOUT_S = 60


class Shelf(Protocol):
    """Immutable objects, and one that is replaced by compare-and-swap.

    Every method may raise Unavailable: the storage refused or did not answer.
    """

    def read(self, name: str) -> tuple[bytes, int] | None:
        """An object and its version; None if there is none."""
        ...

    def swap(self, name: str, data: bytes, version: int) -> bool:
        """Replace the object if it is still of `version` (0: if there is none).

        False if it is not: somebody else was first.
        """
        ...

    def upload(self, name: str, path: Path) -> None:
        """A file as a new object."""
        ...

    def download(self, name: str, path: Path) -> None:
        """An object as a file.

        Raises:
            NotFound: it is gone (code OBJECT_NOT_FOUND).
        """
        ...

    def names(self, prefix: str) -> list[str]:
        """The names of all objects that start with `prefix`."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object; one that is gone already is no error."""
        ...


class BucketShelf:
    """A `Shelf` in Cloud Storage. Transient failures are retried for `patience_s`: little in a
    service, which asks again soon and must end when it is told to."""

    def __init__(self, bucket: Bucket, *, patience_s: float = 120.0) -> None:
        self._bucket = bucket
        self._retry = DEFAULT_RETRY.with_timeout(patience_s)

    def read(self, name: str) -> tuple[bytes, int] | None:
        try:
            blob = self._bucket.get_blob(name, timeout=TIMEOUT_S, retry=self._retry)
            if blob is None:
                return None
            generation = int(blob.generation or 0)
            data = blob.download_as_bytes(
                if_generation_match=generation, timeout=TIMEOUT_S, retry=self._retry
            )
            return data, generation
        except (exceptions.NotFound, exceptions.PreconditionFailed) as error:
            raise Unavailable(f"{name} was replaced while it was read") from error
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{name} could not be read: {error}") from error

    def swap(self, name: str, data: bytes, version: int) -> bool:
        try:
            self._bucket.blob(name).upload_from_string(
                data, "application/json", if_generation_match=version, timeout=TIMEOUT_S
            )
        except exceptions.PreconditionFailed:
            # A lost answer is retried by the client and then finds its own work done.
            found = self.read(name)
            return found is not None and found[0] == data
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{name} could not be replaced: {error}") from error
        return True

    def upload(self, name: str, path: Path) -> None:
        try:
            self._bucket.blob(name).upload_from_filename(
                str(path), "application/octet-stream", timeout=TIMEOUT_S, retry=self._retry
            )
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{name} could not be written: {error}") from error

    def download(self, name: str, path: Path) -> None:
        try:
            self._bucket.blob(name).download_to_filename(
                str(path), timeout=TIMEOUT_S, retry=self._retry
            )
        except exceptions.NotFound as error:
            raise NotFound(f"no object {name}", code="OBJECT_NOT_FOUND") from error
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{name} could not be read: {error}") from error

    def names(self, prefix: str) -> list[str]:
        try:
            blobs = self._bucket.list_blobs(prefix=prefix, timeout=TIMEOUT_S, retry=self._retry)
            return [blob.name for blob in blobs]
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{prefix} could not be listed: {error}") from error

    def delete(self, name: str) -> None:
        try:
            self._bucket.blob(name).delete(timeout=TIMEOUT_S, retry=self._retry)
        except exceptions.NotFound:
            return
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{name} could not be deleted: {error}") from error
