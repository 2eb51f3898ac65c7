"""Grouping and measuring byte ranges."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from functions.transcode.segments import SEGMENT_S, Segment, average_bps, group, peak_bps


def pieces(*lengths: tuple[int, int]) -> list[Segment]:
    """(size, duration) pairs, one after the other from byte 100."""
    made: list[Segment] = []
    offset, start = 100, 0
    for size, duration in lengths:
        made.append(Segment(offset, size, start, duration))
        offset += size
        start += duration
    return made


def test_two_second_pieces_become_a_short_a_middling_and_long_segments():
    grouped = group(pieces(*[(10, 2000)] * 20), 1000)
    assert [segment.duration for segment in grouped] == [2000, 4000, 10000, 10000, 10000, 4000]


def test_a_first_piece_short_by_the_encoders_delay_is_a_segment():
    grouped = group(pieces((10, 1997), *[(10, 2020)] * 4), 1000)
    assert [segment.duration for segment in grouped][:2] == [1997, 4040]


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(20, 3000)), min_size=1, max_size=200))
def test_grouping_loses_nothing(lengths):
    given_pieces = pieces(*lengths)
    grouped = group(given_pieces, 1000)
    assert sum(segment.size for segment in grouped) == sum(size for size, _ in lengths)
    assert sum(segment.duration for segment in grouped) == sum(time for _, time in lengths)
    for before, after in pairwise(grouped):
        assert before.offset + before.size == after.offset
        assert before.start + before.duration == after.start
    assert max(s.duration for s in grouped) <= SEGMENT_S * 1000 + 2 * 3000


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(20, 3000)), min_size=1, max_size=100))
def test_the_peak_is_at_least_the_mean(lengths):
    given_pieces = pieces(*lengths)
    assert peak_bps(given_pieces, 1000) >= average_bps(given_pieces, 1000)


def test_the_peak_is_that_of_the_worst_stretch_of_half_a_target_or_more():
    # A short last segment alone may be dense; RFC 8216 does not count it alone.
    given_pieces = pieces((1000, 10_000), (3000, 10_000), (900, 1_000))
    assert average_bps(given_pieces, 1000) == round(4900 * 8 / 21)
    assert peak_bps(given_pieces, 1000) == round(3900 * 8 / 11)
