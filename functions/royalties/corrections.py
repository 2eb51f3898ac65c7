"""What operators change by hand. Closed periods never change: everything waits for the next."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from functions.royalties import ledger
from functions.royalties.books import CLOSED, CLOSING, Books, Lift, Payee
from functions.royalties.ledger import Entry, Line
from functions.royalties.periods import Period
from functions.royalties.reading import Asked
from functions.royalties.terms import SCREENS
from shared.errors import Conflict, Invalid, NotFound
from shared.ids import derived_id

WAITS = "waiting"


class Corrections:
    """Adjustments, reversals, reinstatements; and what may be asked of the job."""

    def __init__(self, books: Books, asked: Asked, *, now: Callable[[], datetime]) -> None:
        self._books = books
        self._asked = asked
        self._now = now

    async def may_close(self, period: Period, cutoff: datetime | None) -> None:
        """Say at once what the job would refuse.

        Raises:
            Conflict: PERIOD_NOT_OVER, OUT_OF_ORDER or NO_POOLS.
        """
        if (await self._books.state(period)).status == CLOSING:
            return
        at = cutoff or period.due_at
        if at < period.ends_at or at > self._now():
            raise Conflict(
                f"{period} may be closed with a cutoff from {period.ends_at:%Y-%m-%d} on, that is"
                f" past; without one, from {period.due_at:%Y-%m-%d} on",
                code="PERIOD_NOT_OVER",
            )
        closed = [it for it in await self._books.states() if it.status == CLOSED]
        if closed and closed[-1].period != str(period.previous):
            after = Period.parse(closed[-1].period).next
            raise Conflict(f"periods are closed in order; {after} is next", code="OUT_OF_ORDER")
        if not await self._books.pools_of(period):
            raise Conflict(f"no pool is known for {period}", code="NO_POOLS")

    async def set_payee(self, payee: Payee) -> None:
        """Say what a payee is paid in, from the next closing on."""
        await self._books.payees.put(derived_id(payee.payee), payee)

    async def lift(
        self, play_id: str | None, user_id: str | None, period: str | None, reason: str, by: str
    ) -> Lift:
        """Reinstate a play, or an account's plays of a month; booked in the open period. The same
        again changes nothing.

        Raises:
            Invalid: neither a play nor an account and a month is named (code INVALID).
            NotFound: the play was never judged (code PLAY_NOT_FOUND).
            Conflict: no screen holds the play back (code NOT_SCREENED).
        """
        if play_id is not None and user_id is None:
            judged = await self._asked.judged(play_id)
            if judged[-1].verdict not in SCREENS:
                raise Conflict(f"the play is {judged[-1].verdict}", code="NOT_SCREENED")
            of = judged[-1].of_period
        elif user_id is not None and play_id is None and period is not None:
            of = str(Period.parse(period))
        else:
            raise Invalid("name a play_id, or a user_id and a period")
        id = derived_id("lift", play_id or "", user_id or "", of)
        lift = Lift(id, of, play_id, user_id, reason, by, self._now())
        return await self._books.lifts.claim(id, lift)

    async def adjust(
        self,
        id: str,
        *,
        payee: str,
        currency: str,
        amount: int,
        source: str,
        reason: str,
        by: str,
    ) -> Entry:
        """Book an amount to a payee in the open period. The same `id` again is the same entry.

        Raises:
            Invalid: nothing is booked (code INVALID_AMOUNT), or from the payee's own account.
            Conflict: the id was used for something else (code ID_TAKEN).
        """
        if amount == 0:
            raise Invalid("an adjustment of nothing", code="INVALID_AMOUNT")
        account = f"payable/{payee}"
        if source == account:
            raise Invalid("from an account to itself", code="INVALID_AMOUNT")
        lines = (Line(source, currency, -amount), Line(account, currency, amount))
        made = replace(
            ledger.entry(WAITS, "adjustment", lines, id, reason=reason),
            entry_id=derived_id("adjustment", id),
        )
        booked = (await self._books.book(made, by, self._now())).entry
        if (booked.lines, booked.reason) != (made.lines, made.reason):
            raise Conflict("the id was used for another adjustment", code="ID_TAKEN")
        return booked

    async def reverse(self, entry_id: str, period: Period, reason: str, by: str) -> Entry:
        """Undo an entry of a closed period, once, in the open one.

        Raises:
            NotFound: PERIOD_NOT_CLOSED, or ENTRY_NOT_FOUND.
            Conflict: it is itself a reversal (code IS_REVERSAL).
        """
        text = await self._asked.ledger(period)
        found = await asyncio.to_thread(_entry, text, entry_id)
        if found is None:
            raise NotFound(f"{period} has no entry {entry_id}", code="ENTRY_NOT_FOUND")
        made = ledger.reversal(found, WAITS, reason)
        return (await self._books.book(made, by, self._now())).entry


def _entry(text: str, entry_id: str) -> Entry | None:
    start = f'["{entry_id}"'
    return next((ledger.parse(line) for line in text.splitlines() if line.startswith(start)), None)
