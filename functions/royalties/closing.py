"""From plays to money: pools shared among payees, the ledger's entries, the statements. Pure.

A pool is what one plan earned in one territory, and is shared among those who were played there
on that plan. `pro-rata` weighs every play alike; `user-centric` every listener, whose one share is
split over their own plays. Payees are shared the pool first, to the minor unit; each payee's
amount is then shared among their lines, so lines add up to amounts and amounts to the pool.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from functions.royalties.allocation import largest_remainder
from functions.royalties.ledger import Entry, Line, entry
from functions.royalties.money import Rate, converted, rate_on
from shared.errors import Conflict

PRO_RATA, USER_CENTRIC = "pro-rata", "user-centric"
METHODS = (PRO_RATA, USER_CENTRIC)


@dataclass(frozen=True, slots=True)
class Pool:
    """What is to be shared: minor units of `currency`. Negative: taken back from a period's
    payees, as when revenue is refunded."""

    territory: str
    plan: str
    currency: str
    amount: int
    method: str = PRO_RATA

    @property
    def account(self) -> str:
        return f"pool/{self.territory}/{self.plan}"


@dataclass(frozen=True, slots=True)
class Played:
    """How often a payee's track was played in one pool. `weight` is by the listener (user-centric),
    in billionths of a listener; `of_period` is when it was played; `monetised`: it reached the
    minimum of streams."""

    territory: str
    plan: str
    payee: str
    track_id: str
    of_period: str
    plays: int
    weight: int
    monetised: bool = True


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What one track earned in one pool."""

    territory: str
    plan: str
    track_id: str
    of_period: str
    plays: int
    monetised: bool
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was owed in one currency, as it is paid in another, at which rate."""

    currency: str
    amount: int
    rate: str
    rate_on: date
    paid_currency: str
    paid_amount: int


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Booked by hand: an amount for a payee, or the reversal of an entry; with its reason."""

    entry_id: str
    kind: str
    currency: str
    amount: int
    refers_to: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Statement:
    """What a payee gets for a period, and for what. `totals`: owed by currency, exchanged."""

    payee: str
    period: str
    lines: tuple[StatementLine, ...]
    adjustments: tuple[Adjustment, ...]
    exchanges: tuple[Exchange, ...]
    totals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Closing:
    """A period's result. `unpooled`: plays in a territory and plan that earned nothing."""

    period: str
    entries: tuple[Entry, ...]
    statements: Mapping[str, Statement]
    held: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unpooled: int = 0


def close(
    period: str,
    on: date,
    pools: Sequence[Pool],
    played: Iterable[Played],
    by_hand: Sequence[Entry] = (),
    currencies: Mapping[str, str] | None = None,
    rates: Sequence[Rate] = (),
) -> Closing:
    """Share the `pools` of `period` among those who were played.

    `by_hand`: adjustments and reversals for this period; `currencies`: what payees are paid in,
    where that is not the pool's; `rates` of the day `on` are used.

    Raises:
        Conflict: two pools for one territory and plan (POOL_TWICE), or a rate is missing.
        ValueError: a count or weight is negative.
    """
    by_pool: dict[tuple[str, str], Pool] = {}
    for pool in pools:
        key = pool.territory, pool.plan
        if key in by_pool:
            raise Conflict(f"two pools for {pool.territory} {pool.plan}", code="POOL_TWICE")
        by_pool[key] = pool
    grouped: dict[tuple[str, str], dict[str, list[Played]]] = {}
    unpooled = 0
    for it in played:
        key = it.territory, it.plan
        if key not in by_pool:
            unpooled += it.plays
        else:
            grouped.setdefault(key, {}).setdefault(it.payee, []).append(it)
    entries: list[Entry] = []
    lines: dict[str, list[StatementLine]] = {}
    held: dict[tuple[str, str], int] = {}
    for key in sorted(by_pool):
        pool, payees = by_pool[key], grouped.get(key, {})
        shared = _shared(pool, payees)
        entries += _booked(period, pool, shared)
        if not any(shared.values()) and pool.amount:
            held[key] = pool.amount
        for payee in sorted(payees):
            lines.setdefault(payee, []).extend(_lines(pool, payees[payee], shared[payee]))
    entries += by_hand
    adjusted = _adjustments(by_hand)
    owed = _owed(lines, adjusted)
    exchanges = _exchanged(owed, currencies or {}, rates, on)
    entries += _exchange_entries(period, exchanges)
    statements = {
        payee: _statement(
            period,
            payee,
            lines.get(payee, ()),
            adjusted.get(payee, ()),
            exchanges.get(payee, ()),
            owed[payee],
        )
        for payee in sorted(owed)
    }
    return Closing(period, tuple(entries), statements, held, unpooled)


def weight_of(method: str, it: Played) -> int:
    """What counts in sharing a pool: plays, or listeners' shares."""
    if not it.monetised:
        return 0
    return it.weight if method == USER_CENTRIC else it.plays


def _shared(pool: Pool, payees: Mapping[str, Sequence[Played]]) -> dict[str, int]:
    weights = {
        payee: sum(weight_of(pool.method, it) for it in some) for payee, some in payees.items()
    }
    return largest_remainder(pool.amount, weights)


def _booked(period: str, pool: Pool, shared: Mapping[str, int]) -> list[Entry]:
    """The pool comes in whole and goes out whole."""
    if pool.amount == 0:
        return []
    where = pool.territory, pool.plan

    def move(kind: str, to: str, amount: int, *key: str, out: str = pool.account) -> Entry:
        lines = (Line(out, pool.currency, -amount), Line(to, pool.currency, amount))
        return entry(period, kind, lines, *where, *key)

    entries = [move("pool", pool.account, pool.amount, out="revenue")]
    entries += [
        move("share", f"payable/{payee}", shared[payee], payee)
        for payee in sorted(shared)
        if shared[payee]
    ]
    left = pool.amount - sum(shared.values())
    if left:
        entries.append(move("held", f"held/{pool.territory}/{pool.plan}", left))
    return entries


def _lines(pool: Pool, some: Sequence[Played], amount: int) -> list[StatementLine]:
    parts = {(it.track_id, it.of_period): it for it in some}
    if len(parts) != len(some):
        raise ValueError(f"{some[0].payee}: a track twice in {pool.account}")
    amounts = largest_remainder(
        amount, {key: weight_of(pool.method, it) for key, it in parts.items()}
    )
    return [
        StatementLine(
            pool.territory,
            pool.plan,
            it.track_id,
            it.of_period,
            it.plays,
            it.monetised,
            pool.currency,
            amounts[key],
        )
        for key, it in sorted(parts.items())
    ]


def _adjustments(by_hand: Iterable[Entry]) -> dict[str, list[Adjustment]]:
    """What entries made by hand add to payees' accounts."""
    found: dict[str, list[Adjustment]] = {}
    for it in sorted(by_hand, key=lambda it: it.entry_id):
        for line in it.lines:
            kind, _, payee = line.account.partition("/")
            if kind == "payable":
                found.setdefault(payee, []).append(
                    Adjustment(
                        it.entry_id, it.kind, line.currency, line.amount, it.refers_to, it.reason
                    )
                )
    return found


def _owed(
    lines: Mapping[str, Sequence[StatementLine]], adjusted: Mapping[str, Sequence[Adjustment]]
) -> dict[str, dict[str, int]]:
    owed: dict[str, dict[str, int]] = {}
    for some in (lines, adjusted):
        for payee, items in some.items():
            sums = owed.setdefault(payee, {})
            for it in items:
                sums[it.currency] = sums.get(it.currency, 0) + it.amount
    return owed


def _exchanged(
    owed: Mapping[str, Mapping[str, int]],
    currencies: Mapping[str, str],
    rates: Sequence[Rate],
    on: date,
) -> dict[str, list[Exchange]]:
    """What payees are paid in their own currency.

    A sum is exchanged once for all payees of a pair of currencies and then shared, so that their
    roundings do not add up to money from nowhere. Credits and debts apart.
    """
    groups: dict[tuple[str, str, bool], dict[str, int]] = {}
    for payee, sums in owed.items():
        paid = currencies.get(payee)
        for currency, amount in sums.items():
            if paid is not None and paid != currency and amount:
                groups.setdefault((currency, paid, amount > 0), {})[payee] = amount
    found: dict[str, list[Exchange]] = {}
    for (currency, paid, _), amounts in sorted(groups.items()):
        rate = rate_on(rates, currency, paid, on)
        parts = largest_remainder(
            converted(sum(amounts.values()), rate), {p: abs(a) for p, a in amounts.items()}
        )
        for payee in sorted(amounts):
            found.setdefault(payee, []).append(
                Exchange(currency, amounts[payee], rate.value, rate.on, paid, parts[payee])
            )
    return found


def _exchange_entries(period: str, exchanges: Mapping[str, Sequence[Exchange]]) -> Iterable[Entry]:
    for payee, some in sorted(exchanges.items()):
        for it in some:
            account, side = f"payable/{payee}", "in" if it.amount > 0 else "out"
            yield entry(
                period,
                "exchange",
                (
                    Line(account, it.currency, -it.amount),
                    Line(f"exchange/{it.currency}", it.currency, it.amount),
                    Line(f"exchange/{it.paid_currency}", it.paid_currency, -it.paid_amount),
                    Line(account, it.paid_currency, it.paid_amount),
                ),
                payee,
                it.currency,
                it.paid_currency,
                side,
                reason=f"1 {it.currency} = {it.rate} {it.paid_currency} on {it.rate_on}",
            )


def _statement(
    period: str,
    payee: str,
    lines: Iterable[StatementLine],
    adjustments: Iterable[Adjustment],
    exchanges: Iterable[Exchange],
    owed: Mapping[str, int],
) -> Statement:
    totals = dict(owed)
    for it in exchanges:
        totals[it.currency] -= it.amount
        totals[it.paid_currency] = totals.get(it.paid_currency, 0) + it.paid_amount
    return Statement(
        payee,
        period,
        tuple(lines),
        tuple(adjustments),
        tuple(exchanges),
        {currency: amount for currency, amount in sorted(totals.items()) if amount},
    )


def renumbered(it: Entry, period: str) -> Entry:
    """An entry by hand as it is booked in the period that is open when it is closed."""
    return replace(it, period=period)
