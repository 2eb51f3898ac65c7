"""multipart/related uploads: JSON metadata first, then the media, which streams through.

Sans I/O: bytes go in by `feed`, media bytes come out.
"""

import re
from typing import Any

from emulators.runtime.storage.errors import BadRequest
from emulators.runtime.storage.web import parse_document

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_LARGEST_HEAD_BYTES = 1024 * 1024


def boundary_of(content_type: str) -> str:
    """The boundary of a multipart Content-Type, unquoted.

    The official client quotes it with single or double marks: `boundary="===123=="`.
    """
    match = _BOUNDARY.search(content_type)
    if not match:
        raise BadRequest("Missing boundary in multipart content type.", reason="badContent")
    return match.group(1).strip("'")


class RelatedParser:
    """Feed it the body; `metadata` and `media_type` are set once the media begins."""

    def __init__(self, boundary: str) -> None:
        self._first = b"--" + boundary.encode()
        self._delimiter = b"\r\n--" + boundary.encode()
        self._held = bytearray()
        self.metadata: dict[str, Any] | None = None
        self.media_type: str | None = None
        self.complete = False

    def feed(self, data: bytes) -> bytes:
        """More of the body in, as much of the media out as is certain to be media."""
        if self.complete:
            return b""
        self._held += data
        if self.metadata is None and not self._head():
            return b""
        end = self._held.find(self._delimiter)
        if end >= 0:
            self.complete = True
            out, self._held = bytes(self._held[:end]), bytearray()
            return out
        # A delimiter may have begun in the last few bytes: they wait.
        sure = len(self._held) - len(self._delimiter)
        if sure <= 0:
            return b""
        out = bytes(self._held[:sure])
        del self._held[:sure]
        return out

    def _head(self) -> bool:
        """Take the metadata part and the media's headers off, if both are here."""
        held = bytes(self._held)
        if len(held) > _LARGEST_HEAD_BYTES:
            raise BadRequest("The metadata part is too large.", reason="badContent")
        start = held.find(self._first)
        body_at = held.find(b"\r\n\r\n", max(start, 0))
        second = held.find(self._delimiter, body_at + 4 if body_at >= 0 else 0)
        media_at = held.find(b"\r\n\r\n", second + 4) if second >= 0 else -1
        if start < 0 or body_at < 0 or media_at < 0:
            if second >= 0 and held[second + len(self._delimiter) :].startswith(b"--\r\n"):
                raise BadRequest("Missing media part.", reason="badContent")
            return False
        self.metadata = parse_document(held[body_at + 4 : second].strip())
        self.media_type = _content_type(held[second:media_at])
        # The blank line's own CRLF stays, so that empty media still ends in a whole delimiter.
        self._held = bytearray(held[media_at + 4 :])
        if self._held.startswith(self._delimiter[2:]):
            self._held[:0] = b"\r\n"
        return True


def _content_type(head: bytes) -> str | None:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-type":
            return value.strip().decode("latin-1")
    return None
