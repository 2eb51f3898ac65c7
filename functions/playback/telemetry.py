"""What clients measured at the edges, shared between instances without a write for each play.

An instance adds up what it is told and, every `SYNC_S` seconds at most, folds it into one of
`SHARDS` documents and reads all of them. So an edge that fails is known to the instance that was
told at once, and to all others within seconds; the cost does not grow with plays.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from functions.playback.edges import NOTHING, Sums
from shared.errors import SegueError
from shared.gcp.documents import Documents

log = logging.getLogger(__name__)

COLLECTION = "edge_health"
SHARDS = 16
SYNC_S = 10.0
MAX_CELLS = 2_000
"""In a shard; what was asked least gives way."""
_FORGOTTEN = 0.05


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of what was measured, by `EDGE/COUNTRY`."""

    cells: Mapping[str, Sums] = field(default_factory=dict)


def folded(shard: Shard, told: Mapping[str, Sums], now_s: float) -> Shard:
    """`shard` with `told` added, and what has decayed to nothing left out."""
    names = shard.cells.keys() | told.keys()
    cells = {
        name: shard.cells.get(name, NOTHING).plus(told.get(name, NOTHING)).at(now_s)
        for name in names
    }
    kept = sorted(
        (it for it in cells.items() if it[1].requests > _FORGOTTEN),
        key=lambda it: (-it[1].requests, it[0]),
    )
    return Shard(dict(kept[:MAX_CELLS]))


class Telemetry:
    """All that is known of the edges. `shard`: which one this instance writes."""

    def __init__(
        self, documents: Documents[Shard], *, shard: int, clock: Callable[[], float]
    ) -> None:
        self._documents = documents
        self._own = str(shard % SHARDS)
        self._clock = clock
        self._told: dict[str, Sums] = {}
        self._cells: dict[tuple[str, str], Sums] = {}
        self._due_s = 0.0
        self._running: asyncio.Task[None] | None = None
        self.changes = 0
        """Rises whenever more is known."""

    @property
    def cells(self) -> Mapping[tuple[str, str], Sums]:
        """By edge and country; a look at it starts a reading of the others' when that is due."""
        if self._clock() >= self._due_s and self._running is None:
            self._due_s = self._clock() + SYNC_S
            self._running = asyncio.ensure_future(self._sync())
            self._running.add_done_callback(self._ran)
        return self._cells

    def add(self, edge: str, country: str, sums: Sums) -> None:
        """Count what a client of `country` measured at `edge`."""
        name = f"{edge}/{country}"
        self._told[name] = self._told.get(name, NOTHING).plus(sums)
        self.changes += 1
        key = (edge, country)
        self._cells[key] = self._cells.get(key, NOTHING).plus(sums)

    async def settle(self) -> None:
        """Wait for a reading that is under way."""
        if self._running is not None:
            await self._running

    def _ran(self, _: asyncio.Task[None]) -> None:
        self._running = None

    async def _sync(self) -> None:
        told, self._told = self._told, {}
        try:
            if told:
                await self._documents.update(
                    self._own, lambda known: folded(known or Shard(), told, self._clock())
                )
            shards = await self._documents.find_many(str(n) for n in range(SHARDS))
        except SegueError as error:
            # Plays go on by what is known; what was told is added again next time.
            log.warning("edge health was not shared", exc_info=error)
            for name, sums in told.items():
                self._told[name] = self._told.get(name, NOTHING).plus(sums)
            return
        cells: dict[tuple[str, str], Sums] = {}
        for source in (*(it.cells for it in shards.values()), self._told):
            for name, sums in source.items():
                edge, _, country = name.partition("/")
                cells[edge, country] = cells.get((edge, country), NOTHING).plus(sums)
        self._cells = cells
        self.changes += 1
