"""The Range header as Cloud CDN answers it: one range of bytes, or 416 (RFC 9110 §14)."""

import re

_ONE = re.compile(r"bytes=\s*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))\s*")


class Unsatisfiable(Exception):
    """The range is beyond the end, inverted, one of many, or no range at all: 416."""


def parse(text: str | None, size: int) -> tuple[int, int] | None:
    """Half-open [start, end) that `text` asks of `size` bytes; None for the whole.

    `bytes=0-99` → (0, 100), `bytes=-100` → the last hundred. Units other than bytes are ignored.

    Raises:
        Unsatisfiable: several ranges, no range, or none of it exists.
    """
    if text is None or not text.lstrip().lower().startswith("bytes"):
        return None
    found = _ONE.fullmatch(text)
    if found is None:
        raise Unsatisfiable
    first, last, suffix = found.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), size if last is None else min(int(last) + 1, size)
    if start >= end:
        raise Unsatisfiable
    return start, end


def first_byte(text: str | None) -> int:
    """Where `text` starts, as far as it can be told before the size is known; else 0."""
    found = _ONE.fullmatch(text) if text else None
    return int(found[1]) if found and found[1] else 0


def last_byte(text: str | None) -> int:
    """The last byte that `text` asks for, as far as it says one; else a far one."""
    found = _ONE.fullmatch(text) if text else None
    return int(found[2]) if found and found[2] else 1 << 60
