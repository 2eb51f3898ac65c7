"""The forecast and the plan: plain numbers."""

import math

from hypothesis import given
from hypothesis import strategies as st

from functions.warmer.forecast import Signals, chance_of_use, expected_plays, per_presave, shares
from functions.warmer.plan import LEAST_CHANCE, Candidate, warm_list

DAY_S = 86_400.0


def expected(share: float = 0.1, horizon_s: float = DAY_S, **facts) -> float:
    return expected_plays(Signals("t", 1, **facts), share=share, horizon_s=horizon_s)


def test_before_anybody_has_played_the_pre_saves_are_all_there_is():
    assert math.isclose(expected(presaves_here=10, presaves=100), 10)
    assert expected() == 0


def test_plays_of_earlier_time_zones_outweigh_the_pre_saves():
    quiet = expected(presaves_here=10, presaves=100, seen=0, seen_share=0.5, seen_s=DAY_S)
    loud = expected(presaves_here=10, presaves=100, seen=1000, seen_share=0.5, seen_s=DAY_S)
    assert quiet < 10 < loud
    # Half of all listening played it a thousand times in a day: a tenth will two hundred times.
    assert math.isclose(loud, 200, rel_tol=0.05)


def test_two_plays_move_little():
    few = expected(presaves_here=10, presaves=100, seen=2, seen_share=0.01, seen_s=3600)
    assert 9 < few < 25


def test_what_has_been_out_for_long_is_asked_for_less():
    facts = {"presaves_here": 10, "presaves": 100}
    signals = Signals("t", 1, **facts)
    later = expected_plays(signals, share=0.1, horizon_s=3600, age_s=DAY_S)
    assert later < expected_plays(signals, share=0.1, horizon_s=3600)


@given(
    st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 1),
    st.floats(0, 1e6), st.floats(0, 1), st.floats(1, 1e6),
)  # fmt: skip
def test_whatever_is_told_the_forecast_is_a_finite_number(
    here, everywhere, seen, seen_share, seen_s, share, horizon_s
):
    found = expected(share, horizon_s, presaves_here=here, presaves=everywhere, seen=seen,
                     seen_share=seen_share, seen_s=seen_s)  # fmt: skip
    assert math.isfinite(found)
    assert found >= 0
    assert 0 <= chance_of_use(found) <= 1


def test_releases_of_the_last_days_teach_what_a_pre_save_is_worth():
    assert per_presave({}, {}) == 1
    assert 2.5 < per_presave({"a": 30_000}, {"a": 10_000}) < 3
    assert shares({"SE": 3, "NO": 1}, ["SE"]) == 0.75
    assert shares({}, ["SE"]) == 0


_candidates = st.lists(
    st.builds(
        Candidate,
        track_id=st.integers().map(str),
        size_bytes=st.integers(0, 50),
        expected=st.floats(0, 10),
    ),
    max_size=40,
    unique_by=lambda it: it.track_id,
)


@given(_candidates, st.integers(0, 300))
def test_a_warm_list_keeps_its_budget_and_holds_only_what_is_likely(candidates, budget):
    chosen = warm_list(candidates, budget_bytes=budget)
    assert sum(it.size_bytes for it in chosen) <= budget
    assert all(chance_of_use(it.expected) >= LEAST_CHANCE and it.size_bytes for it in chosen)
    assert warm_list(candidates[::-1], budget_bytes=budget) == chosen
    left = budget - sum(it.size_bytes for it in chosen)
    for one in candidates:  # nothing likely that would still fit was left out
        if one not in chosen and one.size_bytes and chance_of_use(one.expected) >= LEAST_CHANCE:
            assert one.size_bytes > left
