"""Checksums of object data, as the service reports them."""

import base64
import hashlib

import google_crc32c

_READ_BYTES = 1024 * 1024


class Digest:
    """CRC32C and MD5 of the bytes fed so far, base64 of the big-endian digests."""

    __slots__ = ("_crc32c", "_md5")

    def __init__(self) -> None:
        self._crc32c = 0
        self._md5 = hashlib.md5(usedforsecurity=False)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        block = bytes(data)
        self._crc32c = google_crc32c.extend(self._crc32c, block)
        self._md5.update(block)

    @property
    def crc32c(self) -> str:
        return base64.b64encode(self._crc32c.to_bytes(4, "big")).decode()

    @property
    def md5(self) -> str:
        return base64.b64encode(self._md5.digest()).decode()

    @classmethod
    def of_file(cls, path: str, length: int) -> "Digest":
        """The digest of the first `length` bytes of the file at `path`."""
        digest = cls()
        with open(path, "rb") as file:
            while length > 0 and (block := file.read(min(_READ_BYTES, length))):
                digest.update(block)
                length -= len(block)
        return digest
