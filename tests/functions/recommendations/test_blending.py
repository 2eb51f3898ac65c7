"""What is offered: within rights, nothing unwanted, spaced, diverse, with true propensities."""

from collections import Counter
from datetime import date
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.recommendations.blending import Listener, Rules, blend
from functions.recommendations.candidates import (
    CHARTS,
    LISTENING,
    TEXT,
    Candidate,
    Item,
    gather,
)

ON = date(2026, 11, 20)
PLAIN = Rules(exploration=0.0, diversity=0.0, freshness=0.0, spacing=0, per_artist=99)


def items(count: int, **fields: object) -> dict[str, Item]:
    return {
        f"t{n}": Item(f"t{n}", (f"a{n % 7}",), **fields)  # type: ignore[arg-type]
        for n in range(count)
    }


def proposed(known: dict[str, Item], source: str = LISTENING) -> list[Candidate]:
    return [Candidate(id, source, 100.0 - n) for n, id in enumerate(known)]


def ids(chosen: list) -> list[str]:
    return [it.item.track_id for it in chosen]


def listed(known, listener=None, rules=PLAIN, candidates=None, seed=1, **more) -> list:
    pool = gather(candidates or proposed(known), known)
    listener = listener or Listener("u")
    return blend(pool, listener, rules, on=ON, rng=Random(seed), **more)


def test_the_best_come_first() -> None:
    assert ids(listed(items(30)))[:3] == ["t0", "t1", "t2"]


def test_sources_are_weighted() -> None:
    known = items(4)
    candidates = [Candidate("t0", CHARTS, 1), Candidate("t1", LISTENING, 1)]
    assert ids(listed(known, candidates=candidates)) == ["t1", "t0"]
    weights = {CHARTS: 1.0, LISTENING: 0.5}
    assert ids(listed(known, candidates=candidates, weights=weights)) == ["t0", "t1"]


def test_what_several_sources_propose_is_before_what_one_does() -> None:
    candidates = [
        Candidate("t0", LISTENING, 1.0),
        Candidate("t1", LISTENING, 0.9, ("because",)),
        Candidate("t1", TEXT, 1.0),
    ]
    first = listed(items(2), candidates=candidates)[0]
    assert (first.item.track_id, first.source, first.because) == ("t1", LISTENING, ("because",))


def test_rights_explicit_filter_blocks_and_repetition_leave_tracks_out() -> None:
    known = items(10)
    known["t1"] = Item("t1", ("x",), blocked_markets=frozenset({"DE"}))
    known["t2"] = Item("t2", ("x",), explicit=True)
    known["t3"] = Item("t3", ("unwanted", "x"))
    known["t4"] = Item("t4", ("x",), plays=False)
    listener = Listener(
        "u", market="DE", explicit=False, heard={"t5": 0.5}, blocked=frozenset({"unwanted", "t6"})
    )
    assert ids(listed(known, listener)) == ["t0", "t7", "t8", "t9"]
    assert "t1" in ids(listed(known, Listener("u", market="FR")))


def test_never_heard_is_never() -> None:
    listener = Listener("u", heard={"t0": 900.0})
    assert "t0" in ids(listed(items(3), listener))
    assert ids(listed(items(3), listener, Rules(heard="never", exploration=0))) == ["t1", "t2"]


def test_artists_are_spaced_and_counted() -> None:
    known = {f"t{n}": Item(f"t{n}", ("a",) if n < 6 else (f"b{n}",)) for n in range(20)}
    rules = Rules(size=12, per_artist=3, spacing=3, exploration=0, diversity=0, freshness=0)
    places = [n for n, it in enumerate(listed(known, rules=rules)) if it.item.artist_ids == ("a",)]
    assert places == [0, 4, 8]


def test_spacing_yields_where_there_is_only_one_artist() -> None:
    known = {f"t{n}": Item(f"t{n}", ("a",)) for n in range(5)}
    assert len(listed(known, rules=Rules(per_artist=9, spacing=3))) == 5


def test_diversity_prefers_what_is_unlike_the_chosen() -> None:
    known = {
        "near": Item("near", ("a",), vector=(1.0, 0.0)),
        "same": Item("same", ("b",), vector=(1.0, 0.01)),
        "other": Item("other", ("c",), vector=(0.0, 1.0)),
    }
    rules = Rules(exploration=0, diversity=0.5, freshness=0)
    assert ids(listed(known, rules=rules)) == ["near", "other", "same"]


def test_freshness_and_discovery_move_what_is_new_and_what_few_know() -> None:
    known = items(3)
    known["t1"] = Item("t1", ("x",), released_on=ON, popularity=90)
    fresh = Rules(exploration=0, diversity=0, freshness=1.0)
    assert ids(listed(known, rules=fresh))[0] == "t1"
    known["t0"] = Item("t0", ("y",), popularity=90)
    rare = Rules(exploration=0, diversity=0, freshness=0, discovery=1.0)
    assert ids(listed(known, rules=rare))[0] == "t2"


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_score_that_is_no_number_proposes_nothing(score: float) -> None:
    known = items(2)
    candidates = [Candidate("t0", LISTENING, score), Candidate("t1", LISTENING, 1.0)]
    assert ids(listed(known, candidates=candidates)) == ["t1"]


def test_vectors_that_are_no_numbers_count_as_unknown() -> None:
    known = {f"t{n}": Item(f"t{n}", (f"a{n}",), vector=(float("nan"), 1.0)) for n in range(4)}
    assert len(listed(known, rules=Rules())) == 4


def test_a_merged_track_is_one_candidate() -> None:
    now = Item("new", ("a",))
    candidates = [Candidate("old", LISTENING, 2.0), Candidate("new", LISTENING, 1.0)]
    assert ids(listed({"old": now, "new": now}, candidates=candidates)) == ["new"]


def test_propensities_are_the_frequencies() -> None:
    known = items(5)
    pool = gather(proposed(known), known)
    rules = Rules(size=1, exploration=0.4, diversity=0, freshness=0, spacing=0)
    rng, told, seen = Random(7), {}, Counter()
    for _ in range(5000):
        (chosen,) = blend(pool, Listener("u"), rules, on=ON, rng=rng)
        told[chosen.item.track_id] = chosen.propensity
        seen[chosen.item.track_id] += 1
    assert sum(told.values()) == pytest.approx(1.0)
    for id, propensity in told.items():
        assert seen[id] / 5000 == pytest.approx(propensity, abs=0.03)


def test_nothing_comes_of_nothing() -> None:
    assert blend(gather([], {}), Listener("u"), Rules(), on=ON, rng=Random(1)) == []
    assert listed(items(3), weights={}) == []


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 4), st.integers(0, 5))
def test_a_list_never_repeats_and_never_exceeds(seed, size, per_artist, spacing) -> None:
    rng = np.random.default_rng(seed)
    known = {
        f"t{n}": Item(f"t{n}", (f"a{rng.integers(9)}", f"a{rng.integers(9)}"),
                      vector=tuple(rng.normal(size=4)))
        for n in range(60)
    }  # fmt: skip
    rules = Rules(size=size, per_artist=per_artist, spacing=spacing, exploration=0.5)
    chosen = listed(known, rules=rules, seed=seed)
    assert len(set(ids(chosen))) == len(chosen) <= size
    counts = Counter(id for it in chosen for id in set(it.item.artist_ids))
    assert max(counts.values()) <= per_artist
    assert all(0 < it.propensity <= 1 for it in chosen)
