"""What a client says of an object before or beside its data, and what the data must be."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from emulators.runtime.storage.errors import BadRequest
from emulators.runtime.storage.preconditions import NONE, Preconditions
from emulators.runtime.storage.records import Blob


@dataclass(frozen=True, slots=True)
class Draft:
    """An object that is to be.

    `member` is who writes. `crc32c` and `md5` are what the data must have, `largest_bytes` and
    `smallest_bytes` the x-goog-content-length-range of a signed URL.
    """

    bucket: str
    name: str
    member: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    preconditions: Preconditions = NONE
    crc32c: str | None = None
    md5: str | None = None
    smallest_bytes: int = 0
    largest_bytes: int | None = None

    def as_document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Draft":
        return cls(**{**document, "preconditions": Preconditions(**document["preconditions"])})

    def check_blob(self, blob: Blob) -> None:
        """Raises:
        BadRequest: the data is not what was announced.
        """
        for name, want, got in (
            ("CRC32C", self.crc32c, blob.crc32c),
            ("MD5 hash", self.md5, blob.md5),
        ):
            if want is not None and want != got:
                raise BadRequest(
                    f'Provided {name} "{want}" doesn\'t match calculated {name} "{got}".',
                    code="BadDigest",
                )
        if self.largest_bytes is not None and blob.size_bytes > self.largest_bytes:
            raise BadRequest(
                "Your proposed upload exceeds the maximum allowed object size.",
                code="EntityTooLarge",
            )
        if blob.size_bytes < self.smallest_bytes:
            raise BadRequest(
                "Your proposed upload is smaller than the minimum object size specified.",
                code="EntityTooSmall",
            )
