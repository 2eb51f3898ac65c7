"""Making a region's warm lists, and fetching what is on them from its edges ahead of demand."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import httpx

from functions.warmer.plan import Candidate, warm_list
from functions.warmer.signals import Edge, Known, Piece, candidates
from shared.cdn import SigningKey, sign_prefix

log = logging.getLogger(__name__)

HORIZON = timedelta(hours=24)
SIGNED_FOR_S = 600
AT_ONCE = 16
HEADER = "x-segue-warm"
"""Says to an edge that nobody has asked yet. Cloud CDN passes it by; the local edge pins."""
TIMEOUT_S = 60.0


class Knows(Protocol):
    async def known(self, at: datetime) -> Known: ...


@dataclass(slots=True)
class Warmed:
    """What a run did at one edge."""

    edge: str
    listed: int
    listed_bytes: int
    fetched: int = 0
    known: int = 0
    failed: int = 0


class Warmer:
    """The warmer of `region`: it fetches for the edges that are its own, from where it is.

    `budget_bytes` for each edge. What it has fetched it does not fetch again for a day: the edge
    has it, or has judged that nobody wants it.
    """

    def __init__(
        self,
        warehouse: Knows,
        edges: Sequence[Edge],
        region: str,
        key: SigningKey,
        client: httpx.AsyncClient,
        *,
        budget_bytes: int,
        now: Callable[[], datetime],
    ) -> None:
        self._warehouse = warehouse
        self._edges = edges
        self._region = region
        self._key = key
        self._client = client
        self._budget_bytes = budget_bytes
        self._now = now
        self._done: dict[tuple[str, str], datetime] = {}

    async def run(self) -> list[Warmed]:
        """Warm the region's edges, once.

        Raises:
            Unavailable: there is nothing to go by; the scheduler tries again.
        """
        at = self._now()
        known = await self._warehouse.known(at)
        pieces = {it.track_id: it.pieces for it in known.releases}
        self._done = {it: when for it, when in self._done.items() if when > at - HORIZON}
        found: list[Warmed] = []
        for edge in self._edges:
            if edge.region != self._region:
                continue
            possible = candidates(edge, self._edges, known, at=at, horizon=HORIZON)
            chosen = warm_list(possible, budget_bytes=self._budget_bytes)
            found.append(await self._warm(edge, chosen, pieces, at))
        return found

    async def _warm(
        self,
        edge: Edge,
        chosen: Sequence[Candidate],
        pieces: dict[str, tuple[Piece, ...]],
        at: datetime,
    ) -> Warmed:
        told = Warmed(edge.name, len(chosen), sum(it.size_bytes for it in chosen))
        gate = asyncio.Semaphore(AT_ONCE)

        async def fetch(piece: Piece) -> None:
            if (edge.name, piece.path) in self._done:
                told.known += 1
                return
            async with gate:
                if await self._fetch(edge, piece, at):
                    self._done[edge.name, piece.path] = at
                    told.fetched += 1
                else:
                    told.failed += 1

        await asyncio.gather(*(fetch(piece) for it in chosen for piece in pieces[it.track_id]))
        return told

    async def _fetch(self, edge: Edge, piece: Piece, at: datetime) -> bool:
        folder = f"{edge.url}/{piece.path.rpartition('/')[0]}/"
        signature = sign_prefix(folder, self._key, int(at.timestamp()) + SIGNED_FOR_S)
        url = f"{edge.url}/{piece.path}?{signature}"
        try:
            async with self._client.stream("GET", url, headers={HEADER: "1"}) as response:
                async for _ in response.aiter_bytes():
                    pass  # Cloud CDN keeps what it has passed on whole
        except httpx.HTTPError as error:
            log.warning("%s: %s was not fetched: %r", edge.name, piece.path, error)
            return False
        if not response.is_success:
            log.warning("%s: %s answers %s", edge.name, piece.path, response.status_code)
        return response.is_success
