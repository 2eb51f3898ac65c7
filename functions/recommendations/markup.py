"""HTML and XML as a run of tags and texts, in time that grows with their length alone. Pure.

The standard library's parser takes seconds for forty kilobytes of unfinished tags; what comes
from the internet must not. Nothing fails here: what is no tag is text.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

_NAME = re.compile(r"/?\s*([A-Za-z][A-Za-z0-9:_-]{0,40})")
_ATTRIBUTE = re.compile(r"""([A-Za-z:_-]{1,40})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_RAW = {it: re.compile(rf"</{it}\b", re.IGNORECASE) for it in ("script", "style")}
_MOST_ATTRIBUTES = 4000


class Piece(NamedTuple):
    """`kind` is text, start or end. `value` the text unescaped, or the tag's name in small letters;
    `inside` what a start tag holds besides."""

    kind: str
    value: str
    inside: str = ""


def pieces(text: str, *, raw: bool = True) -> Iterator[Piece]:
    """Tags and texts in order. `raw`: what scripts and styles hold is passed over (HTML)."""
    at, size = 0, len(text)
    while at < size:
        start = text.find("<", at)
        if start < 0:
            break
        if start > at:
            yield Piece("text", unescape(text[at:start]))
        if text.startswith("<!--", start):
            end = text.find("-->", start + 4)
            at = size if end < 0 else end + 3
        elif text.startswith("<![CDATA[", start):
            end = text.find("]]>", start + 9)
            yield Piece("text", text[start + 9 : size if end < 0 else end])
            at = size if end < 0 else end + 3
        else:
            end = text.find(">", start)
            if end < 0:  # no tag ends from here on
                yield Piece("text", unescape(text[start:]))
                return
            found = _NAME.match(text, start + 1, end)
            at = end + 1
            if found is None:
                continue
            name = found[1].lower()
            if text[start + 1] == "/":
                yield Piece("end", name)
                continue
            inside = text[found.end() : end][:_MOST_ATTRIBUTES]
            yield Piece("start", name, inside)
            if inside.endswith("/"):
                yield Piece("end", name)
            elif raw and name in _RAW:
                close = _RAW[name].search(text, at)
                at = size if close is None else close.start()
    if at < size:
        yield Piece("text", unescape(text[at:]))


def attribute(inside: str, name: str) -> str | None:
    """The value of an attribute of a start tag."""
    for found in _ATTRIBUTE.finditer(inside):
        if found[1].lower() == name:
            return unescape(found[2] or found[3] or found[4] or "")
    return None
