"""Currencies, dated exchange rates, and amounts in words. Integers and fractions only. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from shared.errors import Conflict, Invalid

MAX_AGE = timedelta(days=7)
"""A rate older than this is no rate of the day."""
_CODE = re.compile(r"[A-Z]{3}")
_DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_NONE = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905
)
_THREE = frozenset("BHD IQD JOD KWD LYD OMR TND".split())  # noqa: SIM905


def parse_currency(text: str) -> str:
    """`text` as an ISO 4217 code.

    Raises:
        Invalid: not three capitals (code INVALID_CURRENCY).
    """
    if not _CODE.fullmatch(text):
        raise Invalid("a currency is an ISO 4217 code, e.g. SEK", code="INVALID_CURRENCY")
    return text


def exponent(currency: str) -> int:
    """How many decimals a currency's minor unit has: 2 for SEK, 0 for JPY, 3 for BHD."""
    return 0 if currency in _NONE else 3 if currency in _THREE else 2


def in_words(amount: int, currency: str) -> str:
    """Minor units as people write them: 123456, "SEK" → "1,234.56 SEK"."""
    return f"{decimal(amount, currency, ',')} {currency}"


def decimal(amount: int, currency: str, thousands: str = "") -> str:
    """Minor units as a decimal of the major unit: -5, "SEK" → "-0.05"."""
    digits = exponent(currency)
    major, minor = divmod(abs(amount), 10**digits)
    text = f"{major:,}".replace(",", thousands)
    fraction = f".{minor:0{digits}d}" if digits else ""
    return f"{'-' if amount < 0 else ''}{text}{fraction}"


@dataclass(frozen=True, slots=True)
class Rate:
    """One `base` was worth `value` `quote` on a day. `value` is an exact decimal, as given."""

    base: str
    quote: str
    on: date
    value: str

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.value)


def new_rate(base: str, quote: str, on: date, value: str) -> Rate:
    """A rate.

    Raises:
        Invalid: INVALID_CURRENCY, or INVALID_RATE (no positive decimal, or a currency to itself).
    """
    if parse_currency(base) == parse_currency(quote):
        raise Invalid("a currency is worth itself", code="INVALID_RATE")
    if not _DECIMAL.fullmatch(value) or Fraction(value) == 0:
        raise Invalid("a rate is a positive decimal, e.g. 11.2345", code="INVALID_RATE")
    return Rate(base, quote, on, value)


def rate_on(rates: Iterable[Rate], base: str, quote: str, on: date) -> Rate:
    """The latest rate from `base` to `quote` that was known `on` that day.

    Raises:
        Conflict: there is none, or it is older than a week (code RATE_MISSING).
    """
    known = [it for it in rates if (it.base, it.quote) == (base, quote) and it.on <= on]
    latest = max(known, key=lambda it: it.on, default=None)
    if latest is None or on - latest.on > MAX_AGE:
        raise Conflict(f"no rate from {base} to {quote} of {on} or the week before",
                       code="RATE_MISSING")  # fmt: skip
    return latest


def converted(amount: int, rate: Rate) -> int:
    """Minor units of `rate.base` as minor units of `rate.quote`, halves to even."""
    scale = Fraction(10) ** (exponent(rate.quote) - exponent(rate.base))
    return round(amount * rate.fraction * scale)
