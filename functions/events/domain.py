"""Which reports of clients are believed. Pure."""

from datetime import datetime, timedelta

from shared.errors import Invalid

MAX_BATCH = 100
MAX_AHEAD = timedelta(minutes=5)
"""A client's clock may run this much ahead of ours."""
MAX_AGE = timedelta(days=60)
"""Offline plays are reported late; a licence to play offline ends well before this."""
MAX_PLAYED_MS = 24 * 3600 * 1000


def check_times(started_at: datetime, ms_played: int, now: datetime) -> datetime:
    """`started_at` in UTC, if a play that began then can have lasted `ms_played`.

    Raises:
        Invalid: STARTED_IN_FUTURE, TOO_OLD, or PLAYED_TOO_LONG (more was heard than time passed).
    """
    if started_at > now + MAX_AHEAD:
        raise Invalid("started_at is in the future", code="STARTED_IN_FUTURE")
    if started_at < now - MAX_AGE:
        raise Invalid(f"started_at is more than {MAX_AGE.days} days ago", code="TOO_OLD")
    if timedelta(milliseconds=ms_played) > now - started_at + MAX_AHEAD:
        raise Invalid("ms_played exceeds the time since started_at", code="PLAYED_TOO_LONG")
    return min(started_at, now)
