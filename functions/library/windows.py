"""Which part of a shelf a page shows, by offset or by anchor, and where that part lies. Pure."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from functions.library.domain import Item, View


@dataclass(frozen=True, slots=True)
class Window:
    """Items newest first, of which the first is number `start`; `more`: older ones follow."""

    items: tuple[Item, ...]
    start: int
    more: bool


def anchor_run(view: View, before: int) -> int | None:
    """The run that must be read to tell where the items older than key `before` begin."""
    if view.front and view.front[-1].key < before:
        return None
    index = bisect_left(view.shelf.runs, -before + 1, key=lambda run: -run.oldest)
    return index if index < len(view.shelf.runs) else None


def start_of(view: View, before: int, run: Sequence[Item]) -> int:
    """How many items are not older than key `before`; `run` is the one that `anchor_run` names."""
    index = anchor_run(view, before)
    if index is None:
        if view.front and view.front[-1].key < before:
            return _newer(view.front, before)
        return view.total
    return len(view.front) + sum(view.counts[:index]) + _newer(view.left_of(run), before)


def runs_under(view: View, start: int, limit: int) -> list[int]:
    """The runs of which items number `start` to `start + limit` (exclusive) are part."""
    found: list[int] = []
    at = len(view.front)
    for index, count in enumerate(view.counts):
        if at < start + limit and at + count > start:
            found.append(index)
        at += count
    return found


def window(view: View, runs: Mapping[int, Sequence[Item]], start: int, limit: int) -> Window:
    """The page; `runs` are those of `runs_under`, by index."""
    items = list(view.front[start : start + limit])
    at = len(view.front)
    for index, count in enumerate(view.counts):
        if index in runs:
            left = view.left_of(runs[index])
            items += left[max(0, start - at) : max(0, start + limit - at)]
        at += count
    return Window(tuple(items), start, start + limit < view.total)


def _newer(items: Sequence[Item], before: int) -> int:
    """How many of `items`, newest first, have keys of at least `before`."""
    return bisect_left(items, -before + 1, key=lambda item: -item.key)
