"""What undoes an op: ops again, which then meet the playlist as it has become. Pure."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from functions.playlists.listing import Listing
from functions.playlists.ops import (
    FIRST,
    Add,
    Create,
    Edit,
    Invite,
    Join,
    Move,
    Op,
    Place,
    Redo,
    Remove,
    Revoke,
    Roles,
    Set,
    Undo,
)
from functions.playlists.playlist import Attributes, Playlist, apply
from shared.errors import Conflict


def inverse(before: Playlist, op: Op, by: str) -> tuple[Edit, ...]:
    """What leads back to `before`, once `by` did `op` there.

    Raises:
        Conflict: it cannot be undone (code NOT_UNDOABLE).
    """
    match op:
        case Add(items=items):
            return (Remove(tuple(it.id for it in items)),)
        case Remove(ids=ids):
            return tuple(
                Add(tuple(before.listing[id] for id in run), place)
                for run, place in _runs(before.listing, ids)
            )
        case Move(ids=ids):
            return tuple(Move(run, place) for run, place in _runs(before.listing, ids))
        case Set():
            known = before.attributes
            return (Set(**{name: getattr(known, name) for name in op.values()}),)
        case Roles(changes=changes):
            return (_roles(before.attributes, changes),)
        case Join():
            return (_roles(before.attributes, [by]),)
        case Invite(id=id):
            return (Revoke(id),)
        case Revoke(id=id) if id in before.attributes.invites:
            return (before.attributes.invites[id],)
        case Undo(ops=ops) | Redo(ops=ops):
            state, found = before.copy(), list[Edit]()
            for part in ops:
                found[:0] = inverse(state, part, by)
                apply(state, part, by, 0)
            return tuple(found)
        case Create() | Revoke():
            pass
    raise Conflict("this cannot be undone", code="NOT_UNDOABLE")


def still_meant(edit: Edit, done: Op, now: Attributes) -> Edit | None:
    """`edit`, which undoes `done`, without attributes that somebody has changed again since."""
    if not isinstance(edit, Set) or not isinstance(done, Set):
        return edit
    set_then = done.values()
    values = {
        name: value
        for name, value in edit.values().items()
        if getattr(now, name) == set_then.get(name)
    }
    return Set(**values) if values else None


def _runs(listing: Listing, ids: Sequence[str]) -> list[tuple[tuple[str, ...], Place]]:
    """`ids` in their order, in runs of neighbours, each with the place where it was; those further
    back first come first, so that each finds its predecessor in place."""
    chosen = {id for id in ids if id in listing}
    positions = listing.positions()
    ordered = sorted(chosen, key=positions.__getitem__)
    starts = [0] + [
        at + 1
        for at, (left, right) in enumerate(pairwise(ordered))
        if positions[right] != positions[left] + 1
    ]
    found: list[tuple[tuple[str, ...], Place]] = []
    for start, stop in pairwise([*starts, len(ordered)]):
        run = tuple(ordered[start:stop])
        if run:
            previous = listing.before(run[0], chosen)
            found.append((run, Place("after", previous) if previous else FIRST))
    return found


def _roles(known: Attributes, users: Iterable[str]) -> Roles:
    before: dict[str, Any] = {user: known.roles.get(user) for user in users}
    if any(user == known.owner for user in before):
        before[known.owner] = "owner"
    return Roles(before)
