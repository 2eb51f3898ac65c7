"""Identifiers of DDEX messages: party ids and GRids, with their check characters. Pure."""

import re
from datetime import UTC, datetime

from shared.errors import Invalid

NOBODY = "PADPIDA0000000000Q"
"""A DDEX party id that nobody has: what a system is that was not told its own."""
_DPID = re.compile(r"PADPIDA[0-9A-Z]{11}")
_GRID = re.compile(r"A1[0-9A-Z]{16}")
_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NOISE = re.compile(r"[\s\-–]+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")


def parse_dpid(text: str) -> str:
    """A DDEX party id without hyphens: `PA-DPIDA-2007040502-I` is PADPIDA2007040502I.

    Raises:
        Invalid: not its structure, or its check character is wrong (code INVALID_DPID).
    """
    return _parsed(text, _DPID, "a DDEX party id", "INVALID_DPID")


def parse_grid(text: str) -> str:
    """A global release identifier without hyphens: `A1-2425G-ABC1234002-M`.

    Raises:
        Invalid: not its structure, or its check character is wrong (code INVALID_GRID).
    """
    return _parsed(text, _GRID, "a GRid", "INVALID_GRID")


def parse_time(text: str) -> datetime:
    """When a message was made, in UTC; a time without a zone is taken for UTC.

    Raises:
        Invalid: code INVALID_MOMENT.
    """
    try:
        if not (found := _TIME.fullmatch(text.strip())):
            raise ValueError("not YYYY-MM-DDThh:mm:ss")
        whole = text.strip()[: -len(found[2])] if found[2] else text.strip()
        at = datetime.fromisoformat(whole[:26] + (found[2] or "Z").replace("Z", "+00:00"))
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"not a time: {text[:40]!r}", code="INVALID_MOMENT") from error


def _parsed(text: str, structure: re.Pattern[str], what: str, refusal: str) -> str:
    code = _NOISE.sub("", text[:64]).upper()
    if not structure.fullmatch(code) or not _checks(code):
        raise Invalid(f"not {what}: {text[:40]!r}", code=refusal)
    return code


def _checks(code: str) -> bool:
    """ISO 7064 MOD 37,36 over all characters, the last of which is the check."""
    rest = 36
    for sign in code[:-1]:
        rest = (rest + _SIGNS.index(sign)) % 36 or 36
        rest = rest * 2 % 37
    return (rest + _SIGNS.index(code[-1])) % 36 == 1
