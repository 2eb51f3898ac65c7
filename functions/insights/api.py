"""Figures over HTTP, for artists and labels (`insights:read`): each sees what they own."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from functions.insights.figures import Figures, Scope
from shared.errors import Forbidden, Invalid
from shared.ids import parse_id
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Reader = Annotated[Principal, Depends(requires("insights:read"))]
By = Literal["day", "hour", "track", "territory", "plan", "source"]
Most = Annotated[int, Query(ge=1, le=200)]
From = Annotated[date | None, Query(alias="from", description="First day; 28 days before `to`")]
To = Annotated[date | None, Query(description="Last day; today")]
Of = Annotated[str | None, Query(max_length=110, description='Whose: "label:NAME" or "artist:ID"')]
Track = Annotated[str | None, Query(max_length=22)]
Territory = Annotated[str | None, Query(pattern="^[A-Z]{2}$")]

MAX_DAYS = 400
SINCE = date(2003, 1, 1)
USUAL = timedelta(days=27)
_PRIVATE = {"cache-control": "private, max-age=60"}


def routes(figures: Figures, *, today: Callable[[], date]) -> APIRouter:
    """`/v1/insights/…`"""
    router = APIRouter()

    def days(first: date | None, last: date | None) -> tuple[date, date]:
        last = last or today()
        wrong = Invalid(f"from and to are 1 to {MAX_DAYS} days, since 2003", code="INVALID_RANGE")
        if last < SINCE:
            raise wrong
        first = first or last - USUAL
        if not SINCE <= first <= last or (last - first).days >= MAX_DAYS:
            raise wrong
        return first, last

    def scope(
        reader: Principal, of: str | None, first: date | None, last: date | None, track: str | None
    ) -> Scope:
        if of is not None and not reader.may_see(of):
            raise Forbidden(f"the figures of {of} are not yours", code="NOT_YOURS")
        mine = [it for it in reader.owns if it.startswith(("label:", "artist:"))]
        everything = of is None and "*" in reader.owns
        if of is None and not mine and not everything:
            raise Forbidden("you own no label and no artist", code="NOT_YOURS")
        range_ = days(first, last)
        track_id = parse_id(track, "track id") if track else ""
        return Scope(*range_, [of] if of else mine, everything, track_id)

    def shown(it: Scope, **more: Any) -> Response:
        return answer({"from": it.first, "to": it.last, **more}, headers=_PRIVATE)

    @router.get("/v1/insights/plays")
    async def plays(
        reader: Reader, by: By = "day", of: Of = None, first: From = None, to: To = None,
        track: Track = None,
    ) -> Response:  # fmt: skip
        it = scope(reader, of, first, to, track)
        return shown(it, by=by, items=await figures.plays(it, by))

    @router.get("/v1/insights/listeners")
    async def listeners(
        reader: Reader, of: Of = None, first: From = None, to: To = None, track: Track = None
    ) -> Response:
        it = scope(reader, of, first, to, track)
        return shown(it, **await figures.listeners(it))

    @router.get("/v1/insights/curve")
    async def curve(
        reader: Reader, of: Of = None, first: From = None, to: To = None, track: Track = None
    ) -> Response:
        it = scope(reader, of, first, to, track)
        return shown(it, items=await figures.curve(it))

    @router.get("/v1/insights/retention")
    async def retention(
        reader: Reader, of: Of = None, first: From = None, to: To = None, track: Track = None
    ) -> Response:
        it = scope(reader, of, first, to, track)
        return shown(it, items=await figures.retention(it))

    @router.get("/v1/insights/top")
    async def top(
        reader: Reader, kind: Literal["tracks", "artists"] = "tracks", of: Of = None,
        first: From = None, to: To = None, territory: Territory = None, limit: Most = 50,
    ) -> Response:  # fmt: skip
        it = scope(reader, of, first, to, None)
        return shown(it, kind=kind, items=await figures.top(it, kind, territory or "", limit))

    @router.get("/v1/insights/experiments/{name}")
    async def experiment(name: str, reader: Reader, first: From = None, to: To = None) -> Response:
        if "*" not in reader.owns:
            raise Forbidden("experiments are the operator's", code="NOT_YOURS")
        if not 0 < len(name) <= 64:
            raise Invalid("a name of 1 to 64 characters", code="INVALID")
        begin, end = days(first, to)
        items = await figures.experiment(name, begin, end)
        return answer({"experiment": name, "from": begin, "to": end, "items": items})

    return router
