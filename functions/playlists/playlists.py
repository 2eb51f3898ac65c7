"""What users do with playlists: make, edit, look at, delete. The service without its HTTP."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.playlists import documents
from functions.playlists.deciding import Predecessors, not_found
from functions.playlists.documents import ViewDocument
from functions.playlists.domain import Kind, Role, may_read
from functions.playlists.ops import (
    LAST,
    Add,
    Batch,
    Chunk,
    Create,
    Entry,
    Invite,
    Join,
    Move,
    Op,
    Redo,
    Revoke,
    Roles,
    Set,
    Undo,
)
from functions.playlists.playlist import Attributes, empty
from functions.playlists.sequencer import Appended, Sequencer
from functions.playlists.shelf import Shelf
from functions.playlists.store import Gap, Live, Store
from functions.playlists.undoing import inverse, still_meant
from functions.playlists.views import Views
from shared import instants
from shared.errors import Conflict, NotFound
from shared.ids import derived_id, new_id

FOLD_WHEN_READ = 8
"""Chunks beyond the view that make a reader write it anew."""
NEAREST = 500
"""Items before a long gone anchor that are tried in its stead."""
CREATE_ITEMS = 2_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A playlist as a reader sees it: from memory, or from its view alone."""

    attributes: Attributes
    seq: int
    revision: int
    count: int
    cover_ids: tuple[str, ...]
    live: Live | None
    view: ViewDocument | None


class Playlists:
    """All playlists. Every change is safe to repeat with the same nonce."""

    def __init__(
        self,
        store: Store,
        sequencer: Sequencer,
        views: Views,
        shelf: Shelf,
        *,
        now: Callable[[], datetime] = instants.now,
    ) -> None:
        self.store = store
        self.shelf = shelf
        self._sequencer = sequencer
        self._views = views
        self._now = now

    # Looking.

    async def live(self, playlist_id: str, user: str, *, deleted: bool = False) -> Live:
        """The playlist in memory, up to date.

        Raises:
            NotFound: there is none that the user may see (code PLAYLIST_NOT_FOUND).
        """
        live = await self.store.live(playlist_id)
        _check(playlist_id, live.state.exists, live.state.attributes, user, deleted)
        if live.view is None or live.state.seq - live.view.seq >= FOLD_WHEN_READ:
            self._views.wanted(live)
        return live

    async def see(self, playlist_id: str, user: str, *, deleted: bool = False) -> Seen:
        """As `live`, but with two document reads where the view is as new as the log."""
        if self.store.cached(playlist_id) is None:
            view = await self.store.views.find(playlist_id)
            if view is not None and not await self.store.chunks(
                playlist_id, view.seq + 1, view.seq + 1
            ):
                _check(playlist_id, True, documents.attributes_of(view), user, deleted)
                return seen_in_view(view)
        return seen_live(await self.live(playlist_id, user, deleted=deleted))

    async def entries(self, seen: Seen, start: int, stop: int) -> list[Entry]:
        """Entries number `start` to `stop`."""
        if seen.view is not None:
            try:
                return await self._entries_in_view(seen.view, start, stop)
            except Gap:
                live = await self.store.live(seen.view.playlist_id)
                return live.state.listing.slice(start, stop)
        assert seen.live is not None
        return seen.live.state.listing.slice(start, stop)

    async def _entries_in_view(self, view: ViewDocument, start: int, stop: int) -> list[Entry]:
        front = documents.front_of(view)
        found = list(front[start:stop])
        at, needed, first = len(front), [], None
        for page_id, size in documents.directory_of(view.pages):
            if at < stop and at + size > start:
                first = at if first is None else first
                needed.append((page_id, size))
            at += size
        if needed and first is not None:
            pages = await self.store.read_pages(view.playlist_id, tuple(needed))
            rest = [entry for page in pages for entry in page.entries]
            found += rest[max(0, start - first) : stop - first]
        return found

    async def many(self, ids: Sequence[str], user: str, *, deleted: bool = False) -> list[Seen]:
        """Those of `ids` that the user may see, in order; a second or two old where another
        instance edits them. `deleted`: the user's own that are, instead of those that are not."""
        views = await self.store.views.find_many(ids)
        found: list[Seen] = []
        for id in ids:
            live, view = self.store.cached(id), views.get(id)
            if view is None or (live is not None and live.state.seq >= view.seq):
                seen = seen_live(live or await self.store.live(id))
            else:
                seen = seen_in_view(view)
            it = seen.attributes
            readable = may_read(it.visibility, it.roles, it.owner, user)
            if deleted:
                readable = it.owner == user
            if seen.seq and it.deleted == deleted and readable:
                found.append(seen)
        return found

    # Changing.

    async def create(
        self,
        owner: str,
        attributes: Set,
        *,
        kind: Kind = "list",
        items: Sequence[Entry] = (),
        nonce: str | None = None,
        playlist_id: str | None = None,
        branch_of: tuple[str, int] | None = None,
        roles: Mapping[str, Role] | None = None,
        listed: bool = True,
    ) -> str:
        """Make a playlist; its id. With the same nonce again it is the same playlist."""
        nonce = nonce or new_id()
        id = playlist_id or derived_id("playlist", owner, nonce)
        ops: list[Op] = [Create(owner, kind, attributes, branch_of)]
        if roles:
            ops.append(Roles(dict(roles)))
        if items:
            ops.append(Add(tuple(items[:CREATE_ITEMS]), LAST))
        await self.submit(id, owner, ops, nonce=f"create/{nonce}")
        for start in range(CREATE_ITEMS, len(items), CREATE_ITEMS):
            rest = Add(tuple(items[start : start + CREATE_ITEMS]), LAST)
            await self.submit(id, owner, [rest], nonce=f"create/{nonce}/{start}")
        if listed:
            await self._keep(id, [owner])
        return id

    async def submit(
        self,
        playlist_id: str,
        user: str,
        ops: Sequence[Op],
        *,
        nonce: str | None = None,
        base_revision: int | None = None,
    ) -> Appended:
        """Do all of `ops`, or none. `base_revision`: what the user saw, if not the newest.

        Raises: as `Sequencer.submit`.
        """
        predecessors = None
        if base_revision is not None:
            predecessors = await self._predecessors(playlist_id, ops, base_revision)
        batch = Batch(nonce or new_id(), user, 0, tuple(ops))
        done = await self._sequencer.submit(playlist_id, batch, predecessors)
        users = [it for op in done.batch.ops for it in _with_another_role(op, user)]
        if users:
            await self._keep(playlist_id, users)
        return done

    async def keep(self, live: Live) -> None:
        """See to it that the playlist is in the lists of all who have a role in it: whoever
        changed that may not have lived to do so."""
        if live.state.attributes.kind != "mix":  # whose one reader follows it
            await self.shelf.keep(live.state, self._now())

    async def _keep(self, playlist_id: str, users: Sequence[str]) -> None:
        state = (await self.store.live(playlist_id, fresh=False)).state
        if state.attributes.kind != "mix":
            named = {*users, state.attributes.owner}
            await self.shelf.keep(state, self._now(), named)

    async def delete(self, playlist_id: str, user: str) -> None:
        """The owner's: the playlist is gone for everyone, until it is restored."""
        await self.submit(playlist_id, user, [Set(deleted=True)])
        await self._keep(playlist_id, [user])

    async def erase(self, playlist_id: str, user: str) -> None:
        """The owner's account is gone: others are told, then nothing is left of the playlist."""
        live = await self.store.live(playlist_id)
        if live.state.exists and live.state.attributes.owner == user:
            if not live.state.attributes.deleted:
                await self.submit(playlist_id, user, [Set(deleted=True)])
            await self._views.settle()
            await self.store.erase(await self.store.live(playlist_id))
        await self.shelf.forget(user, playlist_id)

    async def restore(self, playlist_id: str, user: str) -> Appended:
        """The owner's: a deleted playlist is back, as it was."""
        done = await self.submit(playlist_id, user, [Set(deleted=False)])
        await self._keep(playlist_id, [user])
        return done

    async def undo(
        self,
        playlist_id: str,
        user: str,
        revision: int | None,
        *,
        redo: bool = False,
        nonce: str | None = None,
    ) -> Appended:
        """Undo the op that made `revision` (None: the user's own last one), whosever it was;
        with `redo`, undo such an undo.

        Raises:
            NotFound: no such revision. Conflict: it cannot be undone (code NOT_UNDOABLE).
        """
        live = await self.live(playlist_id, user)
        if revision is None:
            revision = await self._last_of(live, user, redo)
        op, by = await self.op_at(live, revision)
        if redo != isinstance(op, Undo):
            message = "only an undo can be done again" if redo else "use redo for an undo"
            raise Conflict(message, code="NOT_UNDOABLE")
        before = (
            await self.store.at_revision(live, revision - 1) if revision > 1 else empty(playlist_id)
        )
        edits = [
            kept
            for edit in inverse(before, op, by)
            if (kept := still_meant(edit, op, live.state.attributes)) is not None
        ]
        if not edits:
            raise Conflict("nothing is left of it to undo", code="NOT_UNDOABLE")
        made = (Redo if redo else Undo)(revision, tuple(edits))
        return await self.submit(playlist_id, user, [made], nonce=nonce)

    async def op_at(self, live: Live, revision: int) -> tuple[Op, str]:
        """The op that made `revision`, and who did it. Raises NotFound."""
        chunk = await self.chunk_with(live, revision)
        at = chunk.base
        for batch in chunk.batches:
            if revision <= at + len(batch.ops):
                return batch.ops[revision - at - 1], batch.by
            at += len(batch.ops)
        raise NotFound(f"no revision {revision}", code="REVISION_NOT_FOUND")

    async def chunk_with(self, live: Live, revision: int) -> Chunk:
        """The chunk that holds the op of `revision`: from memory, or by halving the log."""
        if not 0 < revision <= live.state.revision:
            raise NotFound(f"no revision {revision}", code="REVISION_NOT_FOUND")
        for chunk in reversed(live.tail):
            if chunk.base < revision <= chunk.revision:
                return chunk
        low, high = 1, live.state.seq
        while low <= high:
            middle = (low + high) // 2
            (chunk,) = await self.store.chunks(live.playlist_id, middle, middle)
            if revision <= chunk.base:
                high = middle - 1
            elif revision > chunk.revision:
                low = middle + 1
            else:
                return chunk
        raise NotFound(f"no revision {revision}", code="REVISION_NOT_FOUND")

    async def _last_of(self, live: Live, user: str, redo: bool) -> int:
        undone: set[int] = set()
        seq = live.state.seq
        for first in range(max(1, seq - 199), 0, -200):
            for chunk in reversed(await self.store.chunks(live.playlist_id, first, seq)):
                found = _newest_undoable(chunk, user, redo, undone)
                if found is not None:
                    return found
            break  # further back than 200 chunks nobody means by "last"
        raise NotFound("nothing of yours to undo", code="REVISION_NOT_FOUND")

    async def _predecessors(
        self, playlist_id: str, ops: Sequence[Op], revision: int
    ) -> Predecessors:
        anchors = {op.place.item for op in ops if isinstance(op, Add | Move) and op.place.item}
        live = await self.store.live(playlist_id)
        if not anchors or not 0 < revision < live.state.revision:
            return {}
        unknown = [id for id in anchors if not live.state.listing.knows(id)]
        if not unknown:
            return {}
        past = await self.store.at_revision(live, revision)
        order, positions = past.listing.order(), past.listing.positions()
        return {
            id: order[max(0, positions[id] - NEAREST) : positions[id]][::-1]
            for id in unknown
            if id in positions
        }


def _with_another_role(op: Op, by: str) -> Iterator[str]:
    match op:
        case Roles(changes=changes):
            yield from changes
            if "owner" in changes.values():
                yield by
        case Join():
            yield by
        case Set() if "deleted" in op.values():
            yield by
        case Undo(ops=ops) | Redo(ops=ops):
            for part in ops:
                yield from _with_another_role(part, by)


def seen_live(live: Live) -> Seen:
    it = live.state
    covers = live.view.cover_ids if live.view else ()
    return Seen(it.attributes, it.seq, it.revision, len(it.listing), covers, live, None)


def seen_in_view(view: ViewDocument) -> Seen:
    attributes = documents.attributes_of(view)
    return Seen(attributes, view.seq, view.revision, view.count, view.cover_ids, None, view)


def _check(
    playlist_id: str, exists: bool, attributes: Attributes, user: str, deleted: bool
) -> None:
    it = attributes
    if not exists or not may_read(it.visibility, it.roles, it.owner, user):
        raise not_found(playlist_id)
    if it.deleted and not (deleted and user == it.owner):
        raise not_found(playlist_id)


def _newest_undoable(chunk: Chunk, user: str, redo: bool, undone: set[int]) -> int | None:
    revision = chunk.revision
    for batch in reversed(chunk.batches):
        for op in reversed(batch.ops):
            match op:
                case Redo(of=of):
                    undone.add(of)
                case Undo(of=of) if not redo:
                    if revision not in undone:
                        undone.add(of)
                case Undo() if batch.by == user and revision not in undone:
                    return revision
                case Create() | Join() | Invite() | Revoke() | Undo():
                    pass
                case _ if not redo and batch.by == user and revision not in undone:
                    return revision
            revision -= 1
    return None
