"""What differs between two states of a playlist. Pure."""

from bisect import bisect_left
from typing import Any

from msgspec import Struct

from functions.playlists.ops import Entry
from functions.playlists.playlist import Playlist

_SHOWN = (
    "name", "description", "visibility", "collaborative", "image_id", "deleted", "rule", "owner",
    "roles",
)  # fmt: skip


class Difference(Struct, frozen=True):
    """Items by where they are (added, moved) or were (removed), and attributes as (old, new).

    `moved` is as small as can be: the items outside a longest run that kept its order.
    """

    added: list[tuple[int, Entry]]
    removed: list[tuple[int, Entry]]
    moved: list[tuple[int, int, Entry]]
    attributes: dict[str, tuple[Any, Any]]


def difference(old: Playlist, new: Playlist) -> Difference:
    """What was done between `old` and `new`."""
    was, now = old.listing.positions(), new.listing.positions()
    kept = [id for id in new.listing.order() if id in was]
    still = _longest_rising([was[id] for id in kept])
    return Difference(
        [(at, new.listing[id]) for id, at in now.items() if id not in was],
        [(at, old.listing[id]) for id, at in was.items() if id not in now],
        [(was[id], now[id], new.listing[id]) for id in kept if was[id] not in still],
        {
            name: (before, after)
            for name in _SHOWN
            if (before := getattr(old.attributes, name)) != (after := getattr(new.attributes, name))
        },
    )


def _longest_rising(values: list[int]) -> set[int]:
    """A longest strictly rising subsequence (patience sorting, n log n)."""
    tails: list[int] = []
    at: list[int] = []
    previous: list[int] = []
    for index, value in enumerate(values):
        place = bisect_left(tails, value)
        previous.append(at[place - 1] if place else -1)
        if place == len(tails):
            tails.append(value)
            at.append(index)
        else:
            tails[place] = value
            at[place] = index
    found: set[int] = set()
    index = at[-1] if at else -1
    while index >= 0:
        found.add(values[index])
        index = previous[index]
    return found
