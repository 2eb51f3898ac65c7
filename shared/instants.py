"""Instants: always UTC inside; converted once, at the edge."""

from datetime import UTC, datetime

from shared.errors import Invalid


def now() -> datetime:
    """The present instant: what entry points hand to code that takes the time as an argument."""
    return datetime.now(UTC)


def in_utc(instant: datetime) -> datetime:
    """An aware `instant` in UTC.

    Raises:
        Invalid: its offset moves it out of the years 1 to 9999 (code INVALID_INSTANT).
    """
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise Invalid("an instant is outside the calendar", code="INVALID_INSTANT") from error
