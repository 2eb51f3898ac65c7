"""`GET /v1/search` as the Web API has it, and suggestions while somebody types."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response

from functions.search import query as queries
from functions.search.highlight import did_you_mean, highlights
from functions.search.kinds import EMPTY, KINDS
from functions.search.live import Live
from functions.search.port import Hits, SearchIndex
from functions.search.views import Shown
from shared.errors import Invalid
from shared.web.answers import answer
from shared.web.principal import Principal, requires
from shared.webapi import query as webapi
from shared.webapi.objects import Parts

MAX_REACH = 1000
"""Nobody looks further; the Web API does not either."""
EXTRAS = ("highlights", "did_you_mean")
SUGGESTED = ("artist", "track", "album", "user")

Caller = Annotated[Principal, Depends(requires())]
Text = Annotated[str, Query(description="Words and filters: `artist:` `year:1990-1999` …")]
Types = Annotated[str, Query(description="Kinds, separated by commas", max_length=200)]
Market = Annotated[str | None, Query(max_length=20)]
Limit = Annotated[int, Query(ge=0, le=50)]
Offset = Annotated[int, Query(ge=0, le=MAX_REACH)]
Few = Annotated[int, Query(ge=1, le=20)]
Include = Annotated[
    str | None,
    Query(description="Members beyond the Web API's: highlights, did_you_mean", max_length=60),
]


def routes(live: Live, public_url: str, *, today: Callable[[], date]) -> APIRouter:
    """`/v1/search` and `/v1/search/suggestions`; any token may ask."""
    router, parts = APIRouter(), Parts(public_url)

    async def find(
        kinds: Sequence[str], query: queries.Query, market: str | None, limit: int, offset: int
    ) -> tuple[dict[str, Hits], Shown]:
        indexes = await live.fresh()

        def run() -> dict[str, Hits]:
            return {
                kind: indexes[kind].search(
                    query, market=market, limit=limit, offset=offset, today=today()
                )
                for kind in kinds
                if kind in indexes and kind in KINDS
            }

        hits = await asyncio.to_thread(run)
        return hits, Shown(
            parts, market, *(_known(indexes, kind) for kind in ("album", "track", "user"))
        )

    @router.get("/v1/search/", include_in_schema=False)
    @router.get("/v1/search")
    async def search(
        caller: Caller,
        q: Text,
        type: Types,
        market: Market = None,
        limit: Limit = 20,
        offset: Offset = 0,
        include_external: Literal["audio"] | None = None,
        include: Include = None,
    ) -> Response:
        kinds, extras = _kinds(type), _extras(include)
        if offset + limit > MAX_REACH:
            raise Invalid(f"offset + limit exceeds {MAX_REACH}", code="OFFSET_TOO_LARGE")
        territory = webapi.market(market, caller.territory)
        query = queries.parse(q)
        hits, shown = await find(kinds, query, territory, limit, offset)

        def address(kind: str, offset: int) -> str:
            asked = {"q": q, "type": kind, "market": market, "include_external": include_external,
                     "include": include, "offset": offset, "limit": limit}  # fmt: skip
            given = {name: value for name, value in asked.items() if value is not None}
            return f"{public_url}/v1/search?{urlencode(given)}"

        def page(kind: str, found: Hits) -> dict[str, Any]:
            items = [KINDS[kind].view(it.id, it.card, shown) for it in found.items[:limit]]
            end, before = offset + limit, max(0, offset - limit)
            more = limit > 0 and end < found.total and end + limit <= MAX_REACH
            body: dict[str, Any] = {
                "href": address(kind, offset),
                "limit": limit,
                "next": address(kind, end) if more else None,
                "offset": offset,
                "previous": address(kind, before) if offset > 0 else None,
                "total": found.total,
                "items": items,
            }
            if "did_you_mean" in extras:
                meant = found.forgiving and items and did_you_mean(query, _names(items[0]))
                body["did_you_mean"] = meant or None
            if "highlights" in extras:
                for item in items:
                    item["highlights"] = {"name": highlights(_names(item)[0], query)}
            return body

        plurals = {**{name: kind.plural for name, kind in KINDS.items()}, **EMPTY}
        body = {plurals[kind]: page(kind, hits.get(kind, Hits(0, ()))) for kind in kinds}
        return answer(body, headers={"cache-control": "private, max-age=0"})

    @router.get("/v1/search/suggestions/", include_in_schema=False)
    @router.get("/v1/search/suggestions")
    async def suggestions(
        caller: Caller, q: Text, type: Types = "artist,track,album", market: Market = None,
        limit: Few = 8,
    ) -> Response:  # fmt: skip
        kinds = _kinds(type)
        territory = webapi.market(market, caller.territory)
        query = queries.parse(q)
        hits, shown = await find(kinds, query, territory, limit, 0)
        ranked = sorted(
            ((hit.score, kind, hit) for kind, found in hits.items() for hit in found.items),
            key=lambda it: -it[0],
        )
        items: list[dict[str, Any]] = []
        for _, kind, hit in ranked[:limit]:
            view = KINDS[kind].view(hit.id, hit.card, shown)
            text, *made_by = _names(view)
            items.append(
                {
                    "text": text,
                    "by": made_by,
                    "type": kind,
                    "id": hit.id,
                    "uri": view["uri"],
                    "href": view["href"],
                    "highlights": highlights(text, query),
                }
            )
        return answer({"suggestions": items}, headers={"cache-control": "private, max-age=0"})

    return router


def _kinds(text: str) -> list[str]:
    """The kinds of `?type=`, in its order, each once.

    Raises:
        Invalid: one that does not exist, or none (code TYPE_INVALID).
    """
    kinds = list(dict.fromkeys(part.strip() for part in text.split(",")))
    for kind in kinds:
        if kind not in KINDS and kind not in EMPTY:
            raise Invalid(f"Bad search type field {kind[:40]}", code="TYPE_INVALID")
    return kinds


def _extras(text: str | None) -> frozenset[str]:
    extras = frozenset(text.split(",") if text else ())
    if extras - {*EXTRAS}:
        raise Invalid(f"include takes {' and '.join(EXTRAS)}", code="INCLUDE_INVALID")
    return extras


def _names(view: Mapping[str, Any]) -> list[str]:
    """The name of an object first, then those of its makers."""
    name = view.get("name") or view.get("display_name") or ""
    return [name, *(artist["name"] for artist in view.get("artists", ()))]


def _known(indexes: Mapping[str, SearchIndex], kind: str) -> Callable[[str], Any]:
    """Cards of one kind as they are known now, each looked up once for an answer."""
    known: dict[str, Any] = {}

    def of(id: str) -> Any:
        if id not in known:
            known[id] = indexes[kind].card(id) if kind in indexes else None
        return known[id]

    return of
