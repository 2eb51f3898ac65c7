"""Instants at the edge."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.errors import Invalid
from shared.instants import in_utc


def test_an_offset_is_converted():
    at = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert in_utc(at) == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert in_utc(at).tzinfo is UTC


@pytest.mark.parametrize(("year", "hours"), [(1, 14), (9999, -12)])
def test_the_ends_of_the_calendar_are_a_named_error(year: int, hours: int):
    at = datetime(year, 12 if year > 1 else 1, 31 if year > 1 else 1, 23 if hours < 0 else 0)
    with pytest.raises(Invalid) as caught:
        in_utc(at.replace(tzinfo=timezone(timedelta(hours=hours))))
    assert caught.value.code == "INVALID_INSTANT"
