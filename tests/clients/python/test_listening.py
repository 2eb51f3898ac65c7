"""Listening together stays together: clock and servo alone, and all of it in virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segue.clock import ServerClock
from segue.servo import RATE_STEP, SEEK_ABOVE_MS, Servo, Target

from tests.clients.python.listening import MIXED, SYMMETRIC, simulate


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mixed_links_keep_within_thirty_milliseconds(seed: int) -> None:
    outcome = simulate(MIXED, seed, minutes=2)
    assert outcome.spread_p95 <= 30
    assert outcome.worst_join <= 3000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_symmetric_links_keep_within_ten_milliseconds(seed: int) -> None:
    outcome = simulate(SYMMETRIC, seed, minutes=2)
    assert outcome.spread_p95 <= 10
    assert outcome.worst_join <= 3000


@given(
    st.lists(st.tuples(st.floats(0, 200), st.floats(0, 200)), min_size=1, max_size=40),
    st.floats(-1e9, 1e9),
)
def test_clock_is_never_wrong_by_more_than_it_says(
    trips: list[tuple[float, float]], ahead: float
) -> None:
    clock = ServerClock()
    local = 0.0
    for up, down in trips:
        clock.pong(local, local + up + ahead, local + up + down)
        local += 2000
    quickest = sorted(up + down for up, down in trips[-24:])
    assert abs(clock.ahead_ms - ahead) <= (quickest[0] * 1.1 + 1) / 2 + 1e-3


def test_slow_and_impossible_pings_tell_nothing() -> None:
    clock = ServerClock()
    clock.pong(0, 50, 9000)
    clock.pong(100, 50, 90)
    assert not clock.known


def test_what_is_far_off_jumps_and_what_is_near_plays_slower_or_faster() -> None:
    servo = Servo()
    assert servo.correct(1000, 995).rate == 1 + RATE_STEP
    assert servo.correct(1000, 1010).rate == 1.0  # past it: first back to normal
    assert servo.correct(1000, 1010).rate == 1 - RATE_STEP
    assert servo.correct(1000, 1000.5).rate == 1.0
    jump = servo.correct(1000, 1000 - SEEK_ABOVE_MS - 1)
    assert jump.seek_ms == 1000 + 30.0
    assert jump.rate == 1.0


def test_servo_learns_what_a_jump_takes() -> None:
    servo = Servo()
    first = servo.correct(10_000, 0)
    assert first.seek_ms == 10_030
    # It took 70 ms, in which the session went on: 40 behind, so near that it would do otherwise.
    again = servo.correct(10_070, 10_030)
    assert again.seek_ms == 10_070 + 70
    landed = servo.correct(10_140, 10_140)
    assert (landed.seek_ms, landed.rate) == (None, 1.0)
    assert servo.correct(20_140, 20_100).seek_ms is None


def test_player_that_never_lands_is_left_to_its_rate() -> None:
    servo = Servo()
    jumps = [servo.correct(1000, 950 if n else 0).seek_ms for n in range(8)]
    assert [it is not None for it in jumps] == [True] * 3 + [False] * 5


def test_target_waits_for_its_start() -> None:
    target = Target(1, "t", 500, 10_000, True)
    assert target.position_at(9_000) == 500
    assert target.due_in(9_000) == 1000
    assert target.position_at(10_250) == 750
    assert Target(1, "t", 500, 10_000, False).position_at(99_000) == 500
