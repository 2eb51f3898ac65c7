"""XML read piece by piece, with every bound that a stranger's file needs. Pure.

A message is a header and lists; what comes out are the header and the lists' items, one after the
other, each forgotten before the next. Document types are refused, and with them every entity that
could grow, fetch or read anything.

Source: XML 1.0; OWASP XML External Entity Prevention Cheat Sheet
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from shared.errors import Invalid

MAX_BYTES = 32 << 20
MAX_DEPTH = 64
MAX_TEXT = 64 << 10
MAX_ELEMENTS = 20_000
"""Within one item."""
MAX_ITEMS = 50_000
SLICE = 64 << 10


class BadMessage(Invalid):
    """The file cannot be read any further; `line` counts from 1."""

    def __init__(self, message: str, *, code: str, line: int) -> None:
        super().__init__(f"line {line}: {message}", code=code)
        self.line = line


@dataclass(slots=True)
class Element:
    """An element: its local name, the line it begins on, what stands in it."""

    name: str
    line: int
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, *path: str) -> list["Element"]:
        """The elements below at `path`, e.g. `all("DealTerms", "UseType")`."""
        found: list[Element] = [self]
        for name in path:
            found = [child for it in found for child in it.children if child.name == name]
        return found

    def one(self, *path: str) -> "Element | None":
        """The first of `all`."""
        found = self.all(*path)
        return found[0] if found else None

    def value(self, *path: str) -> str | None:
        """The text at `path`, trimmed; None where there is none."""
        found = self.one(*path)
        return (found.text.strip() or None) if found is not None else None

    def values(self, *path: str) -> tuple[str, ...]:
        """All texts at `path`, trimmed."""
        return tuple(it.text.strip() for it in self.all(*path) if it.text.strip())

    def walk(self) -> Iterator["Element"]:
        """Itself and everything below."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Root:
    """The document's own element: what the message is."""

    namespace: str
    name: str
    line: int


def items(chunks: Iterable[bytes]) -> Iterator[Root | Element]:
    """The root, then each of its children, those of its `…List` children one by one.

    Raises:
        BadMessage: BAD_XML, DOCTYPE_FORBIDDEN, TOO_DEEP, TOO_LARGE; what came before stands.
    """
    reader = _Reader()
    size = 0
    for chunk in chunks:
        for start in range(0, len(chunk), SLICE):
            piece = chunk[start : start + SLICE]
            size += len(piece)
            if size > MAX_BYTES:
                reader.refuse(f"a message has {MAX_BYTES >> 20} MB at most", "TOO_LARGE")
            yield from reader.feed(piece)
    yield from reader.feed(b"", last=True)


class _Reader:
    def __init__(self) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._open: list[Element] = []
        self._depth = 0
        self._elements = 0
        self._items = 0
        self._ready: list[Root | Element] = []

    def feed(self, piece: bytes, *, last: bool = False) -> list[Root | Element]:
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            raise BadMessage(
                f"not well-formed XML: {expat.ErrorString(error.code)}",
                code="BAD_XML",
                line=error.lineno,
            ) from error
        except (ValueError, LookupError) as error:  # an encoding that is not one
            raise BadMessage(f"not XML: {error}", code="BAD_XML", line=1) from error
        ready, self._ready = self._ready, []
        return ready

    def refuse(self, message: str, code: str) -> NoReturn:
        raise BadMessage(message, code=code, line=self._parser.CurrentLineNumber)

    def _doctype(self, *_: object) -> None:
        self.refuse("document types and entities are not taken", "DOCTYPE_FORBIDDEN")

    def _start(self, full: str, _: object) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.refuse(f"elements lie more than {MAX_DEPTH} deep", "TOO_DEEP")
        namespace, _, name = full.rpartition(" ")
        line = self._parser.CurrentLineNumber
        if self._depth == 1:
            self._ready.append(Root(namespace, name, line))
            return
        if self._depth == 2 and name.endswith("List"):
            return  # its items come one by one
        self._elements += 1
        if self._elements > MAX_ELEMENTS:
            self.refuse(f"more than {MAX_ELEMENTS} elements in one item", "TOO_LARGE")
        element = Element(name, line)
        if self._open:
            self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        if self._open:
            done = self._open.pop()
            if not self._open:
                self._items += 1
                if self._items > MAX_ITEMS:
                    self.refuse(f"more than {MAX_ITEMS} items in a message", "TOO_LARGE")
                self._ready.append(done)
                self._elements = 0
        self._depth -= 1

    def _characters(self, text: str) -> None:
        if self._open:
            at = self._open[-1]
            if len(at.text) + len(text) > MAX_TEXT:
                self.refuse(f"a text is longer than {MAX_TEXT} characters", "TOO_LARGE")
            at.text += text
