"""Identifiers pass by their own rules, and one wrong digit does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import identifiers
from shared.errors import Invalid

GOOD = [
    (identifiers.parse_isrc, "gb-aye-69-00531", "GBAYE6900531"),
    (identifiers.parse_upc, "0 75678 16412 5", "075678164125"),
    (identifiers.parse_upc, "4006381333931", "4006381333931"),
    (identifiers.parse_upc, "96385074", "96385074"),
    (identifiers.parse_iswc, "T-034.524.680-1", "T0345246801"),
    (identifiers.parse_isni, "0000 0001 2150 090X", "000000012150090X"),
    (identifiers.parse_ipi, "00014107338", "00014107338"),
    (identifiers.parse_ipi, "14107338", "00014107338"),
]
WEAK = (identifiers.parse_isrc, identifiers.parse_iswc)
"""An ISRC has no check digit; an ISWC's (weights 1 to 9 modulo 10) misses some slips."""


@pytest.mark.parametrize(("parse", "text", "kept"), GOOD)
def test_what_people_write_becomes_one_form(parse, text: str, kept: str):
    assert parse(text) == kept
    assert parse(kept) == kept


@pytest.mark.parametrize(
    ("parse", "good"),
    [(parse, kept) for parse, _, kept in GOOD if parse not in WEAK],
)
def test_any_one_wrong_digit_is_noticed(parse, good: str):
    for at, digit in enumerate(good):
        if not digit.isdigit():
            continue
        for other in "0123456789":
            if other == digit:
                continue
            with pytest.raises(Invalid):
                parse(good[:at] + other + good[at + 1 :])


@pytest.mark.parametrize(
    "parse",
    [
        identifiers.parse_isrc,
        identifiers.parse_upc,
        identifiers.parse_iswc,
        identifiers.parse_isni,
        identifiers.parse_ipi,
    ],
)
@given(text=st.text(max_size=80) | st.text("0123456789TX-. ", max_size=30))
def test_whatever_is_given_is_kept_or_refused_by_name(parse, text: str):
    try:
        kept = parse(text)
    except Invalid:
        return
    assert parse(kept) == kept
    assert kept.isascii()


def test_an_iswc_with_another_check_digit_is_refused():
    for digit in "023456789":
        with pytest.raises(Invalid):
            identifiers.parse_iswc("T034524680" + digit)


def test_unicode_digits_are_no_digits():
    for parse in (identifiers.parse_upc, identifiers.parse_ipi, identifiers.parse_isni):
        with pytest.raises(Invalid):
            parse("٠" * 12)
