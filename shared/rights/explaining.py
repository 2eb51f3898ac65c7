"""Why a track may or may not be used, and when that changes: for people. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.rights.clocks import clocks_of, next_change, zones_of
from shared.rights.deals import HOLDBACK, PRE_ORDER_DEAL, Deal, grants
from shared.rights.moments import moment_of
from shared.rights.shapes import (
    CHANNEL,
    HELD_BACK,
    LICENSED,
    NO_LICENCE,
    PLAN,
    TERRITORY,
    USAGES,
    USE,
    WINDOW_CLOSED,
    WINDOW_NOT_OPEN,
    Decision,
    Shape,
    covers,
)
from shared.rights.territories import BITS, mask_of
from shared.rights.vocabulary import PLANS, VISIBILITY

MAX_PERIODS = 60

SAYS = {
    LICENSED: "a licence covers it",
    NO_LICENCE: "no licence covers this track at all",
    CHANNEL: "its licences are for other services than ours",
    TERRITORY: "no licence covers this territory",
    USE: "no licence here covers this use",
    PLAN: "no licence here covers this plan",
    WINDOW_NOT_OPEN: "the licence has not begun yet",
    WINDOW_CLOSED: "the licence has ended",
    HELD_BACK: "the licensor holds it back",
    USAGES: "the licence allows a limited number of plays in all, which nobody counts here",
}
"""What each reason means, in one line."""


@dataclass(frozen=True, slots=True)
class Period:
    """One stretch of time during which the answer stays the same; None: without a bound."""

    starts_at: datetime | None
    ends_at: datetime | None
    allow: bool
    reason: str
    licence_id: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One deal, and the first thing about it that does not fit (LICENSED: everything fits)."""

    deal: Deal
    reason: str


def periods(shape: Shape, territory: str, plan: str, use: str) -> tuple[Period, ...]:
    """All of time in stretches, earliest first; the first `MAX_PERIODS` of them."""
    if territory not in BITS or plan not in PLANS:
        return ()
    bounds = sorted(set(_bounds(shape, territory, plan, use)))
    if not bounds:
        at = datetime(2000, 1, 1, tzinfo=UTC)
        return (_period(None, None, shape.decide(territory, plan, use, at)),)
    first = shape.decide(territory, plan, use, bounds[0] - timedelta(seconds=1))
    found = [_period(None, bounds[0], first)]
    for start, end in zip(bounds, [*bounds[1:], None], strict=True):
        now = _period(start, end, shape.decide(territory, plan, use, start))
        last = found[-1]
        if (now.allow, now.reason, now.licence_id) == (last.allow, last.reason, last.licence_id):
            now = Period(last.starts_at, end, now.allow, now.reason, now.licence_id)
            found.pop()
        found.append(now)
    return tuple(found[:MAX_PERIODS])


def verdicts(
    shape: Shape, territory: str, plan: str, use: str, at: datetime
) -> tuple[Verdict, ...]:
    """Each deal by itself, nearest to fitting first."""
    order = (CHANNEL, TERRITORY, USE, PLAN, WINDOW_CLOSED, WINDOW_NOT_OPEN, USAGES, HELD_BACK)
    found = [Verdict(it, _verdict(it, territory, plan, use, at)) for it in shape.deals]
    rank = {reason: place for place, reason in enumerate((*order, LICENSED))}
    return tuple(sorted(found, key=lambda it: (-rank[it.reason], it.deal.licence_id)))


def _verdict(deal: Deal, territory: str, plan: str, use: str, at: datetime) -> str:
    if deal.kind == HOLDBACK:
        alone = Shape((deal,))
        inside = mask_of(deal.territories, deal.excluded) & BITS.get(territory, 0)
        return HELD_BACK if inside and alone.holds(territory, plan, use, at) else WINDOW_CLOSED
    if deal.kind == PRE_ORDER_DEAL and use not in VISIBILITY:
        return USE
    if use not in VISIBILITY and not covers(deal, plan, use):
        if not deal.ours:
            return CHANNEL
        if not mask_of(deal.territories, deal.excluded) & BITS.get(territory, 0):
            return TERRITORY
        return PLAN if use in grants(deal) else USE
    return Shape((deal,)).decide(territory, plan, use, at).reason


def _period(start: datetime | None, end: datetime | None, decision: Decision) -> Period:
    return Period(start, end, decision.allow, decision.reason, decision.licence_id)


def _bounds(shape: Shape, territory: str, plan: str, use: str) -> Iterator[datetime]:
    """Every instant at which the answer may change in the territory."""
    cell = shape.cell(plan, use)
    yield from cell.absolute
    zones = zones_of(territory)
    for near in cell.local:
        wall = near.replace(tzinfo=None)
        if not zones:
            offsets, _ = clocks_of(territory, near)
            yield from (near - ahead for ahead in offsets)
        for zone in zones:
            early = near - timedelta(hours=15)
            yield from (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
            # A clock that is set back shows the same time twice.
            late = near + timedelta(hours=15)
            if (turns := next_change(zone, early, late)) < late:
                yield turns


def moment(text: str | None) -> str | None:
    """A deal's moment as people read it."""
    if text is None:
        return None
    at = moment_of(text)
    return f"{at:%Y-%m-%d %H:%M:%S} " + ("local time" if at.tzinfo is None else "UTC")
