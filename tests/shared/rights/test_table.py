"""The table of all tracks: versions that never go back, the same answers wherever a track lies."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.rights.deals import Deal
from shared.rights.shapes import Shapes
from shared.rights.table import UNKNOWN, Table
from tests.rights import deal
from tests.web import NOW

CHOICES: tuple[tuple[Deal, ...], ...] = (
    (),
    (deal(),),
    (deal(territories=("US",)),),
    (deal(licence_id="b", plans=("premium",)), deal(licence_id="c", territories=("SE",))),
)


def answer(table: Table, track_id: str):
    return table.decide(track_id, "SE", "premium", "OnDemandStream", NOW)


def test_a_track_never_heard_of_is_unknown():
    table = Table()
    assert answer(table, "a").reason == UNKNOWN
    assert (table.version("a"), table.shape("a")) == (0, None)
    table.compact()
    assert answer(table, "a").reason == UNKNOWN


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(1, 70_000), st.integers(0, 3)), max_size=15
    ),
    st.sampled_from((4, 100)),
)
def test_the_latest_version_answers_in_whatever_order_it_came(
    puts: list[tuple[str, int, int]], full_at: int
):
    table, latest = Table(full_at=full_at), dict[str, tuple[int, int]]()
    for track_id, version, choice in puts:
        newer = version > latest.get(track_id, (0, 0))[0]
        assert table.put(track_id, CHOICES[choice], version) == newer
        if newer:
            latest[track_id] = version, choice
        if table.is_full:
            table.compact()
    for track_id, (version, choice) in latest.items():
        assert table.version(track_id) == version
        wanted = (
            Shapes().of(CHOICES[choice]).decide("SE", "premium", "OnDemandStream", NOW, version)
        )
        assert answer(table, track_id) == wanted


def test_what_is_put_while_the_arrays_are_made_is_kept():
    table = Table()
    table.put("a", CHOICES[1], 1)
    table.put("b", CHOICES[1], 1)
    merged = table.merged()
    table.put("a", (), 2)
    table.put("c", CHOICES[1], 1)
    table.adopt(merged)
    assert [answer(table, it).allow for it in "abc"] == [False, True, True]
    assert [table.version(it) for it in "abc"] == [2, 1, 1]


def test_very_many_tracks_are_found_again_in_eleven_bytes_each():
    luck = random.Random(1)
    shapes = Shapes()
    made = [shapes.of(it) for it in CHOICES]
    tracks = {f"{luck.getrandbits(120):022x}": luck.randrange(4) for _ in range(150_000)}
    table = Table(shapes)
    table.fill((id, made[choice], 1 + choice) for id, choice in tracks.items())
    assert len(table) == len(tracks)
    for id, choice in luck.sample(sorted(tracks.items()), 2000):
        assert table.shape(id) is made[choice]
        assert table.version(id) == 1 + choice
    for _ in range(2000):
        assert table.shape(f"{luck.getrandbits(120):022x}") is None
    assert table.size_bytes() < 11 * len(tracks) + 4 * (1 << 16) + 1000
