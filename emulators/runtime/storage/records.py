"""Buckets and objects as they are kept, and as the JSON API shows them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from emulators.runtime.storage.errors import BadRequest

_TEXT = (
    "contentType",
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "storageClass",
)
_MULTI_REGIONS = ("ASIA", "EU", "US")
_HOLDS = ("temporaryHold", "eventBasedHold")
_MUTABLE = frozenset((*_TEXT, *_HOLDS, "metadata", "customTime"))


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. `settings` is its JSON resource without the computed parts (cors, labels, …)."""

    name: str
    location: str
    created_us: int
    metageneration: int
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Blob:
    """Object data at rest: an opaque file, its size and its checksums.

    `md5` is None and `component_count` set on composed objects.
    """

    file: str
    size_bytes: int
    crc32c: str
    md5: str | None
    component_count: int | None = None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A live object. Times are microseconds since the epoch; `fields` are what a client may set."""

    bucket: str
    name: str
    generation: int
    metageneration: int
    blob: Blob
    created_us: int
    updated_us: int
    fields: Mapping[str, Any]

    @property
    def etag(self) -> str:
        return etag(self.generation, self.metageneration)

    @property
    def held(self) -> bool:
        return any(self.fields.get(hold) for hold in _HOLDS)


def etag(generation: int, metageneration: int) -> str:
    """The service's etag: base64 of a protobuf message {1: generation, 2: metageneration}."""
    return base64.b64encode(
        b"\x08" + _varint(generation) + b"\x10" + _varint(metageneration)
    ).decode()


def rfc3339(at_us: int) -> str:
    """`2026-11-20T09:59:33.123Z`."""
    at = datetime.fromtimestamp(at_us / 1e6, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def object_resource(stored: StoredObject, base_url: str) -> dict[str, Any]:
    """`stored` as the JSON API's object resource, with links under `base_url`."""
    bucket, name, blob = stored.bucket, stored.name, stored.blob
    path = f"b/{bucket}/o/{quote(name, safe='')}"
    generation = str(stored.generation)
    created, updated = rfc3339(stored.created_us), rfc3339(stored.updated_us)
    resource: dict[str, Any] = {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{generation}",
        "selfLink": f"{base_url}/storage/v1/{path}",
        "mediaLink": f"{base_url}/download/storage/v1/{path}?generation={generation}&alt=media",
        "name": name,
        "bucket": bucket,
        "generation": generation,
        "metageneration": str(stored.metageneration),
        "storageClass": "STANDARD",
        "size": str(blob.size_bytes),
        "crc32c": blob.crc32c,
        "etag": stored.etag,
        "timeCreated": created,
        "updated": updated,
        "timeStorageClassUpdated": created,
        "timeFinalized": created,
        **stored.fields,
    }
    if blob.md5 is not None:
        resource["md5Hash"] = blob.md5
    if blob.component_count is not None:
        resource["componentCount"] = blob.component_count
    return resource


def bucket_resource(bucket: Bucket, base_url: str, project_number: str) -> dict[str, Any]:
    """`bucket` as the JSON API's bucket resource."""
    created = rfc3339(bucket.created_us)
    return {
        "storageClass": "STANDARD",
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
        **bucket.settings,
        "kind": "storage#bucket",
        "id": bucket.name,
        "selfLink": f"{base_url}/storage/v1/b/{bucket.name}",
        "name": bucket.name,
        "projectNumber": project_number,
        "generation": str(bucket.created_us),
        "metageneration": str(bucket.metageneration),
        "location": bucket.location,
        "locationType": "multi-region" if bucket.location in _MULTI_REGIONS else "region",
        "etag": etag(bucket.created_us, bucket.metageneration),
        "timeCreated": created,
        "updated": created,
    }


def new_fields(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The settable part of an object resource that a client sent with new data."""
    return {key: value for key, value in _checked(resource).items() if value is not None}


def patched(stored: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`stored` fields after a PATCH: null removes, `metadata` merges key by key.

    Raises:
        BadRequest: a wrong type, or customTime removed or moved back.
    """
    changes = _checked(patch)
    merged = {**stored, **changes}
    if isinstance(changes.get("metadata"), dict):
        both = {**stored.get("metadata", {}), **changes["metadata"]}
        merged["metadata"] = {key: value for key, value in both.items() if value is not None}
    result = {key: value for key, value in merged.items() if value not in (None, {})}
    _check_custom_time(stored.get("customTime"), result.get("customTime"))
    return result


def replaced(stored: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """`stored` fields after an update (PUT): what is not sent is gone.

    Raises:
        BadRequest: a wrong type, or customTime removed or moved back.
    """
    result = new_fields(update)
    if "storageClass" in stored:
        result.setdefault("storageClass", stored["storageClass"])
    _check_custom_time(stored.get("customTime"), result.get("customTime"))
    return result


def _checked(resource: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: value for key, value in resource.items() if key in _MUTABLE}
    for key, value in fields.items():
        if value is None:
            continue
        if key == "metadata":
            good = isinstance(value, dict) and all(
                text is None or isinstance(text, str) for text in value.values()
            )
        elif key in _HOLDS:
            good = isinstance(value, bool)
        else:
            good = isinstance(value, str)
        if not good:
            raise BadRequest(f"Invalid value for field {key}")
    if fields.get("customTime") is not None:
        fields["customTime"] = _instant(fields["customTime"])
    return fields


def _instant(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"Invalid value for field customTime: {text}") from None
    return rfc3339(round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1e6))


def _check_custom_time(before: str | None, after: str | None) -> None:
    if before is not None and (after is None or after < before):
        raise BadRequest(
            "Custom time cannot be removed or set to an earlier date once it has been set."
        )


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
