"""The Web API's parameters: what passes, and the name of what does not."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.ids import derived_id
from shared.webapi import query

A, B = derived_id("a"), derived_id("b")


def refused(call, *args) -> str:
    with pytest.raises(Invalid) as caught:
        call(*args)
    return caught.value.code


def test_ids_keep_order_and_doubles():
    assert query.ids(f"{B},{A}, {B}", 3) == [B, A, B]
    assert refused(query.ids, f"{B},{A},{B}", 2) == "TOO_MANY_IDS"
    assert refused(query.ids, f"{A},", 2) == "INVALID_ID"
    assert refused(query.ids, "", 2) == "INVALID"
    assert refused(query.ids, None, 2) == "INVALID"


def test_markets_are_countries_or_the_token_s_own():
    assert query.market("se", "DE") == "SE"
    assert query.market("from_token", "DE") == "DE"
    assert query.market(None, "DE") is None
    assert query.market("", "DE") is None
    for text in ("XX", "SWE", "s", "ÅÄ", "\x00\x00", "ß"):
        assert refused(query.market, text, "DE") == "INVALID_MARKET"


def test_numbers_are_whole_and_within_bounds():
    assert query.number("50", "limit", 20, 1, 50) == 50
    assert query.number(None, "limit", 20, 1, 50) == 20
    for text in ("0", "51", "-1", "1.5", "1e1", "x", "٣", "²", " 1", "9" * 5000):
        assert refused(query.number, text, "limit", 20, 1, 50) == "INVALID_LIMIT"


@given(st.text())
def test_nothing_else_ever_escapes(text: str):
    for call in (
        lambda: query.ids(text, 50),
        lambda: query.market(text, "SE"),
        lambda: query.number(text, "limit", 20, 1, 50),
    ):
        with suppress(Invalid):
            call()
