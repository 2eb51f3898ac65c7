"""Who may work on an upload, and when: deliveries repeat, overlap and die."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from functions.transcode.domain import (
    LEASE,
    MAX_ATTEMPTS,
    Progress,
    begin,
    finish,
    release,
    renew,
)
from shared.events import TranscodeFailed

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CRASHED = TranscodeFailed("e", NOW, "u", "t", "TRANSCODE_CRASHED", "broke off")
FAILED = replace(CRASHED, reason="EMPTY")
HELD = Progress("u", "t", 1, "a", NOW + LEASE)


def take(before: Progress | None, owner: str = "b", now: datetime = NOW) -> Progress | None:
    return begin(before, upload_id="u", track_id="t", owner=owner, now=now, crashed=CRASHED)


def test_the_first_delivery_takes_the_upload():
    assert take(None) == Progress("u", "t", 1, "b", NOW + LEASE)


def test_a_held_upload_is_not_taken():
    assert take(HELD) is None


def test_a_lease_that_ran_out_is_taken_over_and_counted():
    assert take(HELD, now=NOW + LEASE) == Progress("u", "t", 2, "b", NOW + 2 * LEASE)


def test_a_finished_upload_is_not_taken():
    over = finish(HELD, FAILED)
    assert over is not None
    assert over.outcome == FAILED
    assert take(over, now=NOW + timedelta(days=1)) is None


def test_the_last_attempt_is_followed_by_giving_up():
    last = replace(HELD, attempts=MAX_ATTEMPTS)
    given_up = take(last, now=NOW + LEASE)
    assert given_up is not None
    assert given_up.outcome == CRASHED


def test_the_first_outcome_stays():
    over = finish(HELD, FAILED)
    assert finish(over, CRASHED) is None


def test_only_the_owner_renews_and_releases():
    later = NOW + timedelta(seconds=10)
    assert renew(HELD, owner="a", now=later) == replace(HELD, lease_until=later + LEASE)
    assert renew(HELD, owner="b", now=later) is None
    assert release(HELD, owner="b", counts=True) is None
    assert renew(None, owner="a", now=later) is None


def test_a_released_upload_is_free_at_once():
    free = release(HELD, owner="a", counts=True)
    assert free is not None
    assert take(free) == Progress("u", "t", 2, "b", NOW + LEASE)


def test_what_was_the_clouds_fault_is_not_counted():
    free = release(HELD, owner="a", counts=False)
    assert free is not None
    assert free.attempts == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60)), max_size=30))
def test_at_no_time_are_there_two_owners(deliveries):
    progress: Progress | None = None
    now = NOW
    for owner, wait_s in deliveries:
        now += timedelta(seconds=wait_s)
        taken = take(progress, owner, now)
        if taken is None:
            continue
        assert progress is None or progress.lease_until is None or progress.lease_until <= now
        assert taken.attempts <= MAX_ATTEMPTS
        progress = taken
