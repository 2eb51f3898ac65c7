"""The Range header as RFC 9110 §14 has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.runtime.storage.errors import RangeNotSatisfiable
from emulators.runtime.storage.ranges import parse


@given(size=st.integers(1, 1000), start=st.integers(0, 1200), end=st.integers(0, 1200))
def test_a_range_is_what_slicing_gives(size: int, start: int, end: int) -> None:
    data = bytes(number % 251 for number in range(size))
    header = f"bytes={start}-{end}"
    if end < start:
        assert parse(header, size) is None
    elif start >= size:
        with pytest.raises(RangeNotSatisfiable):
            parse(header, size)
    else:
        span = parse(header, size)
        assert span is not None
        assert data[span.start : span.end + 1] == data[start : end + 1]
        assert span.length == len(data[start : end + 1])


@pytest.mark.parametrize("header", [None, "", "bytes=-", "bytes=a-b", "bytes=0-1,3-4", "items=0-1"])
def test_what_is_not_one_range_asks_for_everything(header: str | None) -> None:
    assert parse(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=-5", "bytes=0-", "bytes=0-0"])
def test_nothing_can_be_taken_from_nothing(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        parse(header, 0)
