"""Identifiers: 22-character base-62 strings, as the Web API's clients expect (`[0-9A-Za-z]+`)."""

import hashlib
import re
import secrets
from typing import NewType

from shared.errors import Invalid

TrackId = NewType("TrackId", str)
UploadId = NewType("UploadId", str)
AudioId = NewType("AudioId", str)
PlayId = NewType("PlayId", str)
LicenceId = NewType("LicenceId", str)
EventId = NewType("EventId", str)

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 22
_PAIRS = [one + two for one in ALPHABET for two in ALPHABET]
"""Two digits at a time: an id is made for every play."""
_ID = re.compile(r"[0-9A-Za-z]{22}")
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")


def base62(data: bytes) -> str:
    """The first 22 base-62 digits that 16 bytes of `data` give: 128 bits, zero-padded."""
    number = int.from_bytes(data[:16], "big")
    pairs: list[str] = []
    for _ in range(LENGTH // 2):
        number, pair = divmod(number, 62 * 62)
        pairs.append(_PAIRS[pair])
    return "".join(reversed(pairs))


def new_id() -> str:
    """A fresh random id of 128 bits. Call it at the edge and pass the id in."""
    return base62(secrets.token_bytes(16))


def derived_id(*parts: str) -> str:
    """The id that these parts always give: for events that may be published more than once."""
    return base62(hashlib.sha256("/".join(parts).encode()).digest())


def parse_id(text: str, what: str = "id") -> str:
    """`text` as an id.

    Raises:
        Invalid: not 22 base-62 characters (code INVALID_ID).
    """
    if not _ID.fullmatch(text):
        raise Invalid(f"{what} must be 22 characters of 0-9, A-Z, a-z", code="INVALID_ID")
    return text


def parse_isrc(text: str) -> str:
    """`text` as an ISRC without hyphens, in capitals (ISO 3901: country, registrant, year, number).

    Raises:
        Invalid: it has not that structure (code INVALID_ISRC).
    """
    isrc = text.replace("-", "").replace(" ", "").upper()
    if not _ISRC.fullmatch(isrc):
        raise Invalid(f"not an ISRC: {text[:40]!r}", code="INVALID_ISRC")
    return isrc
