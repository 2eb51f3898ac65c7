"""Deals compiled to what answers in a microsecond: a shape.

For each (plan, use) that is asked for, a shape has a cell: the sorted boundaries at which
anything begins or ends, on the world's clock and on the listener's, and between any two of
them a row of territory masks. A decision is two bisections and a few bit tests:

    row = rows[bisect(absolute, at)][bisect(local, at + offset)]
    row = (mask, licence, …)

Tracks under the same terms share one shape (`Shapes`).

Source: docs/decisions/0020-rights.md
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from shared.rights.clocks import EVERY_OFFSET, clocks_of
from shared.rights.deals import GRANT, HOLDBACK, PRE_ORDER_DEAL, Deal, grants, serves_us
from shared.rights.moments import moment_of
from shared.rights.territories import BITS, codes_of, mask_of
from shared.rights.vocabulary import (
    ASKABLE,
    CLIP_PREVIEW,
    COVER_PREVIEW,
    LISTING_PREVIEW,
    ON_DEMAND,
    PLANS,
    PRE_ORDER,
    VISIBILITY,
)

LICENSED = "LICENSED"
NO_LICENCE = "NO_LICENCE"
CHANNEL = "CHANNEL"
TERRITORY = "TERRITORY"
USE = "USE"
PLAN = "PLAN"
WINDOW_NOT_OPEN = "WINDOW_NOT_OPEN"
WINDOW_CLOSED = "WINDOW_CLOSED"
HELD_BACK = "HELD_BACK"
USAGES = "USAGES"

PREDICATES = (
    NO_LICENCE,
    CHANNEL,
    TERRITORY,
    USE,
    PLAN,
    WINDOW_NOT_OPEN,
    WINDOW_CLOSED,
    HELD_BACK,
    USAGES,
)
"""In the order in which deals are sieved; a denial names the first that let none through."""

_ASKABLE = frozenset(ASKABLE)
_SMALL = 16
"""Rows that are worked out at once; of more, each when it is first met."""


class Decision(NamedTuple):
    """Whether it is allowed; why not, or LICENSED; under which licence; by which version of the
    track's rights; and until when nothing changes by itself (None: no boundary ahead)."""

    allow: bool
    reason: str
    licence_id: str | None = None
    version: int = 0
    valid_until: datetime | None = None


_new = tuple.__new__
"""`_new(Decision, (…))` is `Decision(…)` in half the time."""


@dataclass(frozen=True, slots=True)
class Term:
    """One deal in one cell: whom it covers, from when to when."""

    mask: int
    licence_id: str
    starts: datetime | None
    ends: datetime | None
    usages: int | None


class Row(NamedTuple):
    """What holds between two bounds, as masks. The best licence that lets stands in front, so that
    most answers look no further; `lets` are all of them, the best first."""

    mask: int
    licence_id: str | None
    usages: int | None
    lets: tuple[tuple[int, str, int | None], ...]
    begun: int
    running: int
    held: int


class _Rows(dict[int, Row]):
    """Rows that are worked out when they are first met."""

    def __init__(self, work_out: Callable[[int], Row]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, place: int) -> Row:
        row = self[place] = self._work_out(place)
        return row


class Cell:
    """What the deals say of one plan and use. `by_use`: where they let the use under any plan.

    Bounds are sorted; the local ones, and every `wall` here, are what a clock shows, written down
    as if it were UTC: that spares the arithmetic of zones.
    """

    __slots__ = ("_holds", "_terms", "absolute", "by_use", "covered", "local", "rows")

    def __init__(self, terms: list[Term], holds: list[Term], by_use: int) -> None:
        # Free of limits first, then the longest-lasting; ids break ties, so that the same facts
        # always name the same licence.
        self._terms = sorted(terms, key=_preference)
        self._holds = holds
        bounds = {
            bound for it in (*terms, *holds) for bound in (it.starts, it.ends) if bound is not None
        }
        self.absolute = tuple(sorted(it for it in bounds if it.tzinfo is not None))
        self.local = tuple(
            it.replace(tzinfo=UTC) for it in sorted(it for it in bounds if it.tzinfo is None)
        )
        self.covered = _union(terms)
        self.by_use = by_use
        places = (len(self.absolute) + 1) * (len(self.local) + 1)
        self.rows: tuple[Row, ...] | _Rows
        if places <= _SMALL:
            self.rows = tuple(self._work_out(place) for place in range(places))
        else:
            self.rows = _Rows(self._work_out)

    def row(self, at: datetime, wall: datetime | None) -> Row:
        """The row at the instant `at`, when the listener's clock says `wall`."""
        place = bisect_right(self.absolute, at)
        if wall is not None:
            place += (len(self.absolute) + 1) * bisect_right(self.local, wall)
        return self.rows[place]

    def until(self, at: datetime, wall: datetime | None) -> datetime | None:
        """The next instant at which a bound is met, if the listener's clock goes on evenly."""
        place = bisect_right(self.absolute, at)
        found = self.absolute[place] if place < len(self.absolute) else None
        if wall is not None:
            place = bisect_right(self.local, wall)
            if place < len(self.local):
                met = at + (self.local[place] - wall)
                found = met if found is None or met < found else found
        return found

    def same(self, terms: list[Term], holds: list[Term], by_use: int) -> bool:
        """Whether it was made of these."""
        return (
            self.by_use == by_use
            and self._holds == holds
            and self._terms == sorted(terms, key=_preference)
        )

    def _work_out(self, place: int) -> Row:
        met, met_local = place % (len(self.absolute) + 1), place // (len(self.absolute) + 1)
        past = {*self.absolute[:met]}
        past |= {it.replace(tzinfo=None) for it in self.local[:met_local]}
        begun = [it for it in self._terms if it.starts is None or it.starts in past]
        running = [it for it in begun if it.ends is None or it.ends not in past]
        held = _union(
            it
            for it in self._holds
            if (it.starts is None or it.starts in past) and (it.ends is None or it.ends not in past)
        )
        lets = tuple(
            (_shared(it.mask & ~held), it.licence_id, it.usages)
            for it in running
            if it.mask & ~held
        )
        best = lets[0] if lets else (0, None, None)
        return Row(*best, lets, _union(begun), _union(running), held)


class Shape:
    """The compiled deals of all tracks that have these. Cells are compiled when first asked for.

    `deals` are kept for explanations.
    """

    __slots__ = (
        "__weakref__",
        "_cells",
        "_free",
        "_ours",
        "_premium",
        "_territories",
        "_without",
        "deals",
    )

    def __init__(self, deals: tuple[Deal, ...]) -> None:
        self.deals = deals
        lets = [it for it in deals if it.kind != HOLDBACK]
        self._ours = [it for it in lets if it.ours]
        self._territories = _together(self._ours)
        self._without = TERRITORY if self._ours else CHANNEL if lets else NO_LICENCE
        self._cells: dict[tuple[str, str], Cell] = {}
        # What plays ask, nearer at hand than the rest.
        self._free: Cell | None = None
        self._premium: Cell | None = None

    def cell(self, plan: str, use: str) -> Cell:
        """The cell of a plan and a use out of `PLANS` and `ASKABLE`."""
        found = self._cells.get((plan, use))
        if found is None:
            terms = [term for deal in self._ours if (term := _term(deal, plan, use)) is not None]
            holds = [term for deal in self.deals if (term := _hold(deal, plan, use)) is not None]
            by_use = _together(it for it in self._ours if use in _uses(it))
            alike = (it for it in self._cells.values() if it.same(terms, holds, by_use))
            found = self._cells[plan, use] = next(alike, None) or Cell(terms, holds, by_use)
            if use == ON_DEMAND and plan == "free":
                self._free = found
            elif use == ON_DEMAND:
                self._premium = found
        return found

    def holds(self, territory: str, plan: str, use: str, at: datetime) -> bool:
        """Whether some deal holds it back at `at`, on any clock of the territory."""
        cell, bit = self.cell(plan, use), BITS[territory]
        walls = [at + ahead for ahead in clocks_of(territory, at)[0]] if cell.local else [None]
        return any(cell.row(at, wall).held & bit for wall in walls)

    def markets(self, use: str, at: datetime) -> tuple[str, ...]:
        """Where anybody may make `use` of it at `at`, whatever their plan: codes, sorted."""
        cells = [self.cell(plan, use) for plan in PLANS]
        if not any(cell.local for cell in cells):
            mask = 0
            for cell in cells:
                for let, _, usages in cell.row(at, None).lets:
                    mask |= 0 if usages is not None else let
            return codes_of(mask)
        return tuple(
            territory
            for territory in sorted(BITS)
            if any(self.decide(territory, plan, use, at).allow for plan in PLANS)
        )

    def next_bound(self, use: str, at: datetime) -> datetime | None:
        """The next instant at which the answer to `use` may change anywhere, on any clock."""
        found: list[datetime] = []
        for cell in (self.cell(plan, use) for plan in PLANS):
            found += [it for it in cell.absolute if it > at][:1]
            for wall in cell.local:
                found += [it for ahead in EVERY_OFFSET if (it := wall - ahead) > at]
        return min(found, default=None)

    def decide(
        self,
        territory: str,
        plan: str,
        use: str,
        at: datetime,
        version: int = 0,
        used: int | None = None,
        offset: timedelta | None = None,
    ) -> Decision:
        """Whether a listener of `territory` and `plan` may make `use` of the track at `at`, UTC.

        `used`: how often they have played it; None, unknown, so a deal that counts lets nothing.
        `offset`: what the listener's clock is ahead of UTC; None, every clock of the territory
        must agree. Whatever is unknown is denied.
        """
        if use == ON_DEMAND and plan in PLANS:
            cell = self._premium if plan == "premium" else self._free
        else:
            cell = self._cells.get((plan, use))
        bit = BITS.get(territory, 0)
        if cell is None:
            if plan not in PLANS or use not in _ASKABLE:
                known = self._territories & bit
                reason = (USE if use not in _ASKABLE else PLAN) if known else self._without
                return _new(Decision, (False, reason, None, version, None))
            cell = self.cell(plan, use)
        absolute = cell.absolute
        place = bisect_right(absolute, at)
        until = absolute[place] if place < len(absolute) else None
        if cell.local:
            local = cell.local
            offsets: tuple[timedelta, ...]
            if offset is not None:
                offsets = (offset,)
            else:
                offsets, steady_until = clocks_of(territory, at)
                if until is None or steady_until < until:
                    until = steady_until
            last = offsets[-1]
            met = bisect_right(local, at + last)
            if len(offsets) > 1 and met != bisect_right(local, at + offsets[0]):
                return self._on_each_clock(cell, bit, at, until, offsets, version, used)
            if met < len(local):
                bound = local[met] - last
                if until is None or bound < until:
                    until = bound
            place += (len(absolute) + 1) * met
        row = cell.rows[place]
        if row[0] & bit and row[2] is None:
            return _new(Decision, (True, LICENSED, row[1], version, until))
        for mask, licence_id, usages in row[3]:
            if mask & bit and (usages is None or (used is not None and used < usages)):
                return _new(Decision, (True, LICENSED, licence_id, version, until))
        reason = self._reason(cell, row, bit)
        if reason in _TIMELESS:
            until = None
        return _new(Decision, (False, reason, None, version, until))

    def _on_each_clock(
        self,
        cell: Cell,
        bit: int,
        at: datetime,
        until: datetime | None,
        offsets: tuple[timedelta, ...],
        version: int,
        used: int | None,
    ) -> Decision:
        """Some bound lies between the territory's first clock and its last: the first refusal
        counts, and the nearest bound."""
        worst: Decision | None = None
        for ahead in offsets:
            wall = at + ahead
            bound = cell.until(at, wall)
            if bound is not None and (until is None or bound < until):
                until = bound
            if worst is not None and not worst.allow:
                continue
            row = cell.row(at, wall)
            for mask, licence_id, usages in row.lets:
                if mask & bit and (usages is None or (used is not None and used < usages)):
                    worst = worst or Decision(True, LICENSED, licence_id, version)
                    break
            else:
                worst = Decision(False, self._reason(cell, row, bit), None, version)
        assert worst is not None
        return worst._replace(valid_until=None if worst.reason in _TIMELESS else until)

    def _reason(self, cell: Cell, row: Row, bit: int) -> str:
        """The first predicate that lets no deal through."""
        if not cell.covered & bit:
            if not self._territories & bit:
                return self._without
            return PLAN if cell.by_use & bit else USE
        if not row.begun & bit:
            return WINDOW_NOT_OPEN
        if not row.running & bit:
            return WINDOW_CLOSED
        return HELD_BACK if row.held & bit else USAGES


_TIMELESS = frozenset({NO_LICENCE, CHANNEL, TERRITORY, USE, PLAN})


class Shapes:
    """One shape for each distinct set of deals; the least recently asked are forgotten."""

    def __init__(self, *, at_most: int = 100_000) -> None:
        self._shapes: OrderedDict[tuple[Deal, ...], Shape] = OrderedDict()
        self._at_most = at_most

    def __len__(self) -> int:
        return len(self._shapes)

    def of(self, deals: tuple[Deal, ...]) -> Shape:
        """The shape of `deals`, whatever their order."""
        if not deals:
            return NOTHING
        found = self._shapes.get(deals)
        if found is None:
            key = tuple(sorted(deals, key=lambda it: (it.licence_id, repr(it))))
            found = self._shapes.get(key)
            if found is None:
                found = self._shapes[key] = Shape(key)
                if len(self._shapes) > self._at_most:
                    self._shapes.popitem(last=False)
            return found
        self._shapes.move_to_end(deals)
        return found


_FROM = {
    CLIP_PREVIEW: "clips_from",
    COVER_PREVIEW: "cover_from",
    LISTING_PREVIEW: "listing_from",
}


def covers(deal: Deal, plan: str, use: str) -> bool:
    """Whether the deal lets `use` under `plan`, place and time aside."""
    return _term(deal, plan, use) is not None


def _uses(deal: Deal) -> frozenset[str]:
    """What it lets us do, seeing included; plans aside."""
    if deal.kind == PRE_ORDER_DEAL:
        # Being orderable is no leave to hear: that takes a date.
        heard = deal.clips_from or deal.display_from
        return frozenset(VISIBILITY) - (frozenset() if heard else {CLIP_PREVIEW})
    seen = frozenset(VISIBILITY) - {PRE_ORDER} if serves_us(deal) else frozenset()
    return grants(deal) | (seen if deal.clips else seen - {CLIP_PREVIEW})


def _term(deal: Deal, plan: str, use: str) -> Term | None:
    """The deal in the cell of `plan` and `use`; None where it lets nothing there."""
    starts = deal.starts
    if use in VISIBILITY:
        if use not in _uses(deal):
            return None
        if use != PRE_ORDER:
            # A date of its own comes before the release's, that before the deal's.
            named = getattr(deal, _FROM[use]) if use in _FROM else None
            shown = named or deal.display_from
            starts = shown or deal.starts
    elif deal.kind != GRANT or PLANS[plan] not in deal.models or use not in grants(deal):
        return None
    return _timed(deal, starts)


def _hold(deal: Deal, plan: str, use: str) -> Term | None:
    if deal.kind != HOLDBACK:
        return None
    if deal.models and PLANS[plan] not in deal.models:
        return None
    # What may not be heard may still be seen, unless the holdback is of everything.
    if deal.uses and use not in grants(deal):
        return None
    return _timed(deal, deal.starts)


def _timed(deal: Deal, starts: str | None) -> Term:
    return Term(
        _mask(deal.territories, deal.excluded),
        deal.licence_id,
        None if starts is None else moment_of(starts),
        None if deal.ends is None else moment_of(deal.ends),
        deal.usages,
    )


def _preference(term: Term) -> tuple[bool, bool, float, str]:
    if term.ends is None:
        return term.usages is not None, False, 0.0, term.licence_id
    lasts = -(term.ends.replace(tzinfo=None) - datetime(1, 1, 1)).total_seconds()
    return term.usages is not None, True, lasts, term.licence_id


def _union(terms: Iterable[Term]) -> int:
    mask = 0
    for it in terms:
        mask |= it.mask
    return _shared(mask)


def _together(deals: Iterable[Deal]) -> int:
    mask = 0
    for it in deals:
        mask |= _mask(it.territories, it.excluded)
    return _shared(mask)


@lru_cache(maxsize=65536)
def _shared(mask: int) -> int:
    """The mask as it was first met: few are in use, and those stay in the processor's cache."""
    return mask


@lru_cache(maxsize=4096)
def _mask(included: tuple[str, ...], excluded: tuple[str, ...]) -> int:
    """As `mask_of`: few sets of territories are in use. The masks are shared, too."""
    return _shared(mask_of(included, excluded))


NOTHING = Shape(())
"""What a track without deals has."""
