"""Which times of a report are believed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.events.domain import MAX_AGE, MAX_AHEAD, MAX_PLAYED_MS, check_times
from shared.errors import Invalid

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("started_at", "ms_played", "code"),
    [
        (NOW + MAX_AHEAD + timedelta(seconds=1), 0, "STARTED_IN_FUTURE"),
        (NOW - MAX_AGE - timedelta(seconds=1), 0, "TOO_OLD"),
        (NOW - timedelta(seconds=10), 400_000, "PLAYED_TOO_LONG"),
        (NOW, MAX_PLAYED_MS, "PLAYED_TOO_LONG"),
    ],
)
def test_impossible_times_have_named_errors(started_at: datetime, ms_played: int, code: str):
    with pytest.raises(Invalid) as caught:
        check_times(started_at, ms_played, NOW)
    assert caught.value.code == code


def test_a_clock_slightly_ahead_is_corrected():
    assert check_times(NOW + timedelta(seconds=30), 1000, NOW) == NOW


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(min_value=0, max_value=MAX_PLAYED_MS),
)
def test_what_is_accepted_is_never_in_the_future(started_at: datetime, ms_played: int):
    try:
        accepted = check_times(started_at, ms_played, NOW)
    except Invalid:
        return
    assert NOW - MAX_AGE <= accepted <= NOW
    assert timedelta(milliseconds=ms_played) <= NOW - accepted + 2 * MAX_AHEAD
