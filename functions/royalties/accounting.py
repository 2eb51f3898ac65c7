"""The scheduled work: keep open periods' provisional statements fresh, close what is due.

Closing takes its snapshot once: the cutoff is written down before anything else, so a run that was
cut short is finished by the next one with the very same result. The period is closed by one
object that is made once, which names the ledger by its hash; whatever was written before it is
found again by whoever repeats the work, and nothing after it changes the ledger.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from functions.royalties import closing, ledger, statements
from functions.royalties.books import CLOSED, CLOSING, OPEN, WAITING, Books, PeriodState
from functions.royalties.closing import Closing
from functions.royalties.ledger import Entry
from functions.royalties.periods import Period
from functions.royalties.terms import Terms
from functions.royalties.vault import Vault
from functions.royalties.warehouse import Snapshot, Warehouse
from shared.errors import Conflict

AT_ONCE = 16
BACK = timedelta(days=3)
"""Reports of so long before the last run are looked at again with each: a push may have been late.
What is later still is found when the period is closed, for then every play is judged anew."""


@dataclass(frozen=True, slots=True)
class _Result:
    """What a snapshot comes to, and the ledger that it gives."""

    closing: Closing
    text: str
    hash: str


class Accounting:
    """Everything that a run of the job does."""

    def __init__(
        self,
        books: Books,
        warehouse: Warehouse,
        vault: Vault,
        terms: Terms,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._books = books
        self._warehouse = warehouse
        self._vault = vault
        self._terms = terms
        self._now = now

    async def run(self) -> dict[str, str]:
        """Close what is due, in order, and make the statements of what stays open anew; what was
        done, by period."""
        done: dict[str, str] = {}
        now = self._now()
        states = await self._books.states()
        closed = [it for it in states if it.status == CLOSED]
        previous = closed[-1] if closed else None
        period = _first_open(states, previous, now)
        first = True
        while period <= Period.of(now):
            state = await self._books.state(period)
            if first and (state.status == CLOSING or now >= period.due_at):
                try:
                    previous = await self.close(period)
                    done[str(period)] = f"closed: {previous.hash}"
                    period = period.next
                    continue
                except Conflict as error:
                    done[str(period)] = f"not closed: {error.message} [{error.code}]"
            if state.status == OPEN:
                await self._accrue(period, previous, first)
                done.setdefault(str(period), "accrued")
            period, first = period.next, False
        return done

    async def close(self, period: Period, cutoff: datetime | None = None) -> PeriodState:
        """Close `period` for good with what was reported before `cutoff` (as a rule, the end of
        its grace). Closing it again changes nothing.

        Raises:
            Conflict: OUT_OF_ORDER (a period before it is open), PERIOD_NOT_OVER, NO_POOLS,
                RATE_MISSING, or CLOSED_DIFFERENTLY (the ledger that closed it is another).
        """
        state = await self._begin(period, cutoff)
        if state.status == CLOSED:
            return state
        manifest = await asyncio.to_thread(self._vault.read, _manifest_name(period))
        if manifest is None:
            assert state.cutoff is not None
            before = await self._books.state(period.previous)
            snapshot = await self._snapshot(period, state.cutoff, before.cutoff)
            by_hand = await self._books.take_in(period)
            result = await self._result(snapshot, by_hand, state.previous_hash)
            await asyncio.to_thread(
                self._vault.create,
                f"ledger/{period}-{result.hash}.jsonl",
                result.text.encode(),
            )
            await self._publish(result.closing, snapshot, result.hash)
            manifest = await self._commit(period, state, result)
        return await self._closed(period, msgspec.json.decode(manifest))

    async def _begin(self, period: Period, cutoff: datetime | None) -> PeriodState:
        """Write down that the period is being closed, and with what; the first word stands."""
        state = await self._books.state(period)
        if state.status == OPEN:
            at = cutoff or period.due_at
            if at < period.ends_at or at > self._now():
                raise Conflict(
                    f"{period} ends at {period.ends_at:%Y-%m-%d}; nothing can be closed before,"
                    " nor with reports that may still come",
                    code="PERIOD_NOT_OVER",
                )
            closed = [it for it in await self._books.states() if it.status == CLOSED]
            if closed and closed[-1].period != str(period.previous):
                raise Conflict(
                    f"periods are closed in order; after {closed[-1].period}"
                    f" comes {Period.parse(closed[-1].period).next}",
                    code="OUT_OF_ORDER",
                )
            if not await self._books.pools_of(period):
                raise Conflict(f"no pool is known for {period}", code="NO_POOLS")
            previous_hash = (closed[-1].hash or "") if closed else ""
            await self._books.periods.update(
                str(period), lambda known: _closing(known, period, at, previous_hash)
            )
            state = await self._books.state(period)
        return state

    async def _snapshot(
        self, period: Period, cutoff: datetime, previous_cutoff: datetime | None
    ) -> Snapshot:
        lifts = await self._books.lifted(cutoff)
        return Snapshot(
            period,
            cutoff,
            previous_cutoff,
            [it.play_id for it in lifts if it.play_id],
            [f"{it.user_id} {it.of_period}" for it in lifts if it.user_id],
            min((Period.parse(it.of_period) for it in lifts), default=None),
        )

    async def _result(
        self,
        snapshot: Snapshot,
        by_hand: Sequence[Entry],
        previous_hash: str,
        told_since: datetime | None = None,
    ) -> _Result:
        period = snapshot.period
        pools = await self._books.pools_of(period)
        currencies = await self._books.currencies()
        rates = await self._books.rates_of(period)

        def work() -> _Result:
            self._warehouse.judge(snapshot, self._terms, told_since)
            found = closing.close(
                str(period),
                period.last_day,
                pools,
                self._warehouse.played(period, self._terms, pools),
                by_hand,
                currencies,
                rates,
            )
            return _Result(found, *ledger.chained(previous_hash, found.entries))

        return await asyncio.to_thread(work)

    async def _publish(self, found: Closing, snapshot: Snapshot, hash: str) -> None:
        """Write every payee's statement; with a `hash` they are final, and written once."""

        def work() -> None:
            tracks = self._warehouse.tracks(snapshot.cutoff)
            names = self._warehouse.payees(snapshot.cutoff)
            verdicts = self._warehouse.verdicts(snapshot.period)

            def write(payee: str) -> None:
                made = statements.document(
                    found.statements[payee],
                    names.get(payee, payee),
                    snapshot.cutoff,
                    hash,
                    tracks,
                    verdicts.get(payee, {}),
                )
                name = statements.name_of(found.period, hash, payee)
                put = self._vault.create if hash else self._vault.replace
                put(name, statements.to_bytes(made))

            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(write, found.statements))

        await asyncio.to_thread(work)

    async def _commit(self, period: Period, state: PeriodState, result: _Result) -> bytes:
        """Make the one object that closes the period."""
        manifest = msgspec.json.encode(
            {
                "period": str(period),
                "cutoff": state.cutoff,
                "previous_hash": state.previous_hash,
                "hash": result.hash,
                "entries": len(result.closing.entries),
                "payees": len(result.closing.statements),
                "unpooled": result.closing.unpooled,
                "held": {"/".join(key): it for key, it in result.closing.held.items()},
                "totals": _totals(result.closing),
                "terms": asdict(self._terms),
                "closed_at": self._now(),
            }
        )
        name = _manifest_name(period)
        if await asyncio.to_thread(self._vault.create, name, manifest):
            return manifest
        there = await asyncio.to_thread(self._vault.read, name)
        assert there is not None
        if msgspec.json.decode(there)["hash"] != result.hash:
            raise Conflict(
                f"{period} was closed with another ledger meanwhile", code="CLOSED_DIFFERENTLY"
            )
        return there

    async def _closed(self, period: Period, manifest: Mapping[str, Any]) -> PeriodState:
        def change(known: PeriodState | None) -> PeriodState | None:
            return replace(
                known or PeriodState(str(period)),
                status=CLOSED,
                cutoff=datetime.fromisoformat(manifest["cutoff"]),
                previous_hash=manifest["previous_hash"],
                hash=manifest["hash"],
                closed_at=datetime.fromisoformat(manifest["closed_at"]),
                payees=manifest["payees"],
                unpooled=manifest["unpooled"],
                totals=manifest["totals"],
            )

        state = await self._books.periods.update(str(period), change)
        assert state is not None
        return state

    async def _accrue(self, period: Period, previous: PeriodState | None, first: bool) -> None:
        """Make the open period's provisional statements from what is reported until now: plays are
        judged as far as something is new since the last run, if that judged by the same rules."""
        now = self._now()
        # A later period takes no late plays as long as the one before may still take them.
        since = (previous.cutoff if previous else None) if first else now
        snapshot = await self._snapshot(period, now, since)
        judged_as = snapshot.rules(self._terms, "" if first else "not the first")
        state = await self._books.state(period)
        told_since = None
        if state.accrued_at is not None and state.judged_as == judged_as:
            told_since = state.accrued_at - BACK
        waiting = [
            closing.renumbered(it, str(period)) for it in await self._books.entries_of(WAITING)
        ]
        result = await self._result(snapshot, waiting, "", told_since)
        await self._publish(result.closing, snapshot, "")

        def change(known: PeriodState | None) -> PeriodState | None:
            # What a period was closed with is not written over by a guess that came late.
            if known is not None and known.status != OPEN:
                return None
            return replace(
                known or PeriodState(str(period)),
                accrued_at=now,
                judged_as=judged_as,
                payees=len(result.closing.statements),
                unpooled=result.closing.unpooled,
                totals=_totals(result.closing),
            )

        await self._books.periods.update(str(period), change)


def _totals(found: Closing) -> dict[str, int]:
    owed: dict[str, int] = {}
    for it in found.statements.values():
        for currency, amount in it.totals.items():
            owed[currency] = owed.get(currency, 0) + amount
    return dict(sorted(owed.items()))


def _first_open(
    states: Sequence[PeriodState], previous: PeriodState | None, now: datetime
) -> Period:
    if previous is not None:
        return Period.parse(previous.period).next
    return min([Period.parse(it.period) for it in states], default=Period.of(now))


def _closing(
    known: PeriodState | None, period: Period, cutoff: datetime, previous_hash: str
) -> PeriodState | None:
    if known is not None and known.status != OPEN:
        return None
    return replace(
        known or PeriodState(str(period)),
        status=CLOSING,
        cutoff=cutoff,
        previous_hash=previous_hash,
    )


def _manifest_name(period: Period) -> str:
    return f"closed/{period}.json"
