"""What royalties keeps in documents: periods, pools, rates, payees, entries by hand, lifts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, TypeVar

from functions.royalties.closing import Pool
from functions.royalties.ledger import Entry
from functions.royalties.money import Rate
from functions.royalties.periods import Period
from functions.royalties.turns import Turn
from shared.errors import Conflict, NotFound
from shared.gcp.documents import Documents
from shared.ids import derived_id

T = TypeVar("T")
PAGE = 300
OPEN, CLOSING, CLOSED = "open", "closing", "closed"
WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class PeriodState:
    """Where a period stands. `cutoff` is set when closing begins and never changes; `hash` is the
    ledger's, onto `previous_hash`. `accrued_at`: when its provisional statements were made, from
    plays judged as `judged_as` says (`Snapshot.terms`)."""

    period: str
    status: str = OPEN
    cutoff: datetime | None = None
    previous_hash: str = ""
    hash: str | None = None
    closed_at: datetime | None = None
    accrued_at: datetime | None = None
    payees: int = 0
    unpooled: int = 0
    totals: Mapping[str, int] | None = None
    judged_as: str = ""


@dataclass(frozen=True, slots=True)
class PoolNote:
    """A pool as an operator set it. `of`: its period, to be found by."""

    pool: Pool
    of: tuple[str, ...]
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RateNote:
    rate: Rate
    of: tuple[str, ...]
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Payee:
    """What a payee is paid in; None: in whatever currency it was earned."""

    payee: str
    currency: str | None


@dataclass(frozen=True, slots=True)
class ByHand:
    """An adjustment or a reversal. `of` is "waiting" until a period takes it in, then that."""

    entry: Entry
    of: tuple[str, ...]
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Lift:
    """Screens lifted by hand: of one play of a month, or of all of an account's."""

    lift_id: str
    of_period: str
    play_id: str | None
    user_id: str | None
    reason: str
    by: str
    at: datetime


COLLECTIONS: Mapping[str, tuple[str, type, str]] = {
    "periods": ("royalty_periods", PeriodState, "period"),
    "pools": ("royalty_pools", PoolNote, "pool"),
    "rates": ("royalty_rates", RateNote, "rate"),
    "payees": ("royalty_payees", Payee, "payee"),
    "by_hand": ("royalty_entries", ByHand, "entry"),
    "lifts": ("royalty_lifts", Lift, "lift"),
    "turns": ("royalty_turns", Turn, "turn"),
}
"""The fields of `Books`: collection, type of its documents, what one is called in errors."""


@dataclass(frozen=True, slots=True)
class Books:
    """Royalties' collections."""

    periods: Documents[PeriodState]
    pools: Documents[PoolNote]
    rates: Documents[RateNote]
    payees: Documents[Payee]
    by_hand: Documents[ByHand]
    lifts: Documents[Lift]
    turns: Documents[Turn]

    async def state(self, period: Period) -> PeriodState:
        """Where the period stands; open if nothing is known of it."""
        return await self.periods.find(str(period)) or PeriodState(str(period))

    async def states(self) -> list[PeriodState]:
        """Every period that anything is known of, in order."""
        return sorted(await _all(self.periods, "period"), key=lambda it: it.period)

    async def set_pool(self, period: Period, pool: Pool, by: str, at: datetime) -> None:
        """Say what a pool holds, as long as the period is open.

        Raises:
            Conflict: it is not (code PERIOD_CLOSED).
        """
        await self.must_be_open(period)
        await self.periods.claim(str(period), PeriodState(str(period)))
        id = derived_id(str(period), pool.territory, pool.plan)
        await self.pools.put(id, PoolNote(pool, (str(period),), by, at))

    async def must_be_open(self, period: Period) -> None:
        """Raises Conflict (PERIOD_CLOSED) when the period is closed or being closed."""
        if (await self.state(period)).status != OPEN:
            raise Conflict(f"{period} is closed; book a correction", code="PERIOD_CLOSED")

    async def pools_of(self, period: Period) -> list[Pool]:
        """The period's pools, in order."""
        notes = await _having(self.pools, str(period), lambda it: derived_id(
            str(period), it.pool.territory, it.pool.plan))  # fmt: skip
        return sorted((it.pool for it in notes), key=lambda it: (it.territory, it.plan))

    async def set_rate(self, rate: Rate, by: str, at: datetime) -> None:
        """Keep a rate. Those of days on which a closed period was exchanged stay as they are.

        Raises:
            Conflict: the day's rate was used already (code PERIOD_CLOSED).
        """
        await self.must_be_open(_month(rate.on))
        note = RateNote(rate, (str(_month(rate.on)),), by, at)
        await self.rates.put(_rate_id(rate), note)

    async def rates_of(self, period: Period) -> list[Rate]:
        """Rates that may be used for the period: of its own month."""
        notes = await _having(self.rates, str(period), lambda it: _rate_id(it.rate))
        return [it.rate for it in notes]

    async def currencies(self) -> dict[str, str]:
        """What payees are paid in, where it was said."""
        found = await _all(self.payees, "payee", derived_id)
        return {it.payee: it.currency for it in found if it.currency is not None}

    async def take_in(self, period: Period) -> list[Entry]:
        """Bind the entries that wait to `period`, and give all of its entries."""
        for it in await _having(self.by_hand, WAITING, lambda it: it.entry.entry_id):
            await self.by_hand.update(it.entry.entry_id, lambda known: _bound(known, period))
        return await self.entries_of(period)

    async def entries_of(self, period: Period | str) -> list[Entry]:
        """Entries by hand that were bound to `period`, or those "waiting"; by id."""
        found = await _having(self.by_hand, str(period), lambda it: it.entry.entry_id)
        return sorted((it.entry for it in found), key=lambda it: it.entry_id)

    async def book(self, entry: Entry, by: str, at: datetime) -> ByHand:
        """Let an entry wait for the period that is closed next. The first of an id stands."""
        return await self.by_hand.claim(entry.entry_id, ByHand(entry, (WAITING,), by, at))

    async def lifted(self, before: datetime) -> list[Lift]:
        """Lifts that were made `before`."""
        return [it for it in await _all(self.lifts, "lift_id") if it.at < before]

    async def closed(self, period: Period) -> PeriodState:
        """A closed period's state.

        Raises:
            NotFound: it is not closed (code PERIOD_NOT_CLOSED).
        """
        state = await self.state(period)
        if state.status != CLOSED:
            raise NotFound(f"{period} is not closed", code="PERIOD_NOT_CLOSED")
        return state


def _bound(known: ByHand | None, period: Period) -> ByHand | None:
    if known is None or known.of != (WAITING,):
        return None
    entry = replace(known.entry, period=str(period))
    return replace(known, entry=entry, of=(str(period),))


def _month(on: date) -> Period:
    return Period(on.year, on.month)


def _rate_id(rate: Rate) -> str:
    return f"{rate.base}-{rate.quote}-{rate.on}"


async def _all(documents: Documents[T], field: str, id_of: Any = str) -> list[T]:
    found: list[T] = []
    while True:
        after = id_of(getattr(found[-1], field)) if found else None
        page = await documents.scan(after=after, limit=PAGE)
        found += page
        if len(page) < PAGE:
            return found


async def _having(documents: Documents[T], of: str, id_of: Any) -> list[T]:
    found: list[T] = []
    while True:
        after = id_of(found[-1]) if found else None
        page = await documents.scan(("of", [of]), after=after, limit=PAGE)
        found += page
        if len(page) < PAGE:
            return found
