"""The music industry's identifiers, each checked by its own rules. Pure.

    ISRC  a recording (ISO 3901)        not unique in practice: never a key
    UPC   a release (GS1: EAN-8, UPC-A, EAN-13 or GTIN-14)
    ISWC  a work (ISO 15707)            T-034.524.680-1 is T0345246801
    ISNI  a public identity (ISO 27729) 16 digits, the last may be X
    IPI   an interested party (CISAC)   a name number of 11 digits

Every function takes what people write, hyphens, dots and spaces included, and answers the one
form that is kept. All raise Invalid with the code INVALID_ISRC, INVALID_UPC and so on.
"""

import re

from shared import ids
from shared.errors import Invalid

_NOISE = re.compile(r"[\s.\-‐‑–]+")
_ISWC = re.compile(r"T[0-9]{10}")
_ISNI = re.compile(r"[0-9]{15}[0-9X]")
_IPI = re.compile(r"[0-9]{1,11}")
_UPC = re.compile(r"[0-9]{8}|[0-9]{12,14}")
MAX_CHARS = 64

parse_isrc = ids.parse_isrc


def parse_upc(text: str) -> str:
    """A GTIN whose last digit is right (GS1 General Specifications §7.9: weights 3, 1, … from
    the right). Leading zeros are kept: they are part of what is printed."""
    code = _bare(text)
    if not (_UPC.fullmatch(code) and code.isascii()):
        raise _wrong("UPC", text)
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(code)))
    if total % 10:
        raise _wrong("UPC", text)
    return code


def parse_iswc(text: str) -> str:
    """An ISWC: T, nine digits, and the check digit over them (ISO 15707 annex B)."""
    code = _bare(text)
    if not _ISWC.fullmatch(code):
        raise _wrong("ISWC", text)
    total = 1 + sum(place * int(digit) for place, digit in enumerate(code[1:10], 1))
    if (-total) % 10 != int(code[10]):
        raise _wrong("ISWC", text)
    return code


def parse_isni(text: str) -> str:
    """An ISNI with its check character (ISO 7064 MOD 11-2)."""
    code = _bare(text)
    if not _ISNI.fullmatch(code):
        raise _wrong("ISNI", text)
    total = 0
    for digit in code[:15]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    if ("X" if check == 10 else str(check)) != code[15]:
        raise _wrong("ISNI", text)
    return code


def parse_ipi(text: str) -> str:
    """An IPI name number: nine digits and two check digits, by weights modulo 101 (CISAC).

    The check is 101 - (10 d1 + 9 d2 + … + 2 d9) mod 101, modulo 100. Shorter numbers are filled
    up with zeros on the left, as on paper they are left off.
    """
    code = _bare(text)
    if not (_IPI.fullmatch(code) and code.isascii()):
        raise _wrong("IPI", text)
    code = code.zfill(11)
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), code, strict=False))
    check = (101 - total % 101) % 101 % 100
    if int(code) == 0 or check != int(code[9:]):
        raise _wrong("IPI", text)
    return code


def _bare(text: str) -> str:
    return _NOISE.sub("", text[:MAX_CHARS]).upper()


def _wrong(kind: str, text: str) -> Invalid:
    return Invalid(f"not an {kind}: {text[:40]!r}", code=f"INVALID_{kind}")
