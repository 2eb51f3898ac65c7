"""Which bucket and object names exist. Names never become file names, so any legal one is safe.

Source: cloud.google.com/storage/docs/objects#naming and /buckets#naming.
"""

import re

from emulators.runtime.storage.errors import BadRequest

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_LONGEST_OBJECT_NAME_BYTES = 1024


def check_bucket(name: str) -> str:
    """`name`, if it may name a bucket."""
    if not _BUCKET.fullmatch(name) or ".." in name:
        raise BadRequest(f"Invalid bucket name: '{name}'", code="InvalidBucketName")
    return name


def check_object(name: str) -> str:
    """`name`, if it may name an object: 1 to 1024 bytes of UTF-8, no CR or LF, not `.` or `..`."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise BadRequest("The object name is not valid UTF-8.") from None
    if not size:
        raise BadRequest("Required parameter: name", reason="required")
    if size > _LONGEST_OBJECT_NAME_BYTES:
        raise BadRequest(
            f"The maximum object length is 1024 characters, but got a name with {size} characters.",
            code="KeyTooLongError",
        )
    if "\r" in name or "\n" in name:
        raise BadRequest("Disallowed unicode characters present in object name.")
    if name in (".", "..") or name.startswith(".well-known/acme-challenge/"):
        raise BadRequest(f"Invalid object name: '{name}'")
    return name
