"""The Web API's `fields`: which parts of an answer a client wants. Pure.

fields=items(added_at,item(name,href)),total     these alone
fields=!tracks.items(track(album))                all but these
"""

import re
from collections.abc import Callable
from typing import Any

from shared.errors import Invalid

Wanted = dict[str, "Wanted"]
_TOKEN = re.compile(r"[A-Za-z0-9_]+|[(),.!]")
MAX_CHARS = 1_000
MAX_DEPTH = 12


def parse(text: str) -> tuple[Wanted, Wanted]:
    """What is wanted and what is not; an empty branch means all of it.

    Raises:
        Invalid: no such expression (code INVALID_FIELDS).
    """
    if len(text) > MAX_CHARS or _TOKEN.sub("", text).strip():
        raise _invalid()
    tokens = _TOKEN.findall(text)
    wanted, unwanted = Wanted(), Wanted()

    def note(path: tuple[str, ...], exclude: bool) -> None:
        branch = unwanted if exclude else wanted
        for name in path:
            branch = branch.setdefault(name, {})

    if _list(tokens, 0, (), False, note) != len(tokens):
        raise _invalid()
    return wanted, unwanted


def selected(value: Any, text: str | None) -> Any:
    """`value`, reduced to the fields that `text` asks for; all of it without text."""
    if not text:
        return value
    wanted, unwanted = parse(text)
    return _without(_only(value, wanted) if wanted else value, unwanted)


def _list(
    tokens: list[str],
    at: int,
    prefix: tuple[str, ...],
    exclude: bool,
    note: Callable[[tuple[str, ...], bool], None],
) -> int:
    """Read a list of fields below `prefix` from token number `at`; where it ends."""
    if len(prefix) > MAX_DEPTH:
        raise _invalid()
    while at < len(tokens) and tokens[at] != ")":
        path, excluded = prefix, exclude
        if tokens[at] == "!":
            at, excluded = at + 1, True
        while True:
            if at >= len(tokens) or tokens[at] in "(),.!":
                raise _invalid()
            path, at = (*path, tokens[at]), at + 1
            if at >= len(tokens) or tokens[at] != ".":
                break
            at += 1
        if at < len(tokens) and tokens[at] == "(":
            at = _list(tokens, at + 1, path, excluded, note)
            if at >= len(tokens):
                raise _invalid()
            at += 1
        else:
            note(path, excluded)
        if at < len(tokens) and tokens[at] == ",":
            at += 1
    return at


def _only(value: Any, wanted: Wanted) -> Any:
    if not wanted:
        return value
    if isinstance(value, list):
        return [_only(it, wanted) for it in value]
    if isinstance(value, dict):
        return {key: _only(value[key], branch) for key, branch in wanted.items() if key in value}
    return value


def _without(value: Any, unwanted: Wanted) -> Any:
    if not unwanted:
        return value
    if isinstance(value, list):
        return [_without(it, unwanted) for it in value]
    if isinstance(value, dict):
        return {
            key: _without(it, unwanted[key]) if key in unwanted else it
            for key, it in value.items()
            if key not in unwanted or unwanted[key]
        }
    return value


def _invalid() -> Invalid:
    return Invalid("fields is not a list of names", code="INVALID_FIELDS")
