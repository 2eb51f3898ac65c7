"""What people type into a search box, taken apart: words, and filters such as `year:1990-1999`.

A filter's value runs to the next filter or the end (`track:Doxy artist:Miles Davis`), unless it
is quoted. Values of year, isrc, upc and tag are one word; what follows is free text again.
"""

import re
from dataclasses import dataclass

from shared.errors import Invalid
from shared.text import Reading, words

MAX_CHARS = 250
MAX_WORDS = 24
MAX_TOKENS = 96
MAX_FILTERS = 10
TAGS = ("new", "hipster")
_TEXT_FILTERS = ("artist", "album", "track", "genre", "label")
_WORD_FILTERS = ("year", "isrc", "upc", "tag")
_FILTER = re.compile(
    rf"(?<!\S)({'|'.join((*_TEXT_FILTERS, *_WORD_FILTERS))}):\s*(?:\"([^\"]*)\"?|)", re.IGNORECASE
)
_YEARS = re.compile(r"([0-9]{4})(?:-([0-9]{4}))?")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

Word = tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A search, parsed. `open` if the last word may be unfinished: its author still types.

    `filters` are words by field (artist, album, track, genre, label); `years` is inclusive.
    """

    text: str
    words: tuple[Word, ...] = ()
    open: bool = False
    filters: tuple[tuple[str, tuple[Word, ...]], ...] = ()
    years: tuple[int, int] | None = None
    isrc: str | None = None
    upc: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        """The names of all filters in use."""
        used = {name for name, _ in self.filters}
        for name in ("years", "isrc", "upc"):
            if getattr(self, name) is not None:
                used.add(name.removesuffix("s"))
        return frozenset(used | {f"tag:{tag}" for tag in self.tags})


def parse(text: str) -> Query:
    """The query that `text` states.

    Raises:
        Invalid: QUERY_MISSING (nothing in it), QUERY_TOO_LONG, QUERY_TOO_COMPLEX (too many
            words or filters), QUERY_MALFORMED (control characters), FILTER_INVALID (its value).
    """
    if len(text) > MAX_CHARS:
        raise Invalid(f"q exceeds {MAX_CHARS} characters", code="QUERY_TOO_LONG")
    if _CONTROL.search(text):
        raise Invalid("q has control characters", code="QUERY_MALFORMED")
    free, filters = _take_apart(text)
    if len(filters) > MAX_FILTERS:
        raise Invalid(f"more than {MAX_FILTERS} filters", code="QUERY_TOO_COMPLEX")
    values: dict[str, str] = {}
    texts: list[tuple[str, tuple[Word, ...]]] = []
    tags: list[str] = []
    for name, value in filters:
        if name == "tag":
            tags.append(_tag(value))
        elif name in _WORD_FILTERS:
            values[name] = value
        else:
            texts.append((name, _some(name, tuple(words(value)))))
    free = free.replace('"', " ")
    plain = tuple(words(free))
    query = Query(
        text=" ".join(free.split()),
        words=plain,
        open=bool(plain) and not free[-1].isspace() and not text.rstrip().endswith('"'),
        filters=tuple(texts),
        years=_years(values["year"]) if "year" in values else None,
        isrc=_code("isrc", values),
        upc=_code("upc", values),
        tags=tuple(dict.fromkeys(tags)),
    )
    _bound(query)
    return query


def _take_apart(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Free text, and (filter, value) pairs."""
    free: list[str] = []
    filters: list[tuple[str, str]] = []
    matches = list(_FILTER.finditer(text))
    end = 0
    for at, match in enumerate(matches):
        free.append(text[end : match.start()])
        name, quoted = match[1].lower(), match[2]
        until = matches[at + 1].start() if at + 1 < len(matches) else len(text)
        rest = text[match.end() : until]
        if quoted is not None:
            filters.append((name, quoted))
            free.append(rest)
        elif name in _TEXT_FILTERS:
            filters.append((name, rest))
        else:
            value, _, after = rest.partition(" ")
            filters.append((name, value))
            free.append(after)
        end = until
    free.append(text[end:])
    return " ".join(part for part in free if part), filters


def _bound(query: Query) -> None:
    everything = [*query.words, *(word for _, value in query.filters for word in value)]
    if not everything and not query.fields:
        raise Invalid("q has no word to search for", code="QUERY_MISSING")
    tokens = sum(len(reading) for word in everything for reading in word)
    if len(everything) > MAX_WORDS or tokens > MAX_TOKENS:
        raise Invalid(f"q exceeds {MAX_WORDS} words", code="QUERY_TOO_COMPLEX")


def _some(name: str, value: tuple[Word, ...]) -> tuple[Word, ...]:
    if not value:
        raise Invalid(f"{name}: has no value", code="FILTER_INVALID")
    return value


def _years(value: str) -> tuple[int, int]:
    match = _YEARS.fullmatch(value)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last:
        raise Invalid("year: takes 1999 or 1990-1999", code="FILTER_INVALID")
    return first, last


def _tag(value: str) -> str:
    if value.lower() not in TAGS:
        raise Invalid(f"tag: takes {' or '.join(TAGS)}", code="FILTER_INVALID")
    return value.lower()


def _code(name: str, values: dict[str, str]) -> str | None:
    """An ISRC or UPC without hyphens, in capitals; None if it is not asked for."""
    if name not in values:
        return None
    code = values[name].replace("-", "").upper()
    if not (code.isascii() and code.isalnum()):
        raise Invalid(f"{name}: takes a code of letters and digits", code="FILTER_INVALID")
    return code
