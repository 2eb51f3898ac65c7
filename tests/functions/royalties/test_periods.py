"""Months, half-open, UTC."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from functions.royalties.periods import GRACE, Period
from shared.errors import Invalid


def test_a_month_ends_where_the_next_begins():
    december = Period.parse("2026-12")
    assert december.ends_at == december.next.starts_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert december.next.previous == december
    assert december.last_day == date(2026, 12, 31)
    assert december.due_at == december.ends_at + GRACE
    assert Period(2026, 2).last_day == date(2026, 2, 28)
    assert Period(2028, 2).last_day == date(2028, 2, 29)
    assert str(Period(2026, 3).back(12)) == "2025-03"
    assert str(Period(2026, 3).back(3)) == "2025-12"


def test_a_play_is_of_the_month_in_utc():
    line = timezone(timedelta(hours=14))
    assert str(Period.of(datetime(2026, 10, 1, 13, 59, tzinfo=line))) == "2026-09"
    assert str(Period.of(datetime(2026, 10, 1, 14, 0, tzinfo=line))) == "2026-10"


@pytest.mark.parametrize(
    "wrong", ["", "2026", "2026-13", "2026-1", "2026-00", "1999-01", "２０26-01"]
)
def test_what_is_no_month_is_refused(wrong: str):
    with pytest.raises(Invalid) as caught:
        Period.parse(wrong)
    assert caught.value.code == "INVALID_PERIOD"
