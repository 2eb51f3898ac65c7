"""Which edge, and where to begin: plain values."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.playback.edges import (
    HALF_LIFE_S,
    NOTHING,
    Edge,
    Place,
    Sums,
    place_of,
    ranked,
    read_edges,
    start_of,
)
from infra.config import BadEdges
from infra.config import read_edges as configured
from tests.functions.playback.events import renditions

EU = Edge("eu", "https://eu.test", 50.45, 3.82, 100)
US = Edge("us", "https://us.test", 33.2, -80.0, 100)
FRONT = Edge("front", "https://segue.test")
EDGES = (US, FRONT, EU)
STOCKHOLM = Place("SE", 59.33, 18.06)
MIAMI = Place("US", 25.76, -80.19)
NOW_S = 1_000_000.0


def measured(requests: float = 50, errors: float = 0, mbps: float = 8, seconds: float = 60) -> Sums:
    return Sums(NOW_S, requests, errors, mbps * 1e6 / 8 * seconds, seconds)


def order(place: Place = STOCKHOLM, at_s: float = NOW_S, **cells: Sums) -> list[str]:
    known = {(name, place.country): sums for name, sums in cells.items()}
    return [edge.name for edge in ranked(EDGES, place, known, at_s)]


def test_the_nearest_edge_is_first_while_nothing_is_measured():
    assert order()[0] == "eu"
    assert order(MIAMI)[0] == "us"
    assert sorted(order(Place("SE"))) == ["eu", "front", "us"]


def test_an_edge_that_fails_goes_last_and_is_forgiven_in_time():
    broken = measured(errors=50)
    assert order(eu=broken)[-1] == "eu"
    assert order(eu=broken, at_s=NOW_S + 20 * HALF_LIFE_S)[0] == "eu"


def test_one_error_among_many_moves_nothing_much():
    assert order(eu=measured(requests=200, errors=1))[0] == "eu"


def test_a_slow_edge_gives_way_to_a_fast_one_further_off():
    assert order(eu=measured(mbps=0.2), us=measured(mbps=50))[0] == "us"


def test_what_another_country_measured_does_not_count_for_this_one():
    assert ranked(EDGES, STOCKHOLM, {("eu", "JP"): measured(errors=50)}, NOW_S)[0] is EU


def test_a_full_edge_gives_way():
    small = replace(EU, gbps=0.001)
    cells = {("eu", "DE"): measured(mbps=2, seconds=100_000)}
    assert ranked((small, US), STOCKHOLM, cells, NOW_S)[0] is US
    assert ranked((EU, US), STOCKHOLM, cells, NOW_S)[0] is EU


_numbers = st.floats(0, 1e9)
_sums = st.builds(
    Sums, at_s=st.floats(0, 2e6), requests=_numbers, errors=_numbers, bytes=_numbers,
    seconds=_numbers,
)  # fmt: skip


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["eu", "us", "front", "gone"]), st.just("SE")), _sums
    ),
    st.floats(0, 2e6),
)
def test_every_edge_is_ranked_once_whatever_was_told(cells, now_s):
    found = ranked(EDGES, STOCKHOLM, cells, now_s)
    assert sorted(it.name for it in found) == ["eu", "front", "us"]
    assert ranked(EDGES[::-1], STOCKHOLM, cells, now_s) == found


@given(_sums, _sums, _sums)
def test_sums_add_up_in_any_order(one, two, three):
    left, right = one.plus(two).plus(three), three.plus(one).plus(two)
    for name in ("at_s", "requests", "errors", "bytes", "seconds"):
        assert math.isclose(getattr(left, name), getattr(right, name), rel_tol=1e-6, abs_tol=1e-6)


def test_clocks_that_disagree_never_make_a_sum_grow():
    assert measured().at(NOW_S - 500) == measured()


@pytest.mark.parametrize(
    ("country", "location", "expected"),
    [
        ("SE", "59.33,18.06", STOCKHOLM),
        ("se", "", Place("SE")),
        ("", "59.33,18.06", Place("GB", 59.33, 18.06)),
        ("", "", Place("GB")),
        ("SE", "91,0", Place("SE")),
        ("SE", "nan,nan", Place("SE")),
        ("SE", "x", Place("SE")),
        ("SWEDEN", "1;2", Place("GB")),
    ],
)
def test_a_place_is_read_as_far_as_it_makes_sense(country, location, expected):
    assert place_of(country, location, "GB") == expected


@pytest.mark.parametrize(
    ("network", "told_bps", "mbps", "kbps"),
    [
        (None, 0, None, 320),
        ("2g", 0, None, 96),
        ("3g", 0, None, 160),
        ("wifi", 0, 0.2, 96),
        ("wifi", 300_000, None, 160),
        ("2g", 5_000_000, None, 320),  # what was measured goes before the network's name
        ("carrier pigeon", 0, None, 320),
        (None, 1, None, 96),
    ],
)
def test_a_play_begins_where_the_line_can_carry_it(network, told_bps, mbps, kbps):
    sums = NOTHING if mbps is None else measured(mbps=mbps, seconds=600)
    start = start_of(renditions(), "aac", sums, network, told_bps)
    assert start is not None
    assert (start.codec, start.kbps) == ("aac", kbps)
    assert start_of(renditions(), "vorbis", sums, network, told_bps) is None


def test_the_stack_and_the_service_agree_on_edges():
    text = "eu=europe-west1@50.45,3.82:100 us=us-east1@33.2,-80.01:40.5"
    made = configured(text, "segue.example", "us=http://127.0.0.1:1")
    assert [it.url for it in made] == ["https://edge-eu.segue.example", "http://127.0.0.1:1"]
    told = json.dumps(
        [{name: getattr(it, name) for name in it.__dataclass_fields__} for it in made]
    )
    assert read_edges(told)[1] == Edge("us", "http://127.0.0.1:1", 33.2, -80.01, 40.5)
    for bad in ("eu", "eu=x", "eu=europe-west1@1:2", "EU=a@1,2:3", "a=b@1,2:3 a=b@1,2:3"):
        with pytest.raises(BadEdges):
            configured(bad, "segue.example")
