"""The Range header (RFC 9110 §14): one byte range, or the whole object."""

import re
from dataclasses import dataclass

from emulators.runtime.storage.errors import RangeNotSatisfiable

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` to `end` inclusive, of an object of `size`."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        return self.end - self.start + 1

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.end}/{self.size}"


def parse(header: str | None, size: int) -> Span | None:
    """The span that `header` asks of `size` bytes, or None for all of them.

    Malformed headers and lists of ranges ask for the whole object, as with the service.

    Raises:
        RangeNotSatisfiable: it starts beyond the end, or is a suffix of nothing.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if not match or match.group() == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        wanted = min(int(last), size)
        if not wanted:
            raise RangeNotSatisfiable(size)
        return Span(size - wanted, size - 1, size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return Span(start, min(int(last), size - 1) if last else size - 1, size)
