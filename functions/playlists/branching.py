"""Branches: a copy of a playlist at a revision, edited apart, whose edits can be merged back.

A branch's items keep their ids, so its edits mean the same items in the playlist it came from, and
merging is to do them there: what is gone meanwhile is left out, as with any late editor.
"""

from collections.abc import Iterator

from functions.playlists.domain import MAX_OPS
from functions.playlists.ops import (
    Add,
    Chunk,
    Edit,
    Move,
    Op,
    Place,
    Redo,
    Remove,
    Set,
    Undo,
    weight,
)
from functions.playlists.playlists import Playlists
from shared.errors import Conflict
from shared.ids import derived_id

_CREATION = "create/"
MAX_MERGED_OPS = 20_000
MAX_MERGED_ITEMS = 1_000
"""In one batch, unless one op alone has more."""


class Branches:
    """Makes and merges branches."""

    def __init__(self, playlists: Playlists) -> None:
        self._playlists = playlists

    async def branch(
        self, playlist_id: str, user: str, revision: int | None, name: str | None, nonce: str
    ) -> str:
        """A private copy of the playlist at `revision` (None: now), owned by `user`; its id."""
        live = await self._playlists.live(playlist_id, user)
        revision = revision or live.state.revision
        state = await self._playlists.store.at_revision(live, revision)
        about = state.attributes
        return await self._playlists.create(
            user,
            Set(
                name=name or about.name or live.state.attributes.name,
                description=about.description,
                visibility="private",
                image_id=about.image_id,
            ),
            items=list(state.listing),
            nonce=nonce,
            branch_of=(playlist_id, revision),
        )

    async def merge(self, playlist_id: str, user: str, branch_id: str) -> int:
        """Do in the playlist what was done in its branch; the revision afterwards.

        Merging again does what was done since.

        Raises:
            Conflict: it is no branch of the playlist (code NOT_A_BRANCH).
        """
        branch = await self._playlists.live(branch_id, user)
        live = await self._playlists.live(playlist_id, user)
        origin = branch.state.attributes.branch_of
        if origin is None or origin[0] != playlist_id:
            raise Conflict("not a branch of this playlist", code="NOT_A_BRANCH")
        upto = branch.state.revision
        since = live.state.attributes.merged.get(branch_id, 0)
        edits: list[Op] = []
        store = self._playlists.store
        for first in range(1, branch.state.seq + 1, 200):
            last = min(first + 199, branch.state.seq)
            for chunk in await store.chunks(branch_id, first, last):
                edits += _edits(chunk, since)
        if len(edits) > MAX_MERGED_OPS:
            raise Conflict("too many edits to merge", code="TOO_MANY_EDITS")
        done = live.state.revision
        merged = {**live.state.attributes.merged, branch_id: upto}
        for number, ops in enumerate(_batches([*edits, Set(merged=merged)])):
            nonce = derived_id("merge", branch_id, str(upto), str(number))[:16]
            done = (await self._playlists.submit(playlist_id, user, ops, nonce=nonce)).done.revision
        return done


def _edits(chunk: Chunk, since: int) -> Iterator[Edit]:
    """What a chunk did to items after revision `since`, but for making the branch."""
    revision = chunk.base
    for batch in chunk.batches:
        for op in batch.ops:
            revision += 1
            if revision > since and not batch.nonce.startswith(_CREATION):
                yield from _item_edits(op)


def _item_edits(op: Op) -> Iterator[Edit]:
    match op:
        case Add() | Remove() | Move():
            yield op
        case Undo(ops=ops) | Redo(ops=ops):
            for part in ops:
                yield from _in_parts(part) if isinstance(part, Add) else _item_edits(part)


def _in_parts(add: Add) -> Iterator[Add]:
    """What an undo put back may be a whole list: no batch is as large."""
    place = add.place
    for start in range(0, len(add.items), MAX_MERGED_ITEMS):
        some = add.items[start : start + MAX_MERGED_ITEMS]
        yield Add(some, place)
        place = Place("after", some[-1].id)


def _batches(ops: list[Op]) -> Iterator[list[Op]]:
    batch: list[Op] = []
    size = 0
    for op in ops:
        if len(batch) == MAX_OPS or (batch and size + weight(op) > MAX_MERGED_ITEMS):
            yield batch
            batch, size = [], 0
        batch.append(op)
        size += weight(op)
    yield batch
