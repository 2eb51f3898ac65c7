"""Subscription filters: the documented language over a message's attributes.

    attributes:lang                      the attribute is there
    attributes.lang = "en"               or !=
    hasPrefix(attributes.lang, "e")
    NOT a AND (b OR c)                   one kind of AND/OR at a level; "-" is NOT

Source: https://cloud.google.com/pubsub/docs/subscription-message-filter
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping

Match = Callable[[Mapping[str, str]], bool]

_WORD = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
      | (?P<sign>!=|[()=:.,-])
    )""",
    re.VERBOSE,
)


class BadFilter(ValueError):
    """The text is not a filter; says where."""


def compile_filter(text: str) -> Match:
    """`text` as a predicate on attributes. An empty filter matches everything.

    Raises:
        BadFilter: it does not follow the filter language, or is longer than 256 bytes.
    """
    if not text.strip():
        return lambda attributes: True
    if len(text.encode()) > 256:
        raise BadFilter("a filter has at most 256 bytes")
    parser = _Parser(text)
    match = parser.expression()
    parser.expect(None)
    return match


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._words = list(_split(text))
        self._at = 0

    def expression(self) -> Match:
        match = self.term()
        operator = self._peek()
        if operator not in ("AND", "OR"):
            return match
        matches = [match]
        while self._peek() == operator:
            self._at += 1
            matches.append(self.term())
        if self._peek() in ("AND", "OR"):
            raise BadFilter(f"{self._text!r}: AND beside OR needs brackets")
        combine = all if operator == "AND" else any
        return lambda attributes: combine(match(attributes) for match in matches)

    def term(self) -> Match:
        word = self._next()
        if word in ("NOT", "-"):
            negated = self.term()
            return lambda attributes: not negated(attributes)
        if word == "(":
            inner = self.expression()
            self.expect(")")
            return inner
        if word == "hasPrefix":
            self.expect("(")
            self.expect("attributes")
            self.expect(".")
            key = self._key()
            self.expect(",")
            prefix = self._string()
            self.expect(")")
            return lambda attributes: (
                attributes.get(key, "").startswith(prefix) and (key in attributes)
            )
        if word == "attributes":
            return self._attribute()
        raise BadFilter(f"{self._text!r}: unexpected {word!r}")

    def _attribute(self) -> Match:
        sign = self._next()
        key = self._key()
        if sign == ":":
            return lambda attributes: key in attributes
        if sign != ".":
            raise BadFilter(f"{self._text!r}: attributes must be followed by '.' or ':'")
        operator = self._next()
        value = self._string()
        if operator == "=":
            return lambda attributes: attributes.get(key) == value
        if operator == "!=":
            # Documented: != also matches messages that lack the attribute.
            return lambda attributes: attributes.get(key) != value
        raise BadFilter(f"{self._text!r}: unexpected {operator!r}")

    def _key(self) -> str:
        word = self._next()
        return json.loads(word) if word.startswith('"') else word

    def _string(self) -> str:
        word = self._next()
        if not word.startswith('"'):
            raise BadFilter(f"{self._text!r}: a value must be in double quotes, not {word!r}")
        return json.loads(word)

    def _peek(self) -> str | None:
        return self._words[self._at] if self._at < len(self._words) else None

    def _next(self) -> str:
        word = self._peek()
        if word is None:
            raise BadFilter(f"{self._text!r}: ends too early")
        self._at += 1
        return word

    def expect(self, wanted: str | None) -> None:
        word = self._peek()
        if word != wanted:
            raise BadFilter(f"{self._text!r}: expected {wanted or 'the end'}, not {word!r}")
        self._at += 1


def _split(text: str) -> Iterator[str]:
    at = 0
    while text[at:].strip():
        match = _WORD.match(text, at)
        if match is None:
            raise BadFilter(f"{text!r}: cannot read {text[at:]!r}")
        at = match.end()
        yield match.group().strip()
