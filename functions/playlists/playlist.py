"""A playlist's state, and `apply`: the fold of its log. Pure.

`apply` never fails: what is in the log has happened. Whether an op may happen is decided before it
gets there (`deciding`).
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from msgspec import Struct, structs

from functions.playlists import domain
from functions.playlists.domain import MAX_INVITES, Act, Kind, Visibility
from functions.playlists.listing import Listing
from functions.playlists.ops import (
    Add,
    Batch,
    Chunk,
    Create,
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
)

NONCES_MS = 10 * 60 * 1000
MAX_NONCES = 2_000
"""A batch that is sent again within ten minutes, and 2,000 batches, is known by its nonce."""


class Attributes(Struct, frozen=True):
    """All of a playlist but its items. Instants in Unix ms; `roles` without the owner. `merged`:
    up to which revision of each branch its edits are in."""

    playlist_id: str
    owner: str = ""
    kind: Kind = "list"
    name: str = ""
    description: str = ""
    visibility: Visibility = "private"
    collaborative: bool = False
    image_id: str | None = None
    deleted: bool = False
    rule: dict[str, Any] | None = None
    branch_of: tuple[str, int] | None = None
    merged: dict[str, int] = {}
    roles: dict[str, str] = {}
    invites: dict[str, Invite] = {}
    created_at: int = 0
    changed_at: int = 0


class Done(Struct, frozen=True, array_like=True, gc=False):
    """Where a batch ended up: the revision after it, the chunk, and when (Unix ms)."""

    revision: int
    seq: int
    at: int


class Playlist:
    """The state after `seq` chunks and `revision` ops. Whoever changes it works on a copy."""

    __slots__ = ("attributes", "listing", "nonces", "revision", "seq")

    def __init__(
        self,
        attributes: Attributes,
        listing: Listing,
        *,
        seq: int = 0,
        revision: int = 0,
        nonces: OrderedDict[str, Done] | None = None,
    ) -> None:
        self.attributes = attributes
        self.listing = listing
        self.seq = seq
        self.revision = revision
        self.nonces = OrderedDict() if nonces is None else nonces

    def copy(self) -> "Playlist":
        return Playlist(
            self.attributes,
            self.listing.copy(),
            seq=self.seq,
            revision=self.revision,
            nonces=self.nonces.copy(),
        )

    @property
    def exists(self) -> bool:
        return self.seq > 0

    def readable_by(self, user: str) -> bool:
        it = self.attributes
        return domain.may_read(it.visibility, it.roles, it.owner, user)

    def permits(self, act: Act, user: str) -> bool:
        it = self.attributes
        return domain.may(
            act,
            user=user,
            owner=it.owner,
            roles=it.roles,
            visibility=it.visibility,
            collaborative=it.collaborative,
        )


def empty(playlist_id: str) -> Playlist:
    """Before the first op."""
    return Playlist(Attributes(playlist_id), Listing())


def apply(state: Playlist, op: Op, by: str, at: int) -> None:
    """Change `state` as `op` says, which `by` did at `at`."""
    _change(state, op, by, at)
    state.revision += 1
    state.attributes = structs.replace(state.attributes, changed_at=at)


def apply_batch(state: Playlist, batch: Batch, seq: int) -> None:
    """All ops of a batch of chunk `seq`, and its nonce."""
    for op in batch.ops:
        _change(state, op, batch.by, batch.at)
    state.revision += len(batch.ops)
    state.attributes = structs.replace(state.attributes, changed_at=batch.at)
    if batch.nonce:
        state.nonces[batch.nonce] = Done(state.revision, seq, batch.at)
        while len(state.nonces) > MAX_NONCES:
            state.nonces.popitem(last=False)


def apply_chunk(state: Playlist, chunk: Chunk) -> None:
    """The next chunk of the log."""
    for batch in chunk.batches:
        apply_batch(state, batch, chunk.seq)
    state.seq = chunk.seq


def replay(playlist_id: str, chunks: Iterable[Chunk]) -> Playlist:
    """The state that a whole log gives."""
    state = empty(playlist_id)
    for chunk in chunks:
        apply_chunk(state, chunk)
    return state


def _change(state: Playlist, op: Op, by: str, at: int) -> None:
    match op:
        case Add(items=items, place=place):
            state.listing.add(items, place)
        case Remove(ids=ids):
            state.listing.remove(ids)
        case Move(ids=ids, place=place):
            state.listing.move(ids, place)
        case Set():
            state.attributes = structs.replace(state.attributes, **op.values())
        case Undo(ops=ops) | Redo(ops=ops):
            for part in ops:
                _change(state, part, by, at)
        case Roles(changes=changes):
            state.attributes = _with_roles(state.attributes, changes)
        case Invite(id=id):
            known = state.attributes.invites
            if len(known) >= MAX_INVITES:  # expired ones make room
                known = {key: it for key, it in known.items() if it.expires_at > at}
            state.attributes = structs.replace(state.attributes, invites={**known, id: op})
        case Revoke(id=id):
            invites = {key: it for key, it in state.attributes.invites.items() if key != id}
            state.attributes = structs.replace(state.attributes, invites=invites)
        case Join(role=role):
            roles = {**state.attributes.roles, by: role}
            state.attributes = structs.replace(state.attributes, roles=roles)
        case Create(owner=owner, kind=kind, attributes=attributes, branch_of=branch_of):
            state.attributes = Attributes(
                state.attributes.playlist_id,
                owner,
                kind,
                **attributes.values(),
                branch_of=branch_of,
                created_at=at,
            )


def _with_roles(known: Attributes, changes: dict[str, Any]) -> Attributes:
    roles, owner = dict(known.roles), known.owner
    for user, role in changes.items():
        roles.pop(user, None)
        if role == "owner" and user != owner:
            roles[owner] = "editor"
            owner = user
        elif role is not None and user != owner:
            roles[user] = role
    return structs.replace(known, roles=roles, owner=owner)
