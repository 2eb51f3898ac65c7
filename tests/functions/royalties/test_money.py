"""Amounts in words, rates of the day, exchange."""

from datetime import date, timedelta

import pytest

from functions.royalties.money import converted, decimal, in_words, new_rate, rate_on
from shared.errors import Conflict, Invalid

DAY = date(2026, 9, 30)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, "SEK", "0.00 SEK"),
        (-5, "SEK", "-0.05 SEK"),
        (123_456_789, "EUR", "1,234,567.89 EUR"),
        (1234, "JPY", "1,234 JPY"),
        (-1234, "BHD", "-1.234 BHD"),
    ],
)
def test_minor_units_read_as_people_write_them(amount: int, currency: str, text: str):
    assert in_words(amount, currency) == text
    assert decimal(amount, currency) == text.split()[0].replace(",", "")


def test_the_latest_rate_of_the_week_is_used_and_an_older_one_never():
    rates = [new_rate("SEK", "EUR", DAY - timedelta(days=it), f"0.08{it}") for it in (2, 5, 9)]
    rates.append(new_rate("SEK", "EUR", DAY + timedelta(days=1), "0.09"))
    assert rate_on(rates, "SEK", "EUR", DAY).value == "0.082"
    for wrong in (rates[2:], [], [new_rate("EUR", "SEK", DAY, "11")]):
        with pytest.raises(Conflict) as caught:
            rate_on(wrong, "SEK", "EUR", DAY)
        assert caught.value.code == "RATE_MISSING"


def test_exchange_is_exact_and_rounds_halves_to_even():
    half = new_rate("SEK", "EUR", DAY, "0.5")
    assert [converted(it, half) for it in (1, 2, 3, 5, -1, -3)] == [0, 1, 2, 2, 0, -2]
    assert converted(10**15, new_rate("SEK", "EUR", DAY, "0.088888888889")) == 88_888_888_889_000
    assert converted(100, new_rate("SEK", "JPY", DAY, "14.25")) == 14
    assert converted(14, new_rate("JPY", "BHD", DAY, "0.0025")) == 35


@pytest.mark.parametrize(
    ("base", "quote", "value", "code"),
    [
        ("SEK", "SEK", "1", "INVALID_RATE"),
        ("SEK", "EUR", "0", "INVALID_RATE"),
        ("SEK", "EUR", "-1", "INVALID_RATE"),
        ("SEK", "EUR", "1e3", "INVALID_RATE"),
        ("SEK", "EUR", "1/3", "INVALID_RATE"),
        ("SEK", "EUR", "٣", "INVALID_RATE"),
        ("sek", "EUR", "1", "INVALID_CURRENCY"),
        ("SEK", "EURO", "1", "INVALID_CURRENCY"),
    ],
)
def test_wrong_rates_have_named_errors(base: str, quote: str, value: str, code: str):
    with pytest.raises(Invalid) as caught:
        new_rate(base, quote, DAY, value)
    assert caught.value.code == code
