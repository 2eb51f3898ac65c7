"""Articles and feeds as text, whatever they are written in and however badly. Pure.

Nothing in them is trusted: bytes are decoded by what they are rather than by what they say, tags
are read by a scanner that never fails, and everything has a limit.
"""

import codecs
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape

from charset_normalizer import from_bytes

from functions.recommendations.markup import attribute, pieces
from shared.errors import Invalid

MOST_CHARS = 400_000
MOST_MARKUP = 1_000_000
MOST_TITLE = 300
MOST_ENTRIES = 200
_GUESSED_BYTES = 20_000
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = (
    "script style noscript template svg math nav footer aside form iframe object button select "
    "textarea head",
    "p div br li ul ol h1 h2 h3 h4 h5 h6 tr td th section article main blockquote pre",
)
_SILENT, _BLOCKS = (frozenset(it.split()) for it in _NAMES)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r"\s+")
_TAG = re.compile(r"<[^<>]{0,2000}>")


@dataclass(frozen=True, slots=True)
class Readable:
    """What a page says. `language` as it declares it, if it does."""

    title: str
    text: str
    language: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a feed; `html` may be a summary only."""

    url: str | None
    title: str
    html: str
    published_at: datetime | None


def decoded(data: bytes, content_type: str = "") -> str:
    """`data` as text: by its byte order mark, as UTF-8 if it can be that, as what its header or
    itself declares, as what it looks like, and at last as what takes anything. Never fails."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _as(data, name) or _clean(data.decode("utf-8", "replace"))
    head = data[:16]
    if len(head) == 16 and head.count(0) >= 4:
        wide = "utf-32" if head.count(0) > 9 else "utf-16"
        text = _as(data, wide + ("-be" if head[0] == 0 else "-le"))
        if text is not None:
            return text
    if (text := _as(data, "utf-8")) is not None:
        return text
    names = [*_DECLARED.findall(content_type.encode("utf-8", "replace"))]
    names += _DECLARED.findall(data[:2048])
    guess = from_bytes(data[:_GUESSED_BYTES]).best() if not names else None
    guessed = [guess.encoding] if guess is not None else []
    for name in (*(it.decode("ascii") for it in names), *guessed, "cp1252"):
        if (text := _as(data, name)) is not None:
            return text
    return _clean(data.decode("utf-8", "replace"))


def _as(data: bytes, name: str) -> str | None:
    try:
        # Only encodings of text: Python knows others, such as "zip" and "hex".
        if not codecs.lookup(name)._is_text_encoding:
            return None
        return _clean(data.decode(name))
    except (LookupError, UnicodeError, ValueError):
        return None


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text)


def readable(html: str) -> Readable:
    """The words of a page or a fragment, without what surrounds them.

    Raises:
        Invalid: there are none (code NO_TEXT).
    """
    words: list[str] = []
    title: list[str] = []
    language: str | None = None
    silent: list[str] = []
    in_title = False
    for kind, value, inside in pieces(html[:MOST_MARKUP]):
        if kind == "text":
            if in_title:
                title.append(value[:MOST_TITLE])
            elif not silent:
                words.append(value)
            continue
        if value in _BLOCKS:
            words.append(" ")
        if value == "title":
            in_title = kind == "start" and not title
        elif kind == "start":
            if value == "html":
                language = (attribute(inside, "lang") or "")[:20] or None
            elif value == "body":
                silent.clear()
            elif value in _SILENT and len(silent) < 50:
                silent.append(value)
        elif value in silent:
            # Whatever was left open within it ends here too.
            del silent[silent.index(value) :]
        elif value == "body":
            silent.clear()
    text = _spaced("".join(words))[:MOST_CHARS]
    named = _spaced("".join(title))[:MOST_TITLE]
    if not text and not named:
        raise Invalid("there are no words in it", code="NO_TEXT")
    return Readable(named, text, language)


def feed(text: str) -> list[Entry]:
    """The entries of an RSS or Atom feed, the first `MOST_ENTRIES`: by their tags' names alone, so
    that a feed that is no well-formed XML is read as far as it goes. No entity is ever expanded.

    Raises:
        Invalid: it has no entries (code NO_FEED).
    """
    entries: list[dict[str, list[str]]] = []
    inside_one, name = False, ""
    for kind, value, inside in pieces(text[:MOST_MARKUP], raw=False):
        if value in ("item", "entry") and kind != "text":
            inside_one = kind == "start" and len(entries) < MOST_ENTRIES
            if inside_one:
                entries.append({})
        elif not inside_one:
            continue
        elif kind == "text":
            if name:
                entries[-1].setdefault(name, []).append(value)
        elif kind == "start":
            name = name or value
            href = attribute(inside, "href") if value == "link" else None
            if href:
                entries[-1].setdefault("link", []).append(href)
        elif value == name:
            name = ""
    if not entries:
        raise Invalid("no RSS or Atom entries in it", code="NO_FEED")
    return [_entry({key: "".join(it) for key, it in one.items()}) for one in entries]


def _spaced(text: str) -> str:
    return _SPACES.sub(" ", text).strip()


def _entry(found: dict[str, str]) -> Entry:
    html = next(
        (
            found[it]
            for it in ("content:encoded", "content", "description", "summary")
            if it in found
        ),
        "",
    )
    when = next(
        (found[it] for it in ("pubdate", "published", "dc:date", "updated") if it in found), ""
    )
    title = _SPACES.sub(" ", _TAG.sub(" ", unescape(found.get("title", "")))).strip()
    url = found.get("link", "").strip() or None
    return Entry(url, title[:MOST_TITLE], html, instant(when.strip()))


def instant(text: str) -> datetime | None:
    """RFC 3339 or RFC 2822, in UTC; None for anything else, and for the far past and future."""
    for parse in (lambda it: datetime.fromisoformat(it), parsedate_to_datetime):
        try:
            found = parse(text)
            at = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
        return at if 1990 <= at.year <= 2100 else None
    return None
