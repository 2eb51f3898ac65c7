"""The bucket of ledgers and statements: the port, and Cloud Storage behind it. Synchronous."""

from typing import Protocol

from google.api_core import exceptions
from google.cloud.storage import Bucket
from google.cloud.storage.retry import DEFAULT_RETRY

from shared.errors import Unavailable

TIMEOUT_S = 60


class Vault(Protocol):
    """Objects that are made once and never replaced, and provisional ones that are.

    Every method may raise Unavailable: the storage refused or did not answer.
    """

    def read(self, name: str) -> bytes | None:
        """An object; None if there is none."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Make an object; False if one of that name is there already, which stays."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Make an object, or replace it."""
        ...


class Reading:
    """Of a `Vault` in Cloud Storage, what a service needs."""

    def __init__(self, bucket: Bucket, *, patience_s: float = 10.0) -> None:
        self._bucket = bucket
        self._retry = DEFAULT_RETRY.with_timeout(patience_s)

    def read(self, name: str) -> bytes | None:
        try:
            return self._bucket.blob(name).download_as_bytes(timeout=TIMEOUT_S, retry=self._retry)
        except exceptions.NotFound:
            return None
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{name} could not be read: {error}") from error


class BucketVault(Reading):
    """A `Vault` in Cloud Storage."""

    def create(self, name: str, data: bytes) -> bool:
        try:
            self._bucket.blob(name).upload_from_string(
                data, "application/json", if_generation_match=0, timeout=TIMEOUT_S
            )
        except exceptions.PreconditionFailed:
            return False
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{name} could not be made: {error}") from error
        return True

    def replace(self, name: str, data: bytes) -> None:
        try:
            self._bucket.blob(name).upload_from_string(
                data, "application/json", timeout=TIMEOUT_S, retry=DEFAULT_RETRY
            )
        except (exceptions.GoogleAPIError, OSError) as error:
            raise Unavailable(f"{name} could not be written: {error}") from error
