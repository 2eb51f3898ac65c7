"""The Web API's parameters, from their text. Pure."""

import re

from shared.errors import Invalid
from shared.ids import parse_id
from shared.territories import TERRITORIES

_IDS = re.compile(r"[0-9A-Za-z]{22}(?:,[0-9A-Za-z]{22})*")
FROM_TOKEN = "from_token"  # noqa: S105 - the word that asks for the token's market


def ids(text: str | None, most: int, name: str = "ids") -> list[str]:
    """`a,b`: in order, doubles kept.

    Raises:
        Invalid: none, more than `most` (code TOO_MANY_IDS), or one malformed (code INVALID_ID).
    """
    found = listed(text, most, name)
    # One match for all of them: the pages that are asked most are lists of ids.
    return found if _IDS.fullmatch(",".join(found)) else [parse_id(id) for id in found]


def listed(text: str | None, most: int, name: str) -> list[str]:
    """The items of a comma-separated list.

    Raises:
        Invalid: none, or more than `most` (code TOO_MANY_IDS).
    """
    if not text:
        raise Invalid(f"{name} is missing", code="INVALID")
    if text.count(",") >= most:
        raise Invalid(f"too many {name}: {most} at most", code="TOO_MANY_IDS")
    return [item.strip() for item in text.split(",")]


def market(text: str | None, own: str) -> str | None:
    """`SE`, or the listener's `own` for `from_token`; None when not asked.

    Raises:
        Invalid: no ISO 3166-1 alpha-2 country (code INVALID_MARKET).
    """
    if not text:
        return None
    if text == FROM_TOKEN:
        return own
    found = text.upper() if len(text) == 2 else text
    if found not in TERRITORIES:
        raise Invalid(f"Invalid market code {text[:20]!r}", code="INVALID_MARKET")
    return found


def number(text: str | None, name: str, default: int, least: int, most: int) -> int:
    """A whole number from `least` to `most`.

    Raises:
        Invalid: it is none (code INVALID_LIMIT for `limit`, and so on).
    """
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) < 18 and least <= int(text) <= most:
        return int(text)
    raise Invalid(f"Invalid {name}: {least} to {most}", code=f"INVALID_{name.upper()}")
