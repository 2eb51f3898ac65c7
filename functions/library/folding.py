"""A shelf takes in its log: the newest items stay at hand, full runs of older ones are sealed.
Pure.

Runs are never rewritten, so that whoever has read a shelf can read its runs, or is told that they
are gone and reads the shelf again. A run that loses items is replaced by another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from functions.library.domain import Item, Run, Shelf, View, run_with

RUN = 500
MAX_FRONT = 1000
"""Items kept in the shelf itself, 32 bytes each: a page's first read brings them all."""

AT_MOST_EVERY = timedelta(seconds=1)
"""Firestore sustains one write a second to one document."""


@dataclass(frozen=True, slots=True)
class Folded:
    """The shelf after its log, the runs that it needs beside those that are, those that it lost."""

    shelf: Shelf
    written: Mapping[str, tuple[Item, ...]]
    replaced: tuple[str, ...]


def is_due(view: View, least: int, at: datetime) -> bool:
    """Whether `least` entries could be folded or dropped, and the shelf rests long enough."""
    folded_at = view.shelf.folded_at
    if folded_at is not None and at - folded_at < AT_MOST_EVERY:
        return False
    return sum(it.seq > view.shelf.upto or it.published for it in view.entries) >= least


def touched(view: View) -> list[int]:
    """The runs that a fold replaces: those that hold items which are gone."""
    return sorted({run_with(view.shelf.runs, key) for key in view.gone})


def fold(view: View, runs: Mapping[int, Sequence[Item]], at: datetime) -> Folded:
    """The shelf with its log in it; `runs` are those of `touched`, by index.

    Ids of runs tell from which log they came: two who fold the same write the same.
    """
    shelf = view.shelf
    stamp = f"{shelf.shelf_id}~{shelf.upto:012d}-{view.seq:012d}"
    written: dict[str, tuple[Item, ...]] = {}
    replaced: list[str] = []

    def sealed(items: Sequence[Item]) -> Run:
        run_id = f"{stamp}~{len(written):03d}"
        written[run_id] = tuple(items)
        return Run(run_id, len(items), items[0].key, items[-1].key)

    kept: list[Run] = []
    for index, run in enumerate(shelf.runs):
        if index not in runs:
            kept.append(run)
            continue
        replaced.append(run.run_id)
        if left := view.left_of(runs[index]):
            kept.append(sealed(left))
    front = view.front
    fresh: list[Run] = []
    while len(front) > MAX_FRONT:
        fresh.insert(0, sealed(front[-RUN:]))
        front = front[:-RUN]
    return Folded(
        replace(
            shelf,
            upto=view.seq,
            last_key=view.last_key,
            front=front,
            runs=(*fresh, *kept),
            folded_at=at,
        ),
        written,
        tuple(replaced),
    )
