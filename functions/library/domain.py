"""A shelf: what one user saved of one kind, newest first. A log in front, sealed runs behind. Pure.

    entries 27, 28          the log: one document a request, numbered without gaps
        ↓ fold (folding.py)
    Shelf(upto=26)          the newest items themselves, and which runs hold the others
        ↓ seal
    Run, Run, Run           500 items each, never rewritten

Every item has a key: the microsecond at which it was saved, moved on where that was taken, so that
keys rise strictly from one save to the next, whatever clocks say. A key is an anchor for paging:
what is saved later is above it for ever.

Source: docs/decisions/0011-library-layout.md
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, get_args

from shared.errors import Conflict

Kind = Literal["track", "album", "artist", "show", "episode", "user", "playlist"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MAX_ITEMS = 100_000
"""Items on one shelf; a shelf's index of its runs stays far below a document's size."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Item(NamedTuple):
    """One saved thing and its key, in microseconds since 1970."""

    item_id: str
    key: int


class Op(NamedTuple):
    """An item that comes under a new key, or goes from the key that it has."""

    item_id: str
    key: int
    saved: bool


class Run(NamedTuple):
    """Where `size` items with keys from `oldest` to `newest` are kept, newest first."""

    run_id: str
    size: int
    newest: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One request's changes: number `seq` of the shelf's log. `published`: others were told."""

    shelf_id: str
    seq: int
    ops: tuple[Op, ...]
    at: datetime
    published: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """A shelf after its log up to number `upto`. `front` and `runs` newest first."""

    shelf_id: str
    upto: int = 0
    last_key: int = 0
    front: tuple[Item, ...] = ()
    runs: tuple[Run, ...] = ()
    folded_at: datetime | None = None
    erased_at: datetime | None = None


class Gap(Exception):
    """Entries are missing between a shelf and its log: they were folded meanwhile. Read again."""


@dataclass(frozen=True, slots=True)
class View:
    """A shelf with its log: what the user has now.

    `gone` are keys of items that left a run which still holds them; `counts` what each of the
    runs really has; `entries` the log as it was read.
    """

    shelf: Shelf
    front: tuple[Item, ...]
    gone: frozenset[int]
    counts: tuple[int, ...]
    seq: int
    last_key: int
    entries: tuple[Entry, ...]

    @property
    def total(self) -> int:
        return len(self.front) + sum(self.counts)

    def left_of(self, items: Iterable[Item]) -> list[Item]:
        """A run's items without those that are gone."""
        return [item for item in items if item.key not in self.gone]


def shelf_id_of(user_id: str, kind: Kind) -> str:
    """The shelf's document id. User ids hold no "~"."""
    return f"{user_id}~{kind}"


def split(shelf_id: str) -> tuple[str, str]:
    """The user and the kind of a shelf."""
    user_id, _, kind = shelf_id.rpartition("~")
    return user_id, kind


def entry_id(shelf_id: str, seq: int) -> str:
    """The log's document id: in the order of the numbers."""
    return f"{shelf_id}~{seq:012d}"


def view_of(shelf: Shelf, entries: Sequence[Entry]) -> View:
    """What `shelf` and its log, in order, amount to.

    Raises:
        Gap: the entries do not follow on the shelf.
    """
    log = [entry for entry in entries if entry.seq > shelf.upto]
    if [entry.seq for entry in log] != list(range(shelf.upto + 1, shelf.upto + 1 + len(log))):
        raise Gap(shelf.shelf_id)
    front, last_key, gone = shelf.front, shelf.last_key, set[int]()
    if log:
        by_key = {item.key: item for item in reversed(front)}
        for op in (op for entry in log for op in entry.ops):
            if op.saved:
                by_key[op.key] = Item(op.item_id, op.key)
                last_key = max(last_key, op.key)
            elif by_key.pop(op.key, None) is None:
                gone.add(op.key)
        front = tuple(reversed(by_key.values()))
    counts = [run.size for run in shelf.runs]
    for key in gone:
        counts[run_with(shelf.runs, key)] -= 1
    return View(
        shelf,
        front,
        frozenset(gone),
        tuple(counts),
        shelf.upto + len(log),
        last_key,
        tuple(entries),
    )


def run_with(runs: Sequence[Run], key: int) -> int:
    """The index of the newest run whose oldest item is no newer than `key`; `len(runs)` if none."""
    return bisect_left(runs, -key, key=lambda run: -run.oldest)


def save(
    view: View, present: Mapping[str, int], ids: Iterable[str], at: datetime
) -> tuple[Op, ...]:
    """What saving `ids` changes: those already there keep their place and their date.

    `present` are the keys of those of `ids` that are there. The first of `ids` becomes the newest.

    Raises:
        Conflict: the shelf is full (code LIBRARY_FULL).
    """
    new = [id for id in dict.fromkeys(ids) if id not in present]
    if new and view.total + len(new) > MAX_ITEMS:
        raise Conflict(f"a library holds {MAX_ITEMS} of a kind", code="LIBRARY_FULL")
    first = max((at - _EPOCH) // timedelta(microseconds=1), view.last_key + 1)
    # Rising keys: the log is replayed in order, and its last item is the newest.
    return tuple(Op(id, first + place, True) for place, id in enumerate(reversed(new)))


def let_go(present: Mapping[str, int]) -> tuple[Op, ...]:
    """What letting go of those that are there changes."""
    return tuple(Op(id, key, False) for id, key in present.items())


def added_at(item: Item) -> datetime:
    """When the item was saved, UTC."""
    return _EPOCH + timedelta(microseconds=item.key)
