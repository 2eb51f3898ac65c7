"""When a right begins or ends: an instant, or a time on the listener's own clock.

    2026-03-01T00:00:00Z   the same instant everywhere
    2026-03-01T00:00:00    wherever that is what the clock on the wall says

Kept as text, because most stores and Avro have no word for a time without a zone. Windows are
half-open; what comes with inclusive ends is converted here, once (`after_last`).

Source: DDEX ERN 4.3, ValidityPeriod
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from shared.errors import Invalid

_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")
_FIRST, _LAST = datetime(1900, 1, 1), datetime(9990, 1, 1)
"""Within these, every offset can be added without leaving the calendar."""


def first_of(text: str) -> str | None:
    """The moment that `text`, a date or a time, begins: a bare date at midnight.

    None when it lies before 1900: that is no bound.

    Raises:
        Invalid: no such day, hour or form (code INVALID_MOMENT).
    """
    at, _ = _read(text)
    return None if _naive(at) < _FIRST else text_of(at)


def after_last(text: str) -> str | None:
    """The moment after `text` is over: a date includes its whole day, a time its whole second.

    None when it lies beyond the year 9990: that is no bound.

    Raises:
        Invalid: no such day, hour or form (code INVALID_MOMENT).
    """
    at, lasts = _read(text)
    return None if _naive(at) > _LAST else text_of(at + lasts)


def text_of(at: datetime) -> str:
    """An aware instant as UTC with Z, a naive one as it is."""
    if at.tzinfo is None:
        return at.isoformat()
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


@lru_cache(maxsize=65536)
def moment_of(text: str) -> datetime:
    """What `text_of` gave: aware in UTC, or naive for the listener's clock."""
    if text.endswith("Z"):
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
    return datetime.fromisoformat(text)


def _read(text: str) -> tuple[datetime, timedelta]:
    text = text.strip()
    try:
        if date := _DATE.fullmatch(text):
            at = datetime.fromisoformat(f"{date[1]}T00:00:00{_zone(date[2])}")
            lasts = timedelta(days=1)
        elif time := _TIME.fullmatch(text):
            whole = text[: -len(time[2])] if time[2] else text
            # Microseconds are as fine as a datetime gets.
            whole = whole[:26]
            at = datetime.fromisoformat(whole + _zone(time[2]))
            lasts = timedelta(microseconds=1) if at.microsecond else timedelta(seconds=1)
        else:
            raise ValueError("not YYYY-MM-DD or YYYY-MM-DDThh:mm:ss")
        return (at if at.tzinfo is None else at.astimezone(UTC)), lasts
    except (ValueError, OverflowError) as error:
        raise Invalid(f"not a date or time: {text[:40]!r} ({error})", code="INVALID_MOMENT") from (
            error
        )


def _zone(given: str | None) -> str:
    return (given or "").replace("Z", "+00:00")


def _naive(at: datetime) -> datetime:
    return at.replace(tzinfo=None)
