"""One Range header, as Cloud CDN takes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.runtime.edge.ranges import Unsatisfiable, first_byte, parse


@pytest.mark.parametrize("text", [None, "items=0-1", "seconds=1-"])
def test_no_range_of_bytes_is_the_whole(text):
    assert parse(text, 10) is None


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 150))
def test_first_and_last(first, last, size):
    text = f"bytes={first}-{last}"
    if first > last or first >= size:
        with pytest.raises(Unsatisfiable):
            parse(text, size)
    else:
        assert parse(text, size) == (first, min(last + 1, size))
    assert first_byte(text) == first


@given(st.integers(1, 200), st.integers(1, 150))
def test_suffix(length, size):
    assert parse(f"bytes=-{length}", size) == (max(0, size - length), size)
    assert first_byte(f"bytes=-{length}") == 0


@given(st.text(max_size=20))
def test_anything_else_never_breaks(text):
    try:
        found = parse(text, 10)
    except Unsatisfiable:
        return
    assert found is None or 0 <= found[0] < found[1] <= 10


@pytest.mark.parametrize("text", ["bytes=0-", "bytes=-1"])
def test_empty_object_satisfies_none(text):
    with pytest.raises(Unsatisfiable):
        parse(text, 0)
