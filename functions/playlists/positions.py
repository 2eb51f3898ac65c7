"""Positions as clients of the Web API count them, as the items that they saw there. Pure.

A client that removes number 3 means the item that was number 3 in the snapshot it names, wherever
that item is by now.
"""

from collections.abc import Iterable, Sequence

from functions.playlists.asked import Removal, Reorder
from functions.playlists.ops import LAST, Move, Place, Remove
from functions.playlists.playlist import Playlist
from shared.errors import Invalid


def removed(asked: Removal, seen: Playlist) -> Remove:
    """What a removal means to who saw `seen`: items by position, or every occurrence of a URI.

    Raises:
        Invalid: another item, or none, was at a position (code INVALID_POSITION).
    """
    order = seen.listing.order()
    ids = [_at(order, position) for position in asked.positions or ()]
    by_uri: dict[str, list[str]] | None = None
    for gone in asked.items or ():
        if gone.positions:
            for position in gone.positions:
                id = _at(order, position)
                if seen.listing[id].uri != gone.uri:
                    message = f"number {position} is not {gone.uri[:80]}"
                    raise Invalid(message, code="INVALID_POSITION")
                ids.append(id)
        else:
            by_uri = by_uri or _by_uri(seen)
            ids += by_uri.get(gone.uri, ())
    return Remove(tuple(dict.fromkeys(ids)))


def moved(asked: Reorder, seen: Playlist) -> Move:
    """What a reorder means to who saw `seen`: the block comes before what was `insert_before`.

    Raises:
        Invalid: the range is not in the list (code INVALID_POSITION).
    """
    order = seen.listing.order()
    ids = order[asked.range_start : asked.range_start + asked.range_length]
    if not ids or asked.insert_before > len(order):
        raise Invalid("the range is not in the playlist", code="INVALID_POSITION")
    return Move(ids, place_at(order, asked.insert_before))


def place_at(order: Sequence[str], position: int | None) -> Place:
    """Before the item at `position`; None, or the end: last."""
    if position is None or position >= len(order):
        return LAST
    return Place("before", order[position])


def _at(order: Sequence[str], position: int) -> str:
    if not 0 <= position < len(order):
        raise Invalid(f"nothing is at position {position}", code="INVALID_POSITION")
    return order[position]


def _by_uri(seen: Playlist) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    entries: Iterable = seen.listing
    for entry in entries:
        found.setdefault(entry.uri, []).append(entry.id)
    return found
