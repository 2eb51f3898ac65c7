"""What plays make of a taste: late, repeated, by bots and by the million."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.recommendations.taste import (
    MOST_HEARD,
    MOST_RECENT,
    MOST_TOP,
    Taste,
    document,
    followed,
    played,
    shares,
    taste_of,
    top,
    unwanted,
    weight,
)
from shared.gcp.documents import MAX_DOCUMENT_BYTES
from tests.functions.recommendations.fakes import artist_id, day, play, track_id
from tests.web import NOW


def after(taste: Taste, *events) -> Taste:
    for event in events:
        taste = played(taste, event, (artist_id(0),), 180_000) or taste
    return taste


def test_a_play_counts_once() -> None:
    once = after(Taste("u"), play(1))
    assert after(once, play(1)) == once
    assert played(once, play(1), (), 180_000) is None


@given(st.permutations(range(6)))
def test_the_order_of_arrival_does_not_matter(order: list[int]) -> None:
    events = [play(n % 3, at=day(n * 40)) for n in range(6)]
    straight, late = after(Taste("u"), *events), after(Taste("u"), *(events[n] for n in order))
    assert [it.track_id for it in straight.recent] == [it.track_id for it in late.recent]
    assert straight.heard == late.heard
    for name in straight.ranges:
        assert straight.ranges[name].tracks == pytest.approx(late.ranges[name].tracks)


def test_ranges_forget_at_their_own_pace() -> None:
    old = [play(1, at=day(300) + timedelta(hours=n)) for n in range(20)]
    taste = after(Taste("u"), *old, play(2, at=day(1)), play(2, at=day(2)))
    assert top(taste, "short_term", "tracks")[0] == track_id(2)
    assert top(taste, "long_term", "tracks")[0] == track_id(1)
    assert top(taste, "long_term", "artists") == [artist_id(0)]
    assert shares(taste, "short_term")[track_id(2)] == 1.0
    assert shares(Taste("u")) == {}


@pytest.mark.parametrize(
    ("ms", "reason", "expected"),
    [(180_000, "ended", 1.0), (90_000, "skipped", 0.5), (0, "skipped", -1.0),
     (3_000, "skipped", -0.9), (3_000, "error", 0.0), (10**12, "skipped", 1.0)],
)  # fmt: skip
def test_weight_of_a_play(ms: int, reason: str, expected: float) -> None:
    assert weight(ms, 180_000, reason) == pytest.approx(expected, abs=0.01)


def test_a_skip_is_remembered_and_counts_for_nothing() -> None:
    taste = after(Taste("u"), play(1, ms_played=2_000, end_reason="skipped"))
    assert taste.recent[0].weight < 0
    assert top(taste, "short_term", "tracks") == []
    assert track_id(1) in taste.heard


def test_one_track_on_repeat_all_day_is_not_a_thousand_plays() -> None:
    taste = Taste("u")
    for n in range(400):
        taste = after(taste, play(1, at=NOW + timedelta(seconds=200 * n)))
    taste = replace(taste, recent=taste.recent)
    assert len(taste.recent) == MOST_RECENT


def test_a_million_plays_cost_what_thousands_do() -> None:
    """Six thousand here: the size and the pace stand still long before."""
    taste, begun = Taste("u"), time.process_time()
    for n in range(6_000):
        taste = played(taste, play(n, at=day(900) + timedelta(minutes=n)), (artist_id(n % 900),),
                       180_000) or taste  # fmt: skip
    assert len(taste.heard) <= MOST_HEARD * 6 // 5
    assert all(len(it.tracks) <= MOST_TOP * 4 // 3 for it in taste.ranges.values())
    assert len(msgspec.msgpack.encode(document(taste, NOW))) < MAX_DOCUMENT_BYTES / 2
    assert time.process_time() - begun < 30


def test_years_far_away_are_no_overflow() -> None:
    for year in (1971, 2150):
        taste = after(Taste("u"), play(1, at=datetime(year, 1, 1, tzinfo=UTC)))
        assert all(it < float("inf") for it in taste.ranges["short_term"].tracks.values())


def test_what_is_not_wanted_may_be_taken_back() -> None:
    taste = unwanted(Taste("u"), ["a", "b", "a"], wanted=False)
    assert taste.unwanted == ("a", "b")
    assert unwanted(taste, ["a"], wanted=True).unwanted == ("b",)


def test_follows_are_kept_by_kind() -> None:
    taste = followed(Taste("u"), "artist", "x", saved=True)
    assert taste is not None
    assert taste.artists == ("x",)
    assert followed(taste, "artist", "x", saved=True) is None
    assert followed(taste, "show", "x", saved=True) is None
    assert taste_of(document(taste, NOW), "u") == taste
    assert taste_of(None, "v") == Taste("v")
