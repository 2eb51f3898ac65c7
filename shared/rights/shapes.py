"""Deals compiled to what answers in a microsecond: a shape.

For each (plan, use) that is asked for, a shape has a cell: the sorted boundaries at which
anything begins or ends, on the world's clock and on the listener's, and between any two of
them a row of territory masks. A decision is two bisections and a few bit tests:

    row = rows[bisect(absolute, at)][bisect(local, at + offset)]
    row = (started, open, ((mask, licence, usages), …))

Tracks under the same terms share one shape (`Shapes`).

Source: docs/decisions/0020-rights.md
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
_SMALL = 64


class Decision(NamedTuple):
    """Whether it is allowed; why not, or LICENSED; under which licence; by which version of the
    track's rights; and until when nothing changes by itself (None: no boundary ahead)."""

    allow: bool
    reason: str
    licence_id: str | None = None
    version: int = 0
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """One deal in one cell: whom it covers, from when to when."""

    mask: int
    licence_id: str
    starts: datetime | None
    ends: datetime | None
    usages: int | None


Row = tuple[int, int, int, tuple[tuple[int, str, int | None], ...]]
"""Masks: begun, begun and not over, held back; and what lets, the best licence first."""


class Cell:
    """What the deals say of one plan and use."""

    __slots__ = ("_holds", "_rows", "_terms", "absolute", "covered", "local")

    def __init__(self, terms: list[Term], holds: list[Term]) -> None:
        # Free of limits first, then the longest-lasting; ids break ties, so that the same facts
        # always name the same licence.
        self._terms = sorted(terms, key=_preference)
        self._holds = holds
        bounds = {
            bound for it in (*terms, *holds) for bound in (it.starts, it.ends) if bound is not None
        }
        self.absolute = sorted(it for it in bounds if it.tzinfo is not None)
        self.local = sorted(it for it in bounds if it.tzinfo is None)
        self.covered = _union(terms)
        self._rows: dict[int, Row] = {}
        places = (len(self.absolute) + 1) * (len(self.local) + 1)
        if places <= _SMALL:
            for place in range(places):
                self._row(place)

    def row(self, at: datetime, wall: datetime | None) -> Row:
        """The row at the instant `at`, when the listener's clock says `wall`."""
        place = bisect_right(self.absolute, at)
        if wall is not None:
            place += (len(self.absolute) + 1) * bisect_right(self.local, wall)
        found = self._rows.get(place)
        return self._row(place) if found is None else found

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

    def same(self, terms: list[Term], holds: list[Term]) -> bool:
        """Whether it was made of these."""
        return self._holds == holds and self._terms == sorted(terms, key=_preference)

    def _row(self, place: int) -> Row:
        """Work a row out. Those of many bounds are worked out when they are first met."""
        met, met_local = place % (len(self.absolute) + 1), place // (len(self.absolute) + 1)
        past = set(self.absolute[:met]) | set(self.local[:met_local])
        begun = [it for it in self._terms if it.starts is None or it.starts in past]
        running = [it for it in begun if it.ends is None or it.ends not in past]
        held = _union(
            it
            for it in self._holds
            if (it.starts is None or it.starts in past) and (it.ends is None or it.ends not in past)
        )
        lets = tuple(
            (it.mask & ~held, it.licence_id, it.usages) for it in running if it.mask & ~held
        )
        row = self._rows[place] = (_union(begun), _union(running), held, lets)
        return row


class Shape:
    """The compiled deals of all tracks that have these. Cells are compiled when first asked for.

    `deals` are kept for explanations.
    """

    __slots__ = ("__weakref__", "_by_use", "_cells", "_ours", "_territories", "deals")

    def __init__(self, deals: tuple[Deal, ...]) -> None:
        self.deals = deals
        lets = [it for it in deals if it.kind != HOLDBACK]
        self._ours = [it for it in lets if it.ours]
        self._territories = _together(self._ours)
        self._by_use: dict[str, int] = {}
        self._cells: dict[tuple[str, str], Cell] = {}

    def cell(self, plan: str, use: str) -> Cell:
        """The cell of a plan and a use out of `PLANS` and `ASKABLE`."""
        found = self._cells.get((plan, use))
        if found is None:
            terms = [term for deal in self._ours if (term := _term(deal, plan, use)) is not None]
            holds = [term for deal in self.deals if (term := _hold(deal, plan, use)) is not None]
            same = next((it for it in self._cells.values() if it.same(terms, holds)), None)
            found = self._cells[plan, use] = same or Cell(terms, holds)
        return found

    def holds(self, territory: str, plan: str, use: str, at: datetime) -> bool:
        """Whether some deal holds it back at `at`, on any clock of the territory."""
        cell, bit = self.cell(plan, use), BITS[territory]
        naive = at.replace(tzinfo=None)
        walls = [naive + ahead for ahead in clocks_of(territory, at)[0]] if cell.local else [None]
        return any(cell.row(at, wall)[2] & bit for wall in walls)

    def markets(self, use: str, at: datetime) -> tuple[str, ...]:
        """Where anybody may make `use` of it at `at`, whatever their plan: codes, sorted."""
        cells = [self.cell(plan, use) for plan in PLANS]
        if not any(cell.local for cell in cells):
            mask = 0
            for cell in cells:
                for let, _, usages in cell.row(at, None)[3]:
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
                met = [wall.replace(tzinfo=UTC) - ahead for ahead in EVERY_OFFSET]
                found += [it for it in met if it > at]
        return min(found, default=None)

    def decide(
        self,
        territory: str,
        plan: str,
        use: str,
        at: datetime,
        *,
        version: int = 0,
        used: int | None = None,
        offset: timedelta | None = None,
    ) -> Decision:
        """Whether a listener of `territory` and `plan` may make `use` of the track at `at`, UTC.

        `used`: how often they have played it; None, unknown, so a deal that counts lets nothing.
        `offset`: what the listener's clock is ahead of UTC; None, every clock of the territory
        must agree. Whatever is unknown is denied.
        """
        cell = self._cells.get((plan, use))
        bit = BITS.get(territory)
        if cell is None or bit is None:
            if bit is None or plan not in PLANS or use not in _ASKABLE:
                return Decision(False, self._first_failed(bit or 0, plan, use), None, version)
            cell = self.cell(plan, use)
        if cell.local:
            return self._by_the_clock(cell, bit, (territory, plan, use), at, version, used, offset)
        # The whole of the common case, in line: no local times.
        absolute = cell.absolute
        place = bisect_right(absolute, at)
        row = cell._rows.get(place) or cell._row(place)
        until = absolute[place] if place < len(absolute) else None
        for mask, licence_id, usages in row[3]:
            if mask & bit and (usages is None or (used is not None and used < usages)):
                return Decision(True, LICENSED, licence_id, version, until)
        return self._refused(cell, row, bit, plan, use, version, until)

    def _by_the_clock(
        self,
        cell: Cell,
        bit: int,
        asked: tuple[str, str, str],
        at: datetime,
        version: int,
        used: int | None,
        offset: timedelta | None,
    ) -> Decision:
        """Ask on every clock of the territory: the first refusal counts, the nearest bound too."""
        offsets: Iterable[timedelta] = (offset,) if offset is not None else ()
        nearest: datetime | None = None
        if offset is None:
            offsets, nearest = clocks_of(asked[0], at)
        worst: Decision | None = None
        naive = at.replace(tzinfo=None)
        for ahead in offsets:
            wall = naive + ahead
            row, until = cell.row(at, wall), cell.until(at, wall)
            if until is not None and (nearest is None or until < nearest):
                nearest = until
            if worst is not None and not worst.allow:
                continue
            for mask, licence_id, usages in row[3]:
                if mask & bit and (usages is None or (used is not None and used < usages)):
                    worst = worst or Decision(True, LICENSED, licence_id, version)
                    break
            else:
                worst = self._refused(cell, row, bit, asked[1], asked[2], version, None)
        assert worst is not None
        if worst.reason in _TIMELESS:
            nearest = None
        return worst._replace(valid_until=nearest)

    def _refused(
        self,
        cell: Cell,
        row: Row,
        bit: int,
        plan: str,
        use: str,
        version: int,
        until: datetime | None,
    ) -> Decision:
        if not cell.covered & bit:
            return Decision(False, self._first_failed(bit, plan, use), None, version)
        if not row[0] & bit:
            reason = WINDOW_NOT_OPEN
        elif not row[1] & bit:
            reason = WINDOW_CLOSED
        else:
            reason = HELD_BACK if row[2] & bit else USAGES
        return Decision(False, reason, None, version, until)

    def _first_failed(self, bit: int, plan: str, use: str) -> str:
        """Which of the predicates that no clock changes lets no deal through."""
        if not any(it.kind != HOLDBACK for it in self.deals):
            return NO_LICENCE
        if not self._ours:
            return CHANNEL
        if not self._territories & bit:
            return TERRITORY
        if use not in self._by_use and use in _ASKABLE:
            self._by_use[use] = _together(it for it in self._ours if use in _uses(it))
        return PLAN if self._by_use.get(use, 0) & bit else USE


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
        mask_of(deal.territories, deal.excluded),
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
    return mask


def _together(deals: Iterable[Deal]) -> int:
    mask = 0
    for it in deals:
        mask |= mask_of(it.territories, it.excluded)
    return mask


NOTHING = Shape(())
"""What a track without deals has."""
