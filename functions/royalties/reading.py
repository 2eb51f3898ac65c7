"""What is read: statements and ledgers from the vault, verdicts from BigQuery."""

import asyncio
from typing import Any

from functions.royalties import statements
from functions.royalties.books import CLOSED, Books
from functions.royalties.periods import Period
from functions.royalties.statements import Document
from functions.royalties.terms import Judged, explained
from functions.royalties.vault import Reading
from functions.royalties.warehouse import Warehouse
from shared.errors import NotFound

SHOWN_PERIODS = 36


class Asked:
    """Answers questions; changes nothing."""

    def __init__(self, books: Books, vault: Reading, warehouse: Warehouse) -> None:
        self._books = books
        self._vault = vault
        self._warehouse = warehouse

    async def statement(self, payee: str, period: Period) -> Document:
        """The payee's statement: final if the period is closed, else as of the last run.

        Raises:
            NotFound: there is none (code STATEMENT_NOT_FOUND).
        """
        state = await self._books.state(period)
        hash = (state.hash or "") if state.status == CLOSED else ""
        name = statements.name_of(str(period), hash, payee)
        data = await asyncio.to_thread(self._vault.read, name)
        if data is None:
            raise NotFound(f"{payee} has no statement for {period}", code="STATEMENT_NOT_FOUND")
        return await asyncio.to_thread(statements.from_bytes, data)

    async def statements(self, payee: str) -> list[dict[str, Any]]:
        """A payee's statements in short, the newest first."""

        async def short(period: str) -> dict[str, Any] | None:
            try:
                it = await self.statement(payee, Period.parse(period))
            except NotFound:
                return None
            plays = sum(item.plays for item in it.items)
            return {
                "period": period,
                "status": it.status,
                "plays": plays,
                "totals_minor": it.totals,
            }

        states = (await self._books.states())[-SHOWN_PERIODS:]
        found = await asyncio.gather(*(short(it.period) for it in reversed(states)))
        return [it for it in found if it is not None]

    async def ledger(self, period: Period) -> str:
        """A closed period's ledger, one entry a line.

        Raises:
            NotFound: it is not closed (code PERIOD_NOT_CLOSED).
        """
        state = await self._books.closed(period)
        data = await asyncio.to_thread(self._vault.read, f"ledger/{period}-{state.hash}.jsonl")
        if data is None:
            raise NotFound(f"the ledger of {period} is gone", code="LEDGER_NOT_FOUND")
        return data.decode()

    async def judged(self, play_id: str) -> list[Judged]:
        """What was judged of a play, the oldest first.

        Raises:
            NotFound: nothing yet (code PLAY_NOT_FOUND).
        """
        found = await asyncio.to_thread(self._warehouse.explain, play_id)
        if not found:
            raise NotFound(f"play {play_id} was not judged (yet)", code="PLAY_NOT_FOUND")
        return found

    async def explain(self, play_id: str) -> list[dict[str, Any]]:
        """The verdicts on a play, with why in words."""
        return [
            {
                "period": it.period,
                "of_period": it.of_period,
                "track_id": it.track_id,
                "payee": it.payee,
                "licence_id": it.licence_id,
                "started_at": it.started_at,
                "heard_ms": it.heard_ms,
                "verdict": it.verdict,
                "measure": it.measure,
                "bound": it.bound,
                "why": explained(it),
            }
            for it in await self.judged(play_id)
        ]

    async def screened(self, period: Period) -> list[dict[str, Any]]:
        """Which accounts were screened out."""
        return await asyncio.to_thread(self._warehouse.screened, period)
