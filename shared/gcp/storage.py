"""Cloud Storage, through the official synchronous client: call these from a thread.

The client itself honours STORAGE_EMULATOR_HOST.
"""

from collections.abc import Mapping

from google.api_core import exceptions
from google.cloud.storage import Bucket, Client
from google.cloud.storage.retry import DEFAULT_RETRY

from shared.errors import Unavailable

TIMEOUT_S = 10
_RETRY = DEFAULT_RETRY.with_timeout(2 * TIMEOUT_S)


def bucket(project: str, name: str) -> Bucket:
    """The bucket of that name, without asking whether it exists."""
    return Client(project=project).bucket(name)


def create_session(
    bucket: Bucket, name: str, *, size_bytes: int, metadata: Mapping[str, str], origin: str | None
) -> str:
    """The URL of a resumable session that creates object `name`, never replacing one.

    Whoever holds the URL may upload, for a week; `size_bytes` is enforced by the storage.
    `origin` lets a browser page of that origin use it.

    Raises:
        Unavailable: the storage refused or did not answer.
    """
    blob = bucket.blob(name)
    blob.metadata = dict(metadata)
    try:
        url = blob.create_resumable_upload_session(
            content_type="application/octet-stream",
            size=size_bytes,
            origin=origin,
            if_generation_match=0,
            timeout=TIMEOUT_S,
        )
    except (exceptions.GoogleAPIError, OSError) as error:
        raise Unavailable(f"no upload session: {error}") from error
    if url is None:
        raise Unavailable("no upload session: the storage named no URL")
    return url


def exists(bucket: Bucket, name: str) -> bool:
    """Whether object `name` is there, whole. Needs storage.objects.get.

    Raises:
        Unavailable: the storage did not answer.
    """
    try:
        return bucket.blob(name).exists(timeout=TIMEOUT_S, retry=_RETRY)
    except (exceptions.GoogleAPIError, OSError) as error:
        raise Unavailable(f"object {name} could not be looked up: {error}") from error


def finalize_again(bucket: Bucket, name: str) -> bool:
    """Rewrite object `name` onto itself, so that its finalize event fires again.

    Bytes and metadata stay, the generation changes. False when there is no such object.

    Raises:
        Unavailable: the storage refused or did not answer.
    """
    try:
        source = bucket.get_blob(name, timeout=TIMEOUT_S, retry=_RETRY)
        if source is None:
            return False
        target = bucket.blob(name)
        target.metadata = source.metadata
        target.content_type = source.content_type
        token: str | None = None
        while True:
            token, _, _ = target.rewrite(
                source,
                token=token,
                if_generation_match=source.generation,
                if_source_generation_match=source.generation,
                timeout=TIMEOUT_S,
            )
            if token is None:
                return True
    except exceptions.PreconditionFailed:
        return True  # another instance rewrote it meanwhile, so the event has fired
    except (exceptions.GoogleAPIError, OSError) as error:
        raise Unavailable(f"object {name} could not be rewritten: {error}") from error
