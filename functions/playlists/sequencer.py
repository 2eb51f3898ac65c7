"""One sequencer per playlist: what many send at once is decided together and appended as one chunk.

While an append is under way, batches gather; the next chunk takes them, one of each editor in turn.
The append is a compare-and-set, so a second sequencer, in another instance, does no harm: whoever
finds the number taken decides again on what the other has written. Whoever loses needs two round
trips to try again and whoever wins one, so a winner would win for ever: after a few chunks in a
row it waits until another had its turn; alone, it does so seldom, in case there is another.
"""

import asyncio
import random
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import structs

from functions.playlists.deciding import Predecessors, check_size, decided
from functions.playlists.domain import MAX_CHUNK_ITEMS, MAX_OPS
from functions.playlists.ops import Batch, Chunk, weight
from functions.playlists.playlist import Done, Playlist
from functions.playlists.store import Live, Store
from shared.errors import SegueError, TooManyRequests, Unavailable

MAX_WAITING_OPS = 20_000
MAX_WAITING_OPS_EACH = 2_000
"""Of one editor: who floods a playlist fills no more than this of its line."""
RIVAL_S = 2.0
"""How long after its last chunk another sequencer is reckoned with."""
PATIENCE = 2.5
"""Round trips that a winner waits: a loser needs two, to read what it met and to try again."""
IN_A_ROW = 4
"""Chunks after which a winner waits, when it has met another sequencer lately."""
ALONE = (8, 40)
"""As much when it has not: at first, and at most; each time that nobody came, twice as many."""
MAX_LOST = 50
MAX_LINES = 5_000


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch: the revision after it, the chunk that holds it, and its ops as they
    are in the log: fewer than were sent, where some had no effect. `again`: it was known."""

    done: Done
    batch: Batch
    again: bool = False


@dataclass
class _Waiting:
    batch: Batch
    predecessors: Predecessors | None
    future: asyncio.Future[Appended]
    outcome: Appended | SegueError | None = None


@dataclass
class _Line:
    """What waits for one playlist, by editor."""

    waiting: OrderedDict[str, deque[_Waiting]] = field(default_factory=OrderedDict)
    ops: int = 0
    rival_until: float = 0.0
    round_trip_s: float = 0.0
    won: int = 0
    in_a_row: int = ALONE[0]
    stale: bool = False

    def put(self, it: _Waiting, *, first: bool = False) -> None:
        self.ops += len(it.batch.ops)
        queue = self.waiting.setdefault(it.batch.by, deque())
        if first:
            queue.appendleft(it)
        else:
            queue.append(it)

    def take(self) -> _Waiting | None:
        """The next batch: editors take turns."""
        if not self.waiting:
            return None
        editor, queue = self.waiting.popitem(last=False)
        it = queue.popleft()
        if queue:
            self.waiting[editor] = queue
        self.ops -= len(it.batch.ops)
        return it


class Sequencer:
    """Appends batches to playlists. `writer` names this instance in the log; `committed` is
    called with every chunk that it has written, before anybody is answered."""

    def __init__(
        self,
        store: Store,
        writer: str,
        *,
        now_ms: Callable[[], int],
        clock: Callable[[], float],
        mark: "Callable[[str], asyncio.Future[None] | None]",
        committed: Callable[[Live, Chunk], None],
    ) -> None:
        self._store = store
        self._writer = writer
        self._now_ms = now_ms
        self._clock = clock
        self._mark = mark
        self._committed = committed
        self._lines: dict[str, _Line] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def submit(
        self, playlist_id: str, batch: Batch, predecessors: Predecessors | None = None
    ) -> Appended:
        """Append a batch; returns once it is in the log. The same nonce again is the same batch.

        Raises:
            NotFound, Forbidden, Invalid, Conflict: as `decided`, at the batch's point of the log.
            TooManyRequests: too much waits already (code PLAYLIST_BUSY).
            Unavailable: it may be in the log or not: send it again with the same nonce.
        """
        check_size(batch.ops)
        line = self._lines.setdefault(playlist_id, _Line())
        own = sum(len(it.batch.ops) for it in line.waiting.get(batch.by, ()))
        if own > MAX_WAITING_OPS_EACH or line.ops + len(batch.ops) > MAX_WAITING_OPS:
            raise TooManyRequests("too many edit it", retry_after_s=1, code="PLAYLIST_BUSY")
        waiting = _Waiting(batch, predecessors, asyncio.get_running_loop().create_future())
        line.put(waiting)
        if playlist_id not in self._running:
            task = asyncio.create_task(self._run(playlist_id, line))
            self._running[playlist_id] = task
        return await waiting.future

    async def stop(self) -> None:
        """Wait until nothing waits."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _run(self, playlist_id: str, line: _Line) -> None:
        try:
            while line.waiting:
                await asyncio.sleep(0)  # those who were just answered may send again
                await self._step(playlist_id, line)
        finally:
            del self._running[playlist_id]
            # Kept a while: what was learned of rivals outlasts a moment without batches.
            for idle in list(self._lines)[: len(self._lines) - MAX_LINES]:
                if idle not in self._running:
                    del self._lines[idle]

    async def _step(self, playlist_id: str, line: _Line) -> None:
        taken: list[_Waiting] = []
        try:
            live = await self._store.live(playlist_id, fresh=line.stale)
            line.stale = False
            await self._give_way(line)
            for lost in range(MAX_LOST):
                chunk, draft = self._gather(line, live, taken)
                if chunk is None:
                    # Refusals must not rest on what another sequencer has changed since.
                    if not await self._store.catch_up(live):
                        break
                elif await self._append(line, live, chunk, draft):
                    break
                elif lost > 10:
                    await asyncio.sleep(random.uniform(0, 0.005 * lost))  # noqa: S311
                for it in reversed(taken):
                    line.put(it, first=True)
                taken.clear()
            else:
                raise Unavailable("others are always quicker", code="CONTENDED")
        except asyncio.CancelledError:
            for it in taken:
                it.future.cancel()
            raise
        except Exception as error:
            line.stale = True
            self._store.forget(playlist_id)
            if not taken and (it := line.take()) is not None:
                taken.append(it)
            for it in taken:
                it.outcome = error if isinstance(error, SegueError) else Unavailable(repr(error))
        for it in taken:
            _answer(it)

    def _gather(
        self, line: _Line, live: Live, taken: list[_Waiting]
    ) -> tuple[Chunk | None, Playlist]:
        """Decide what waits, as much as one chunk may hold, on a copy of the state."""
        draft = live.state.copy()
        now = max(self._now_ms(), draft.attributes.changed_at)
        batches: list[Batch] = []
        ops = items = 0
        seq = live.state.seq + 1
        while ops < MAX_OPS and items < MAX_CHUNK_ITEMS and (it := line.take()) is not None:
            batch = structs.replace(it.batch, at=now)
            size = sum(weight(op) for op in batch.ops)
            if ops and (ops + len(batch.ops) > MAX_OPS or items + size > MAX_CHUNK_ITEMS):
                line.put(it, first=True)
                break
            if it.future.done():  # who sent it has gone away
                continue
            taken.append(it)
            known = draft.nonces.get(batch.nonce)
            if known is not None:
                it.outcome = Appended(known, structs.replace(batch, ops=()), again=True)
                continue
            try:
                draft, logged = decided(draft, batch, it.predecessors)
            except SegueError as error:
                it.outcome = error
                continue
            if logged.ops:
                batches.append(logged)
                ops += len(logged.ops)
                items += size
            it.outcome = Appended(Done(draft.revision, seq if logged.ops else seq - 1, now), logged)
        if not batches:
            return None, draft
        return Chunk(seq, live.state.revision, self._writer, tuple(batches)), draft

    async def _append(self, line: _Line, live: Live, chunk: Chunk, draft: Playlist) -> bool:
        """Whether the chunk is now in the log."""
        began = self._clock()
        marked = self._mark(live.playlist_id)
        there = await self._store.append(live.playlist_id, chunk)
        if marked is not None:
            await marked
        now = self._clock()
        if there:
            line.rival_until, line.won, line.in_a_row = now + RIVAL_S, 0, IN_A_ROW
            self._store.follow(live, there)
            return False
        took = now - began
        line.round_trip_s = took if not line.round_trip_s else (3 * line.round_trip_s + took) / 4
        line.won += 1
        live.advance(chunk, draft)
        self._committed(live, chunk)
        return True

    async def _give_way(self, line: _Line) -> None:
        if line.won >= line.in_a_row:
            line.won = 0
            if self._clock() >= line.rival_until:
                line.in_a_row = min(max(ALONE[0], 2 * line.in_a_row), ALONE[1])
            await asyncio.sleep(PATIENCE * line.round_trip_s)


def _answer(it: _Waiting) -> None:
    if it.future.done():
        return
    if isinstance(it.outcome, Appended):
        it.future.set_result(it.outcome)
    else:
        it.future.set_exception(it.outcome or Unavailable("no answer"))
