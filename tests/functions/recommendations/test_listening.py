from datetime import timedelta

import numpy as np
import pytest

from functions.recommendations import listening
from functions.recommendations.listening import profiles, split, weigh
from functions.recommendations.plays import block
from tests.functions.recommendations.listeners_with_tastes import MONDAY, play

LATELY = MONDAY - timedelta(days=2)


def shard(rows, cap: int = listening.CAP, parts: int = 1):
    pieces = [weigh(block(rows[it::parts]), MONDAY) for it in range(parts)]
    return profiles(0, pieces, cap)


def weights(found, user: str) -> dict[str, float]:
    row = found.profiles.rows[found.profiles.users.index(user)]
    return {
        found.profiles.tracks[it]: float(w) for it, w in zip(row.indices, row.data, strict=True)
    }


def test_a_play_to_the_end_says_more_than_half_a_play():
    rows = [play("u", "whole", LATELY), play("u", "half", LATELY, ms=100_000)]
    found = weights(shard(rows), "u")
    assert found["whole"] > found["half"] > 0


def test_an_old_play_says_less_than_a_new_one():
    rows = [play("u", "new", LATELY), play("u", "old", LATELY - timedelta(days=180))]
    found = weights(shard(rows), "u")
    assert found["old"] == pytest.approx(1 - np.sqrt(1 - found["new"]), abs=0.01)


def test_skips_outweigh_a_single_play():
    rows = [play("u", "a", LATELY)] + [play("u", "a", LATELY, ms=3_000)] * 5
    assert weights(shard([*rows, play("u", "b", LATELY)]), "u").keys() == {"b"}


def test_what_was_skipped_is_not_new_either():
    found = shard([play("u", "a", LATELY, ms=2_000)])
    assert found.heard.nnz == 1
    assert found.profiles.rows.nnz == 0


def test_plays_of_this_week_are_heard_and_not_learned_from():
    found = shard([play("u", "late", MONDAY + timedelta(hours=1)), play("u", "a", LATELY)])
    assert weights(found, "u").keys() == {"a"}
    assert found.heard.nnz == 2


def test_any_order_and_any_blocks_give_the_same_profiles():
    rng = np.random.default_rng(1)
    rows = [
        play(f"u{rng.integers(9)}", f"t{rng.integers(30)}", LATELY - timedelta(days=int(it % 50)))
        for it in range(400)
    ]
    one, many = shard(rows), shard(rows[::-1], parts=5)
    assert one.profiles.users == many.profiles.users
    assert one.profiles.tracks == many.profiles.tracks
    assert np.allclose(one.profiles.rows.toarray(), many.profiles.rows.toarray(), atol=1e-6)
    assert (one.heard.toarray() == many.heard.toarray()).all()


def test_a_profile_keeps_its_heaviest_tracks():
    rows = [play("u", f"t{it}", LATELY, ms=60_000 + it * 1_000) for it in range(30)]
    assert weights(shard(rows, cap=3), "u").keys() == {"t27", "t28", "t29"}


def test_a_million_plays_of_one_listener_are_one_short_profile():
    many = 1_000_000
    rng = np.random.default_rng(0)
    plays = listening.Plays(
        ("u",), ("DE",), tuple(f"t{it}" for it in range(5_000)),
        np.zeros(many, dtype=np.int32), rng.integers(5_000, size=many).astype(np.int32),
        int(LATELY.timestamp() * 1000) - rng.integers(0, 700, many) * listening.DAY_MS,
        np.full(many, 50_000), np.full(many, 200_000),
    )  # fmt: skip
    parts = [weigh(plays, MONDAY)]
    assert len(parts[0].user) == 5_000
    found = profiles(0, parts)
    assert found.profiles.rows.nnz <= listening.CAP
    assert found.heard.nnz == 5_000
    assert found.plays == many


def test_who_hears_more_than_a_day_has_is_a_bot():
    rows = [play("bot", f"t{it % 50}", LATELY) for it in range(600)]
    found = shard([*rows, play("person", "t1", LATELY)], parts=3)
    assert found.bots == {"bot"}
    assert not weights(found, "bot")
    assert weights(found, "person")


def test_thousands_of_short_plays_in_a_day_are_a_bot_too():
    rows = [play("bot", "t", LATELY, ms=1_000)] * (listening.MAX_DAY_PLAYS + 1)
    assert shard(rows).bots == {"bot"}


def test_a_listener_is_where_the_latest_play_was():
    rows = [
        play("u", "a", LATELY, "SE"),
        play("u", "b", LATELY - timedelta(days=9), "DE"),
        play("u", "c", LATELY + timedelta(hours=1), ""),
    ]
    assert shard(rows, parts=3).markets == ("SE",)


def test_every_listener_goes_to_one_shard():
    rows = [play(f"u{it % 7}", f"t{it}", LATELY) for it in range(70)]
    plays = block(rows)
    numbers = np.arange(7) % 3
    parts = split(weigh(plays, MONDAY), numbers, 4)
    assert [number for number, _ in parts] == [0, 1, 2]
    assert sorted(user for _, it in parts for user in it.users) == sorted(plays.users)
    assert sum(it.plays.sum() for _, it in parts) == 70


@pytest.mark.parametrize("broken", [None, float("nan"), float("inf"), "much", -5])
def test_broken_numbers_of_a_play_say_little_and_stop_nothing(broken):
    row = {**play("u", "a", LATELY), "ms_played": broken, "duration_ms": broken}
    assert shard([row, play("u", "b", LATELY)]).heard.nnz == 2
