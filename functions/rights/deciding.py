"""Decisions and their explanations over HTTP: "why can't I play this, and when could I?"."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime

from functions.rights import entitlements
from functions.rights.store import Entitlements
from shared.errors import Forbidden, Invalid
from shared.ids import parse_id
from shared.instants import in_utc
from shared.rights.deals import Deal
from shared.rights.explaining import SAYS, Period, periods, verdicts
from shared.rights.shapes import Decision, Shape, Shapes
from shared.rights.territories import BITS
from shared.rights.vocabulary import ASKABLE, ON_DEMAND, PLANS
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Anyone = Annotated[Principal, Depends(requires())]
Short = Annotated[str | None, Query(max_length=40)]
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)


def routes(known: Entitlements, shapes: Shapes, *, now: Callable[[], datetime]) -> APIRouter:
    """`GET /v1/rights/decisions`."""
    router = APIRouter()

    @router.get("/v1/rights/decisions")
    async def decide(
        who: Anyone,
        track: Annotated[str, Query(max_length=64)],
        territory: Short = None,
        plan: Short = None,
        use: Short = None,
        at: AwareDatetime | None = None,
    ) -> Response:
        """What is decided, why, and when that changes. Territory and plan are the caller's own,
        unless they hold `rights:write`; so is what single deals say."""
        where, under, whatever = _checked(territory or who.territory, plan or who.plan, use)
        manages = "rights:write" in who.scopes
        if not manages and (where, under) != (who.territory, who.plan):
            raise Forbidden("of others only who manages rights may ask", code="INSUFFICIENT_SCOPE")
        when = now() if at is None else in_utc(at)
        if not _FIRST <= when <= _LAST:
            raise Invalid("ask between the years 1970 and 9990", code="INVALID_INSTANT")
        found = await known.get(parse_id(track, "track"))
        shape = shapes.of(entitlements.deals_of(found))
        decision = shape.decide(where, under, whatever, when, version=found.version)
        said = explained(shape, decision, where, under, whatever, when)
        body = {
            "track_id": track,
            "territory": where,
            "plan": under,
            "use": whatever,
            "at": when,
            "decision": decision._asdict(),
            **said,
        }
        if manages:
            body["deals"] = [
                {**_deal(it.deal), "reason": it.reason}
                for it in verdicts(shape, where, under, whatever, when)
            ]
        return answer(body, headers={"cache-control": "no-store"})

    return router


def explained(
    shape: Shape, decision: Decision, territory: str, plan: str, use: str, at: datetime
) -> dict[str, Any]:
    """The decision in words, when it changes, and all periods around it."""
    found = periods(shape, territory, plan, use)
    later = [it for it in found if it.starts_at is not None and it.starts_at > at]
    opens = next((it.starts_at for it in later if it.allow), None)
    closes = next((it.starts_at for it in later if not it.allow), None)
    others = [it for it in PLANS if it != plan and shape.decide(territory, it, use, at).allow]
    return {
        "message": _message(decision, found, opens, closes, at),
        "opens_at": None if decision.allow else opens,
        "closes_at": closes if decision.allow else None,
        "other_plans": others,
        "periods": [
            {
                "starts_at": it.starts_at,
                "ends_at": it.ends_at,
                "allow": it.allow,
                "reason": it.reason,
                "licence_id": it.licence_id,
            }
            for it in found
        ],
    }


def _message(
    decision: Decision,
    found: tuple[Period, ...],
    opens: datetime | None,
    closes: datetime | None,
    at: datetime,
) -> str:
    if decision.allow:
        return f"yes: {SAYS[decision.reason]}" + (f", until {_day(closes)}" if closes else "")
    ended = [it for it in found if it.allow and it.ends_at is not None and it.ends_at <= at]
    text = f"no: {SAYS.get(decision.reason, decision.reason)}"
    if ended:
        text += f"; it could be until {_day(ended[-1].ends_at)}"
    return text + (f"; it can be from {_day(opens)}" if opens else "; nothing says it ever will be")


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _checked(territory: str, plan: str, use: str | None) -> tuple[str, str, str]:
    whatever = use or ON_DEMAND
    if territory not in BITS:
        raise Invalid(f"{territory[:20]!r} is no territory", code="INVALID_TERRITORY")
    if plan not in PLANS:
        raise Invalid("plans are free and premium", code="INVALID_PLAN")
    if whatever not in ASKABLE:
        raise Invalid(f"no use: {whatever[:40]!r}", code="INVALID_USE")
    return territory, plan, whatever


def _deal(deal: Deal) -> dict[str, Any]:
    return {
        "licence_id": deal.licence_id,
        "licensor_id": deal.licensor_id,
        "kind": deal.kind,
        "models": list(deal.models),
        "uses": list(deal.uses),
        "territories": list(deal.territories),
        "excluded": list(deal.excluded),
        "starts": deal.starts,
        "ends": deal.ends,
        "usages": deal.usages,
        "ours": deal.ours,
    }
