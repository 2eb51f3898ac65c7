"""Whether a batch may happen at the head of the log, and what it then says there. Pure.

This is where an editor's view of a while ago meets the playlist as it is: anchors that are gone are
replaced, what somebody else has removed already is left out, and rights are those of this very
point of the log, whenever the batch was sent.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from functions.playlists.domain import (
    MAX_COLLABORATORS,
    MAX_DESCRIPTION,
    MAX_INVITES,
    MAX_ITEMS,
    MAX_NAME,
    MAX_OPS,
    SEGUE,
    Act,
    Role,
)
from functions.playlists.ops import (
    Add,
    Batch,
    Create,
    Edit,
    Entry,
    Invite,
    Join,
    Move,
    Op,
    Redo,
    Remove,
    Revoke,
    Roles,
    Set,
    Undo,
    weight,
)
from functions.playlists.playlist import Playlist, apply, apply_batch
from shared.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from shared.ids import derived_id

Predecessors = Mapping[str, Sequence[str]]
"""For anchors that may be long gone: what stood before each when the editor saw it, nearest
first."""

MAX_BATCH_ITEMS = 2_000
ITEM_ID_LENGTH = 16

_URI = re.compile(r"spotify:(?:track|episode):[0-9A-Za-z]{22}")
_ITEM_ID = re.compile(r"[0-9A-Za-z]{8,22}")
_USER_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_DETAILS = frozenset({"name", "description", "image_id", "merged"})


def decided(
    state: Playlist, batch: Batch, predecessors: Predecessors | None = None
) -> tuple[Playlist, Batch]:
    """The state after `batch`, and the batch as the log will hold it: concrete, without what has
    no effect. `state` itself is changed only when the batch is good; use what is returned.

    Raises:
        NotFound: there is no such playlist for this user (code PLAYLIST_NOT_FOUND).
        Forbidden: the user may not do it, at this point of the log.
        Invalid: an op is malformed. Conflict: the playlist does not allow it.
    """
    known = state.nonces.get(batch.nonce)
    if known is not None:
        return state, structs.replace(batch, ops=())
    check_size(batch.ops)
    after = state.copy() if len(batch.ops) > 1 else state
    revision, ops = after.revision, list[Op]()
    for number, op in enumerate(batch.ops):
        minted = f"{batch.nonce}/{number}"
        concrete = _decided(after, op, batch, minted, predecessors or {})
        if concrete is not None:
            ops.append(concrete)
            if len(batch.ops) > 1:
                apply(after, concrete, batch.by, batch.at)
    logged = structs.replace(batch, ops=tuple(ops))
    if len(batch.ops) > 1:
        after.revision = revision + len(ops)
        if ops:
            # The nonce alone: the ops have happened above.
            apply_batch(after, structs.replace(logged, ops=()), after.seq + 1)
    elif ops:
        apply_batch(after, logged, after.seq + 1)
    return after, logged


def check_size(ops: Sequence[Op]) -> None:
    """Refuse a batch that no chunk could hold.

    An undo carries what there was, up to a whole playlist of 20,000: packed, that is a megabyte
    at worst, and it has its chunk to itself.

    Raises:
        TooLarge: more than 200 ops, or 2,000 items (code BATCH_TOO_LARGE).
        Invalid: no ops.
    """
    if not ops:
        raise Invalid("a batch needs ops", code="NO_OPS")
    if len(ops) > MAX_OPS:
        raise TooLarge(f"{MAX_OPS} ops a batch at most", code="BATCH_TOO_LARGE")
    most = MAX_ITEMS if isinstance(ops[0], Undo | Redo) else MAX_BATCH_ITEMS
    if sum(weight(op) for op in ops) > most and not isinstance(ops[0], Create):
        raise TooLarge(f"{most} items a batch at most", code="BATCH_TOO_LARGE")


def _decided(
    state: Playlist, op: Op, batch: Batch, minted: str, predecessors: Predecessors
) -> Op | None:
    if isinstance(op, Create):
        if state.exists or state.revision:
            raise Conflict("the playlist exists", code="ALREADY_EXISTS")
        _check_set(state, op.attributes)
        return op
    _check_rights(state, op, batch.by)
    match op:
        case Undo(ops=parts) | Redo(ops=parts):
            return _decided_parts(state, op, parts, batch, minted, predecessors)
        case Join():
            return _joined(state, op, batch)
    return _edited(state, op, batch, minted, predecessors)


def _decided_parts(
    state: Playlist,
    op: Undo | Redo,
    parts: Sequence[Edit],
    batch: Batch,
    minted: str,
    predecessors: Predecessors,
) -> Op | None:
    draft, kept = state.copy(), list[Edit]()
    for part in parts:
        _check_rights(draft, part, batch.by)
        concrete = _edited(draft, part, batch, minted, predecessors)
        if concrete is not None:
            kept.append(concrete)
            apply(draft, concrete, batch.by, batch.at)
    return structs.replace(op, ops=tuple(kept)) if kept else None


def _edited(
    state: Playlist, op: Edit, batch: Batch, minted: str, predecessors: Predecessors
) -> Edit | None:
    listing = state.listing
    match op:
        case Add(items=items, place=place):
            entries = _entries(state, items, batch, minted)
            before = predecessors.get(place.item, ())
            place = listing.concrete(place, {it.id for it in entries}, before)
            return Add(entries, place) if entries else None
        case Remove(ids=ids):
            there = tuple(id for id in dict.fromkeys(ids) if id in listing)
            return Remove(there) if there else None
        case Move(ids=ids, place=place):
            there = tuple(id for id in dict.fromkeys(ids) if id in listing)
            if not there:
                return None
            before = predecessors.get(place.item, ())
            return Move(there, listing.concrete(place, frozenset(there), before))
        case Set():
            _check_set(state, op)
            new = {
                name: value
                for name, value in op.values().items()
                if getattr(state.attributes, name) != value
            }
            return Set(**new) if new else None
        case Roles(changes=changes):
            _check_roles(state, op)
            roles: dict[str, Any] = {**state.attributes.roles, state.attributes.owner: "owner"}
            others: dict[str, Role | None] = {
                user: role for user, role in changes.items() if roles.get(user) != role
            }
            return Roles(others) if others else None
        case Invite(id=id):
            good = [it for it in state.attributes.invites.values() if it.expires_at > batch.at]
            if len(good) >= MAX_INVITES:
                raise Conflict(f"{MAX_INVITES} invite links at most", code="TOO_MANY_INVITES")
            return op if id not in state.attributes.invites else None
        case Revoke(id=id):
            return op if id in state.attributes.invites else None


def _entries(
    state: Playlist, items: Sequence[Entry], batch: Batch, minted: str
) -> tuple[Entry, ...]:
    found: dict[str, Entry] = {}
    for number, item in enumerate(items):
        if not _URI.fullmatch(item.uri):
            raise Invalid(f"Unsupported URI: {item.uri[:80]!r}", code="INVALID_URI")
        id = item.id or derived_id(state.attributes.playlist_id, minted, str(number))
        id = id if item.id else id[:ITEM_ID_LENGTH]
        if not _ITEM_ID.fullmatch(id):
            raise Invalid("an item's id is 8 to 22 of 0-9, A-Z, a-z", code="INVALID_ITEM_ID")
        known = state.listing.get(id)
        if id in found or (known is not None and known.uri != item.uri):
            raise Conflict(f"another item has id {id}", code="ITEM_EXISTS")
        if known is None:
            found[id] = Entry(item.uri, id, item.by or batch.by, item.at or batch.at)
    if len(state.listing) + len(found) > MAX_ITEMS:
        raise Conflict(f"a playlist holds {MAX_ITEMS} items at most", code="PLAYLIST_FULL")
    return tuple(found.values())


def _check_rights(state: Playlist, op: Op, by: str) -> None:
    if not state.revision or not (state.readable_by(by) or isinstance(op, Join)):
        raise not_found(state.attributes.playlist_id)
    known = state.attributes
    if known.deleted and not (isinstance(op, Set) and op.deleted is False and by == known.owner):
        raise not_found(known.playlist_id)
    act = _act(state, op, by)
    if act == "items" and by != SEGUE and (known.kind == "mix" or (known.rule or {}).get("live")):
        raise Forbidden("its items follow a rule", code="READ_ONLY")
    if not state.permits(act, by):
        raise Forbidden("you may not change this playlist so", code="NOT_ALLOWED")


def _act(state: Playlist, op: Op, by: str) -> Act:
    match op:
        case Add() | Remove() | Move():
            return "items"
        case Undo() | Redo():
            return "details"  # and each part by itself
        case Set():
            return "details" if _DETAILS.issuperset(op.values()) else "sharing"
        case Roles(changes=changes):
            leaves = changes == {by: None} and by in state.attributes.roles
            return "own" if leaves else "sharing"
        case Join():
            return "own"
    return "sharing"


def _check_set(state: Playlist, op: Set) -> None:
    values = op.values()
    name, description = values.get("name", "-"), values.get("description", "")
    if not name.strip() or len(name) > MAX_NAME:
        raise Invalid(f"a name has 1 to {MAX_NAME} characters", code="INVALID_NAME")
    if len(description) > MAX_DESCRIPTION:
        message = f"a description has {MAX_DESCRIPTION} characters at most"
        raise Invalid(message, code="INVALID_DESCRIPTION")
    visibility = values.get("visibility", state.attributes.visibility)
    if values.get("collaborative", state.attributes.collaborative) and visibility == "public":
        message = "a collaborative playlist cannot be public"
        raise Invalid(message, code="COLLABORATIVE_PUBLIC")


def _check_roles(state: Playlist, op: Roles) -> None:
    known = state.attributes
    for user, role in op.changes.items():
        if not _USER_ID.fullmatch(user) or user == SEGUE:
            raise Invalid("no such user id", code="INVALID_ID")
        if user == known.owner and role != "owner":
            raise Invalid("the owner stays, or names another", code="OWNER_NEEDED")
    if sum(role == "owner" for role in op.changes.values()) > 1:
        raise Invalid("a playlist has one owner", code="OWNER_NEEDED")
    if len(known.roles.keys() | op.changes.keys()) > MAX_COLLABORATORS:
        message = f"{MAX_COLLABORATORS} collaborators at most"
        raise Conflict(message, code="TOO_MANY_COLLABORATORS")


def _joined(state: Playlist, op: Join, batch: Batch) -> Join | None:
    invite = state.attributes.invites.get(op.id)
    if invite is None or not hmac.compare_digest(invite.digest, op.digest):
        raise NotFound("no such invite link", code="INVITE_NOT_FOUND")
    if batch.at >= invite.expires_at:
        raise Forbidden("the invite link has expired", code="INVITE_EXPIRED")
    role = state.attributes.roles.get(batch.by)
    if batch.by == state.attributes.owner or role in ("editor", invite.role):
        return None
    return Join(op.id, role=invite.role)


def not_found(playlist_id: str) -> NotFound:
    """What somebody is told who may not know that it exists, too."""
    return NotFound(f"no playlist {playlist_id}", code="PLAYLIST_NOT_FOUND")
