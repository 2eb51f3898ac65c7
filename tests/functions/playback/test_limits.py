"""Streams side by side and skips: exact, and explained."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playback.limits import (
    GRACE,
    LEASE,
    SKIP_WINDOW,
    SKIPS,
    STREAMS,
    Lease,
    SkipLimit,
    TooManyStreams,
    leased,
    released,
    skipped,
)
from tests.web import NOW

TRACK = timedelta(minutes=3)


def test_one_device_at_a_time_and_the_other_is_told_which_and_until_when():
    leases = leased((), "a", product="premium", at=NOW, lasts=TRACK)
    with pytest.raises(TooManyStreams) as refused:
        leased(leases, "b", product="premium", at=NOW, lasts=TRACK)
    assert refused.value.code == "TOO_MANY_STREAMS"
    assert (refused.value.limit, refused.value.devices) == (1, ("a",))
    assert refused.value.retry_at == NOW + LEASE
    assert leased(leases, "b", product="premium", at=NOW + LEASE, lasts=TRACK)[-1].device_id == "b"


def test_who_takes_over_stops_the_one_who_began_first():
    leases: tuple[Lease, ...] = ()
    for number in range(6):
        at = NOW + timedelta(seconds=number)
        leases = leased(leases, f"{number}", product="family", at=at, lasts=TRACK)
    with pytest.raises(TooManyStreams):
        leased(leases, "6", product="family", at=NOW, lasts=TRACK)
    after = leased(leases, "6", product="family", at=NOW, lasts=TRACK, take_over=True)
    assert [it.device_id for it in after] == ["1", "2", "3", "4", "5", "6"]
    one = leased((), "a", product="free", at=NOW, lasts=TRACK)
    taken = leased(one, "b", product="free", at=NOW, lasts=TRACK, take_over=True)
    assert [it.device_id for it in taken] == ["b"]


def test_a_device_that_goes_on_is_written_once_in_a_while():
    leases, writes, at = (), 0, NOW
    for _ in range(20):  # an hour of tracks
        after = leased(leases, "a", product="premium", at=at, lasts=TRACK)
        writes += after is not leases
        leases, at = after, at + TRACK
    assert writes <= 60 * 60 / (LEASE - TRACK).total_seconds() + 1
    assert len(leases) == 1


def test_a_long_track_holds_its_stream_to_its_end():
    hour = timedelta(hours=1)
    leases = leased((), "a", product="free", at=NOW, lasts=hour)
    with pytest.raises(TooManyStreams):
        leased(leases, "b", product="free", at=NOW + hour, lasts=TRACK)
    assert leased(leases, "b", product="free", at=NOW + hour + GRACE, lasts=TRACK)


def test_a_released_stream_is_anybodys():
    leases = leased((), "a", product="free", at=NOW, lasts=TRACK)
    assert leased(released(leases, "a"), "b", product="free", at=NOW, lasts=TRACK)


_steps = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 900), st.booleans()), max_size=40
)


@given(_steps, st.sampled_from(sorted(STREAMS)))
def test_no_more_streams_are_live_than_the_plan_has(steps, product):
    leases, at = (), NOW
    for device, later_s, take_over in steps:
        at += timedelta(seconds=later_s)
        try:
            leases = leased(
                leases, device, product=product, at=at, lasts=TRACK, take_over=take_over
            )
        except TooManyStreams as refused:
            assert not take_over
            live = {it.device_id for it in leases if it.until > at}
            assert device not in live
            assert len(live) == STREAMS[product] == len(refused.devices)  # noqa: PT017
            continue
        live = [it.device_id for it in leases if it.until > at]
        assert device in live
        assert len(live) == len(set(live)) <= STREAMS[product]
        assert all(it.until >= at + TRACK for it in leases if it.device_id == device)


def test_the_seventh_skip_in_an_hour_is_refused_until_the_first_is_an_hour_old():
    skips = ()
    for minute in range(SKIPS["free"]):
        skips = skipped(skips, product="free", at=NOW + timedelta(minutes=minute))
    with pytest.raises(SkipLimit) as refused:
        skipped(skips, product="free", at=NOW + timedelta(minutes=30))
    assert (refused.value.code, refused.value.limit) == ("SKIP_LIMIT", 6)
    assert refused.value.retry_at == NOW + SKIP_WINDOW
    just_before = NOW + SKIP_WINDOW - timedelta(microseconds=1)
    with pytest.raises(SkipLimit):
        skipped(skips, product="free", at=just_before)
    assert len(skipped(skips, product="free", at=NOW + SKIP_WINDOW)) == 6


@given(st.lists(st.integers(0, 4000), max_size=60))
def test_no_window_of_an_hour_holds_more_skips_than_allowed(gaps):
    skips, at, done = (), NOW, []
    for gap_s in gaps:
        at += timedelta(seconds=gap_s)
        try:
            skips = skipped(skips, product="free", at=at)
            done.append(at)
        except SkipLimit as refused:
            assert at < refused.retry_at <= at + SKIP_WINDOW  # noqa: PT017
    for start in done:
        inside = [it for it in done if start <= it < start + SKIP_WINDOW]
        assert len(inside) <= SKIPS["free"]


def test_paying_plans_skip_as_they_like_and_leave_no_trace():
    skips = ()
    for _ in range(50):
        skips = skipped(skips, product="premium", at=NOW)
    assert skips == ()
