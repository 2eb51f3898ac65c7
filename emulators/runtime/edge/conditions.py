"""Conditional requests against a kept object: 304, 412 and If-Range (RFC 9110 §13)."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from emulators.runtime.edge.asgi import Headers, header


def unmet(asked: Headers, headers: Mapping[str, str]) -> int:
    """304 or 412 where a precondition of the request decides the answer, else 0."""
    if not any(name[:3] == b"if-" for name, _ in asked):
        return 0
    etag, modified = headers.get("etag", ""), _date(headers.get("last-modified"))
    if (match := header(asked, b"if-match")) is not None:
        if not _lists(match, etag, weak=False):
            return 412
    elif (since := _date(header(asked, b"if-unmodified-since"))) and modified and modified > since:
        return 412
    if (none_match := header(asked, b"if-none-match")) is not None:
        return 304 if _lists(none_match, etag, weak=True) else 0
    since = _date(header(asked, b"if-modified-since"))
    return 304 if since and modified and modified <= since else 0


def range_applies(asked: Headers, headers: Mapping[str, str]) -> bool:
    """Whether If-Range, if there is one, names the version that is kept."""
    told = header(asked, b"if-range")
    if told is None:
        return True
    text = told.decode("latin-1").strip()
    if text.startswith('"'):
        return text == headers.get("etag")
    date = _date(told)
    return date is not None and date == _date(headers.get("last-modified"))


def _lists(told: bytes, etag: str, *, weak: bool) -> bool:
    if told.strip() == b"*":
        return True
    tags = [tag.strip() for tag in told.decode("latin-1").split(",")]
    if weak:
        tags, etag = [tag.removeprefix("W/") for tag in tags], etag.removeprefix("W/")
    return bool(etag) and etag in tags


def _date(text: str | bytes | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text.decode("latin-1") if isinstance(text, bytes) else text)
    except ValueError:
        return None
