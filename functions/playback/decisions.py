"""Whether a listener may: from the table in memory, the projection, or rights itself.

A copy of a track's rights counts for the playables' TTL, from when its reading began. A takedown
is acknowledged only once the projection has it (functions/rights/takedown.py), so TTL seconds
after the acknowledgement every instance has read it. The table remembers the latest version that
this instance ever met: no answer goes back behind it.

    copy not older than the TTL allows          → allow
    otherwise read the projection               → what it says
    it is silent, or it has no rights yet       → what rights says
    rights is silent too                        → deny, RIGHTS_UNAVAILABLE

Whoever holds a grant plays on until its `valid_until`: the signature is the proof.

Source: docs/decisions/0021-takedowns.md
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from functions.playback.domain import RIGHTS_UNAVAILABLE, Playable
from functions.playback.store import Playables
from shared.errors import NotFound, Unavailable
from shared.rights.shapes import Decision
from shared.rights.table import Table

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, for what: territory, plan, use and instant, and the bearer token they sent."""

    territory: str
    plan: str
    use: str
    at: datetime
    token: str


class Authority(Protocol):
    """The service that owns rights."""

    async def decide(self, track_id: str, asked: Asked) -> Decision:
        """Its decision. Raises Unavailable when it does not answer."""
        ...


class Decisions:
    """Decides plays, previews and whatever else a deal may allow."""

    def __init__(self, playables: Playables, table: Table, authority: Authority) -> None:
        self._playables = playables
        self._table = table
        self._authority = authority
        self._compacting: asyncio.Task[None] | None = None

    async def of(self, track_id: str, asked: Asked) -> tuple[Playable, Decision]:
        """The track as it is known, and whether it may be used as asked.

        Raises:
            NotFound: no such track (code TRACK_NOT_FOUND).
            Unavailable: nothing at all is known of the track, and nobody answers.
        """
        cached = self._playables.cached(track_id)
        if cached is not None and (decision := self._known(cached, asked)).allow:
            return cached, decision
        # Never refuse on an old copy: the licence may have come a moment ago.
        try:
            playable = await self._playables.find(track_id)
        except Unavailable:
            playable = self._playables.stale(track_id)
            if playable is None:
                raise
            return playable, await self._ask(track_id, asked)
        if playable is None:
            raise NotFound(f"no track {track_id}", code="TRACK_NOT_FOUND")
        unheard = playable.rights_version == 0 and playable.audio is not None
        if unheard or self._playables.cached(track_id) is None:
            # Nothing was said of it; or reading took so long that what was read is old again.
            return playable, await self._ask(track_id, asked)
        return playable, self._known(playable, asked)

    def _known(self, playable: Playable, asked: Asked) -> Decision:
        self._table.put(playable.track_id, playable.deals, playable.rights_version)
        if self._table.is_full and self._compacting is None:
            self._compacting = asyncio.create_task(self._compact())
        return self._table.decide(
            playable.track_id, asked.territory, asked.plan, asked.use, asked.at
        )

    async def _compact(self) -> None:
        """Seconds of work: plays go on meanwhile."""
        try:
            self._table.adopt(await asyncio.to_thread(self._table.merged))
        finally:
            self._compacting = None

    async def _ask(self, track_id: str, asked: Asked) -> Decision:
        try:
            decision = await self._authority.decide(track_id, asked)
        except Unavailable as error:
            log.warning("rights does not answer for %s: %s", track_id, error)
            return Decision(False, RIGHTS_UNAVAILABLE)
        if decision.version < self._table.version(track_id):
            log.error("rights answered version %s of %s", decision.version, track_id)
            return Decision(False, RIGHTS_UNAVAILABLE)
        return decision
