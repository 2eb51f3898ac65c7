"""One run at a time: two that judged the same plays by two snapshots would write over each other.

A run that stops without a word leaves its turn to the next after `LASTS`. Whoever was only
paused and comes back too late can still not close a period twice: see `accounting`.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import Conflict, Unavailable
from shared.gcp.documents import Documents

log = logging.getLogger(__name__)

LASTS = timedelta(minutes=5)
RENEWED_S = 60.0
ASKED_S = 5.0
ONE = "run"


@dataclass(frozen=True, slots=True)
class Turn:
    """Who runs, and until when that holds if nothing more is heard."""

    holder: str
    until: datetime


@contextlib.asynccontextmanager
async def turn(
    turns: Documents[Turn],
    holder: str,
    *,
    now: Callable[[], datetime],
    patience: timedelta = timedelta(minutes=30),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[None]:
    """Wait until nobody else runs, and keep others waiting meanwhile.

    Raises:
        Conflict: another run is still at work after `patience` (code ANOTHER_RUN).
    """
    gives_up = now() + patience
    while not await _take(turns, holder, now()):
        if now() >= gives_up:
            raise Conflict("another run is at work: try again when it is done", code="ANOTHER_RUN")
        log.info("another run is at work; waiting")
        await sleep(ASKED_S)
    renewing = asyncio.create_task(_renew(turns, holder, now, sleep))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await _give_back(turns, holder, now())


async def _take(turns: Documents[Turn], holder: str, at: datetime) -> bool:
    def change(known: Turn | None) -> Turn | None:
        taken = known is not None and known.holder != holder and known.until > at
        return None if taken else Turn(holder, at + LASTS)

    held = await turns.update(ONE, change)
    return held is not None and held.holder == holder


async def _renew(
    turns: Documents[Turn],
    holder: str,
    now: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    while True:
        await sleep(RENEWED_S)
        try:
            if not await _take(turns, holder, now()):
                log.error("this run was silent too long: another has begun")
                return
        except Unavailable as error:
            log.warning("the turn is not renewed: %s", error)


async def _give_back(turns: Documents[Turn], holder: str, at: datetime) -> None:
    def change(known: Turn | None) -> Turn | None:
        mine = known is not None and known.holder == holder
        return Turn(holder, at) if mine else None

    await turns.update(ONE, change)
