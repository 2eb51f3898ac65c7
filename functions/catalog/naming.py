"""Names as people and files write them: cleaned, compared, taken apart. Pure."""

import re
import unicodedata
from collections.abc import Iterable

MAX_NAME_CHARS = 500
MAX_ARTISTS = 50
_EXTENSION = re.compile(r"\.[0-9A-Za-z]{1,5}$")
_NUMBER = re.compile(r"^\d{1,3}\s*[-._ ]\s*(?=\S)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_FEATURING = re.compile(r"\s+[(\[]?(?:feat\.?|ft\.?|featuring)\s+", re.IGNORECASE)


def clean(text: str | None) -> str | None:
    """Tags hold anything: no control characters, bounded, None rather than empty."""
    if text is None:
        return None
    return _CONTROL.sub(" ", text).strip()[:MAX_NAME_CHARS].strip() or None


def clean_names(names: Iterable[str]) -> tuple[str, ...]:
    """Each name cleaned, the empty ones left out, no more than `MAX_ARTISTS`."""
    return tuple(name for name in map(clean, names) if name)[:MAX_ARTISTS]


def key_of(name: str) -> str:
    """What two spellings of one name have in common: `Beyoncé` and `BEYONCE  ` give `beyonce`.

    Compatibility forms, case, blanks and the accents of U+0300 to U+036F are folded; marks that
    make another letter elsewhere (dakuten, vowel signs) are kept. Kept claims depend on it: it
    must not change.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    bare = "".join(it for it in folded if not "\u0300" <= it <= "\u036f")
    return " ".join(unicodedata.normalize("NFKC", bare).split())


def credited(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Artists as a tag names them, as (name, role): `Ada feat. Bo` is Ada, with Bo featured."""
    found: dict[str, tuple[str, str]] = {}
    for name in names:
        first, *guests = _FEATURING.split(name, maxsplit=1)
        for part, role in ((first, "main"), *((guest, "featured") for guest in guests)):
            if (shown := clean(part.rstrip(")]"))) is not None:
                found.setdefault(key_of(shown), (shown, role))
    return tuple(found.values())[:MAX_ARTISTS]


def title_from(filename: str) -> str:
    """A title from a file's name: `../disc 1/03 - Nocturne.flac` → `Nocturne`."""
    base = re.split(r"[/\\]", filename.rstrip("/\\"))[-1]
    stem = _EXTENSION.sub("", base).replace("_", " ").strip()
    return clean(_NUMBER.sub("", stem)) or clean(stem) or "Untitled"
