"""A request's parameters, of its query and its form together (the `formPost` extension)."""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from functions.subsonic.refusals import GENERIC, Refused, missing

MAX_FIELDS = 5000
MAX_CHARS = 4000
_YES_NO = {"true": True, "1": True, "false": False, "0": False}


class Asked:
    """Parameters by name; of a name that is given twice, all values in order."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    @classmethod
    def parse(cls, query: bytes, content_type: str, body: bytes) -> "Asked":
        """The parameters of a request; a body that is no form is ignored.

        Raises:
            Refused: too many fields, one too long, or text that is not UTF-8.
        """
        parts = [query]
        if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            parts.append(body)
        pairs: list[tuple[str, str]] = []
        for part in parts:
            try:
                pairs += parse_qsl(
                    part.decode("ascii"),
                    keep_blank_values=True,
                    errors="strict",
                    max_num_fields=MAX_FIELDS,
                )
            except ValueError as error:
                raise Refused(GENERIC, "the parameters are malformed") from error
        if any(len(value) > MAX_CHARS for _, value in pairs):
            raise Refused(GENERIC, f"a parameter has more than {MAX_CHARS} characters")
        return cls(pairs)

    def find(self, name: str) -> str | None:
        """The first value, or None; an empty one is none."""
        values = self._values.get(name)
        return (values[0] or None) if values else None

    def text(self, name: str) -> str:
        """The value. Raises Refused (10) when it is missing."""
        value = self.find(name)
        if value is None:
            raise missing(name)
        return value

    def given(self, name: str) -> bool:
        """Whether the parameter is there at all, even without a value."""
        return name in self._values

    def many(self, name: str, most: int) -> list[str]:
        """Every value.

        Raises:
            Refused: more than `most`.
        """
        values = [it for it in self._values.get(name, ()) if it]
        if len(values) > most:
            raise Refused(GENERIC, f"{name}: at most {most}")
        return values

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number; beyond the bounds it is the nearest bound, as clients expect.

        Raises:
            Refused: it is no number.
        """
        text = self.find(name)
        if text is None:
            return default
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 18):
            raise Refused(GENERIC, f"{name} is no whole number")
        return max(least, min(most, int(text)))

    def flag(self, name: str, default: bool) -> bool:
        """Yes or no; Python's clients write True and False.

        Raises:
            Refused: neither.
        """
        text = self.find(name)
        if text is None:
            return default
        if text.lower() not in _YES_NO:
            raise Refused(GENERIC, f"{name} is true or false")
        return _YES_NO[text.lower()]
