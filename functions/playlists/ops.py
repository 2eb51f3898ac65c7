"""The ops: what a playlist's log is made of, and what editors send. Pure.

Ops name items, never positions: an item's id stays with it wherever it is moved, so an op means
the same item to whoever sent it and to whoever replays it. In the log ops are concrete: every
anchor is an item that is there at that point.

    {"op": "add", "items": [{"id": "k3…", "uri": "spotify:track:…"}],
     "place": {"where": "after", "item": "p9…"}}

Source: Spotify's playlist4_external.proto as librespot publishes it (ADD/REM/MOV, items_as_key)
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from functions.playlists.domain import Kind, Role, Visibility


class Entry(Struct, frozen=True, omit_defaults=True, gc=False):
    """One item: its own id, what it is (`spotify:track:ID`), who added it and when (Unix ms)."""

    uri: str
    id: str = ""
    by: str = ""
    at: int = 0


class Place(Struct, frozen=True, omit_defaults=True, gc=False):
    """Where: first or last of all, or before or after `item`."""

    where: Literal["first", "last", "before", "after"] = "last"
    item: str = ""


FIRST = Place("first")
LAST = Place("last")


class _Op(Struct, frozen=True, omit_defaults=True, tag_field="op"):
    pass


class Set(_Op, tag="set", frozen=True):
    """New values of attributes; those that are not named stay."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    collaborative: bool | UnsetType = UNSET
    image_id: str | UnsetType | None = UNSET
    deleted: bool | UnsetType = UNSET
    rule: dict[str, Any] | UnsetType | None = UNSET
    merged: dict[str, int] | UnsetType = UNSET

    def values(self) -> dict[str, Any]:
        """The attributes that it names."""
        found = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in found.items() if value is not UNSET}


class Create(_Op, tag="create", frozen=True):
    """The first op of every log. `branch_of`: the playlist and revision that it copies."""

    owner: str
    kind: Kind = "list"
    attributes: Set = Set()
    branch_of: tuple[str, int] | None = None


class Add(_Op, tag="add", frozen=True):
    """Put new items in a place, in their order."""

    items: tuple[Entry, ...]
    place: Place = LAST


class Remove(_Op, tag="remove", frozen=True):
    """Take items away."""

    ids: tuple[str, ...]


class Move(_Op, tag="move", frozen=True):
    """Put items that are there in a place, one after the other."""

    ids: tuple[str, ...]
    place: Place = LAST


class Roles(_Op, tag="roles", frozen=True):
    """Give users roles, or (None) take them away. A new owner makes the old one an editor."""

    changes: dict[str, Role | None]


class Invite(_Op, tag="invite", frozen=True):
    """A link that gives a role to whoever has it, until `expires_at` (Unix ms). `digest` is the
    SHA-256 of its secret, in hex."""

    id: str
    role: Literal["editor", "viewer"]
    expires_at: int
    digest: str = ""


class Revoke(_Op, tag="revoke", frozen=True):
    """An invite link opens nothing any more."""

    id: str


class Join(_Op, tag="join", frozen=True):
    """The actor uses an invite link; `role` is what it gave."""

    id: str
    digest: str = ""
    role: Literal["editor", "viewer"] = "viewer"


class Undo(_Op, tag="undo", frozen=True):
    """What brings back the state before the op of revision `of`, as far as it still can be."""

    of: int
    ops: tuple["Edit", ...] = ()


class Redo(_Op, tag="redo", frozen=True):
    """What undoes the undo of revision `of`."""

    of: int
    ops: tuple["Edit", ...] = ()


Edit = Add | Remove | Move | Set | Roles | Invite | Revoke
"""What can be part of an undo."""

Op = Create | Add | Remove | Move | Set | Roles | Invite | Revoke | Join | Undo | Redo


class Batch(Struct, frozen=True, omit_defaults=True):
    """What one editor sent at once: all of it happens, or none. `at` in Unix ms."""

    nonce: str
    by: str
    at: int
    ops: tuple[Op, ...]


class Chunk(Struct, frozen=True):
    """One document of the log: number `seq`; its first op makes revision `base` + 1."""

    seq: int
    base: int
    writer: str
    batches: tuple[Batch, ...]

    @property
    def revision(self) -> int:
        """The revision after it."""
        return self.base + sum(len(batch.ops) for batch in self.batches)

    @property
    def at(self) -> int:
        """When it was written, Unix ms."""
        return self.batches[-1].at if self.batches else 0


def weight(op: Op) -> int:
    """How much the op carries, in items: an id alone is a sixteenth of one."""
    match op:
        case Add(items=items):
            return len(items)
        case Remove(ids=ids) | Move(ids=ids):
            return 1 + len(ids) // 16
        case Undo(ops=ops) | Redo(ops=ops):
            return sum(weight(it) for it in ops)
    return 1
