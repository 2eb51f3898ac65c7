"""The past of a playlist: who did what and when, how it looked, and what changed between."""

from datetime import UTC, datetime
from typing import Any

from functions.playlists.codec import payload_of, shown
from functions.playlists.differing import difference
from functions.playlists.ops import Entry
from functions.playlists.playlist import Playlist
from functions.playlists.playlists import Playlists
from functions.playlists.publication import EPOCH
from functions.playlists.store import Live
from shared.errors import NotFound
from shared.webapi.snapshots import snapshot_id

MAX_GAP = 200
"""Chunks that a gateway is given to fill a gap; beyond, a snapshot is less to send."""


class History:
    """Answers questions about the log."""

    def __init__(self, playlists: Playlists) -> None:
        self._playlists = playlists

    async def changes(self, live: Live, epoch: str | None, since: int | None) -> dict[str, Any]:
        """Every chunk after number `since`, if that can be proved; else how the list is now."""
        tail = live.state.seq
        if epoch == EPOCH and since is not None and tail - MAX_GAP <= since <= tail:
            chunks = [it for it in live.tail if it.seq > since]
            if len(chunks) < tail - since:
                chunks = await self._playlists.store.chunks(live.playlist_id, since + 1, tail)
            if len(chunks) == tail - since:
                pubs = [{"seq": it.seq, "payload": payload_of(it)} for it in chunks]
                return _answer(tail, True, pubs, None)
        return _answer(tail, False, [], whole(live.state))

    async def listed(self, live: Live, before: int | None, limit: int) -> list[dict[str, Any]]:
        """What was done, newest first: ops of revisions below `before`."""
        upper = min(before or live.state.revision + 1, live.state.revision + 1)
        found: list[dict[str, Any]] = []
        if upper <= 1:
            return found
        seq = (await self._playlists.chunk_with(live, upper - 1)).seq
        while seq > 0 and len(found) < limit:
            first = max(1, seq - 49)
            chunks = await self._playlists.store.chunks(live.playlist_id, first, seq)
            for chunk in reversed(chunks):
                revision = chunk.revision
                for batch in reversed(chunk.batches):
                    for op in reversed(batch.ops):
                        if revision < upper:
                            found.append(
                                {
                                    "revision": revision,
                                    "snapshot_id": snapshot_id(live.playlist_id, revision),
                                    "at": instant_ms(batch.at),
                                    "by": batch.by,
                                    "change": shown(op),
                                }
                            )
                        revision -= 1
            seq = first - 1
        return found[:limit]

    async def at(self, live: Live, revision: int | None, at: datetime | None) -> Playlist:
        """The state at a revision, or at an instant; now, if neither is said.

        Raises:
            NotFound: there was none (code REVISION_NOT_FOUND).
        """
        if at is not None:
            moment = int(at.timestamp() * 1000)
            revision = await self._playlists.store.revision_at(live, moment)
            if revision == 0:
                raise NotFound("it did not exist then", code="REVISION_NOT_FOUND")
        if revision is None:
            revision = live.state.revision
        return await self._playlists.store.at_revision(live, revision)

    async def between(self, live: Live, old: int, new: int | None) -> dict[str, Any]:
        """What differs between two revisions."""
        before = await self.at(live, old, None)
        after = await self.at(live, new, None)
        found = difference(before, after)
        return {
            "from": old,
            "to": after.revision,
            "added": [{"position": at, **item(it)} for at, it in found.added],
            "removed": [{"position": at, **item(it)} for at, it in found.removed],
            "moved": [
                {"from_position": was, "position": now, **item(it)} for was, now, it in found.moved
            ],
            "attributes": {
                name: {"from": was, "to": now} for name, (was, now) in found.attributes.items()
            },
        }


def whole(state: Playlist) -> dict[str, Any]:
    """A playlist, as whoever begins to follow it live needs it."""
    it = state.attributes
    return {
        "revision": state.revision,
        "name": it.name,
        "description": it.description,
        "visibility": it.visibility,
        "collaborative": it.collaborative,
        "owner": it.owner,
        "roles": it.roles,
        "items": [item(entry) for entry in state.listing],
    }


def item(entry: Entry) -> dict[str, Any]:
    return {"id": entry.id, "uri": entry.uri, "by": entry.by, "at": entry.at}


def instant_ms(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return (
        datetime.fromtimestamp(ms / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def _answer(
    tail: int, recovered: bool, pubs: list[dict[str, Any]], snapshot: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "epoch": EPOCH,
        "tail": tail,
        "recovered": recovered,
        "pubs": pubs,
        "snapshot": snapshot,
    }
