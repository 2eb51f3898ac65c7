"""The library and follow groups of the Web API, in both dialects.

`next` carries an anchor, `before`, beside the offset: whoever follows it sees nothing twice and
misses nothing, whatever is saved meanwhile. Who counts offsets gets what offsets give.
"""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response

from functions.library import asked
from functions.library.domain import Kind, shelf_id_of
from functions.library.items import Items
from functions.library.library import Library
from functions.library.store import Shelves
from shared.web.answers import answer, cacheable
from shared.web.principal import Principal, requires
from shared.webapi import query
from shared.webapi.shown import instant

User = Annotated[Principal, Depends(requires())]
Reader = Annotated[Principal, Depends(requires("user-library-read"))]
Keeper = Annotated[Principal, Depends(requires("user-library-modify"))]
FollowReader = Annotated[Principal, Depends(requires("user-follow-read"))]
Follower = Annotated[Principal, Depends(requires("user-follow-modify"))]

_KINDS: dict[str, Kind] = {
    "tracks": "track", "albums": "album", "shows": "show", "episodes": "episode",
}  # fmt: skip
_SCHEMAS: dict[str, dict[str, Any]] = {
    "market": {"type": "string", "pattern": "^([A-Za-z]{2}|from_token)$"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20},
    "offset": {"type": "integer", "minimum": 0, "maximum": 100_000, "default": 0},
    "before": {"type": "integer", "minimum": 0, "maximum": asked.MAX_KEY},
    "after": {"type": "string", "maxLength": 64},
    "ids": {"type": "string", "pattern": "^[0-9A-Za-z._-]{1,64}(,[0-9A-Za-z._-]{1,64}){0,49}$"},
    "uris": {"type": "string", "pattern": "^spotify:[a-z]+:[^,]+(,spotify:[a-z]+:[^,]+){0,39}$"},
    "type": {"type": "string", "enum": ["artist", "user"]},
}


def _takes(*names: str) -> dict[str, Any]:
    """`openapi_extra` of a route that reads the parameters `names` by hand."""
    return {
        "parameters": [
            {"name": it, "in": "query", "required": it == "type", "schema": _SCHEMAS[it]}
            for it in names
        ]
    }


_PAGE = _takes("limit", "offset", "market", "before")


def _kind(request: Request) -> Kind:
    """`/v1/me/albums/contains` is about albums."""
    return _KINDS[request.scope["path"].split("/")[3]]


def routes(library: Library, shelves: Shelves, items: Items, public_url: str) -> APIRouter:
    """`/v1/me/{tracks,albums,shows,episodes,library,following}`."""
    router = APIRouter()

    @router.get("/v1/me/tracks", openapi_extra=_PAGE)
    @router.get("/v1/me/albums", openapi_extra=_PAGE)
    @router.get("/v1/me/shows", openapi_extra=_PAGE)
    @router.get("/v1/me/episodes", openapi_extra=_PAGE)
    async def saved(request: Request, user: Reader) -> Response:
        kind = _kind(request)
        limit, offset = asked.limit_of(request), asked.offset_of(request)
        before = asked.before_of(request)
        market = query.market(request.query_params.get("market"), user.territory)
        shelf_id = shelf_id_of(user.user_id, kind)
        window, total = await shelves.window(shelf_id, offset=offset, before=before, limit=limit)
        href = f"{public_url}/v1/me/{kind}s"
        rest = f"&market={market}" if market else ""

        def link(at: int, anchor: int | None) -> str:
            anchored = "" if anchor is None else f"&before={anchor}"
            return f"{href}?offset={at}&limit={limit}{rest}{anchored}"

        more = window.more and window.items
        body = {
            "href": link(offset, before),
            "limit": limit,
            "next": link(offset + limit, window.items[-1].key) if more else None,
            "offset": offset,
            "previous": link(max(0, offset - limit), None) if offset > 0 else None,
            "total": total,
            "items": await items.saved(kind, window.items, market),
        }
        return cacheable(request, body, max_age_s=0)

    @router.put("/v1/me/tracks", openapi_extra=_takes("ids"))
    @router.put("/v1/me/albums", openapi_extra=_takes("ids"))
    @router.put("/v1/me/shows", openapi_extra=_takes("ids"))
    @router.put("/v1/me/episodes", openapi_extra=_takes("ids"))
    async def save(request: Request, user: Keeper) -> Response:
        await library.save(user.user_id, await asked.things(request, _kind(request)))
        return Response(status_code=200)

    @router.delete("/v1/me/tracks", openapi_extra=_takes("ids"))
    @router.delete("/v1/me/albums", openapi_extra=_takes("ids"))
    @router.delete("/v1/me/shows", openapi_extra=_takes("ids"))
    @router.delete("/v1/me/episodes", openapi_extra=_takes("ids"))
    async def remove(request: Request, user: Keeper) -> Response:
        await library.let_go(user.user_id, await asked.things(request, _kind(request)))
        return Response(status_code=200)

    @router.get("/v1/me/tracks/contains", openapi_extra=_takes("ids"))
    @router.get("/v1/me/albums/contains", openapi_extra=_takes("ids"))
    @router.get("/v1/me/shows/contains", openapi_extra=_takes("ids"))
    @router.get("/v1/me/episodes/contains", openapi_extra=_takes("ids"))
    async def contains(request: Request, user: Reader) -> Response:
        things = await asked.things(request, _kind(request))
        return answer(await library.contains(user.user_id, things), headers=_FRESH)

    @router.put("/v1/me/library", openapi_extra=_takes("uris"))
    async def save_any(request: Request, user: User) -> Response:
        things = await asked.named(request)
        asked.may_modify(user, things)
        await library.save(user.user_id, things)
        return Response(status_code=200)

    @router.delete("/v1/me/library", openapi_extra=_takes("uris"))
    async def remove_any(request: Request, user: User) -> Response:
        things = await asked.named(request)
        asked.may_modify(user, things)
        await library.let_go(user.user_id, things)
        return Response(status_code=200)

    @router.get("/v1/me/library/contains", openapi_extra=_takes("uris"))
    async def contains_any(request: Request, user: User) -> Response:
        things = await asked.named(request)
        asked.may_read(user, things)
        return answer(await library.contains(user.user_id, things), headers=_FRESH)

    @router.get("/v1/me/library/added", openapi_extra=_takes("uris"))
    async def added(request: Request, user: User) -> Response:
        """As `contains`, with the instants since when instead of true, and null for false."""
        things = await asked.named(request)
        asked.may_read(user, things)
        since = await library.added(user.user_id, things)
        return answer([it and instant(it) for it in since], headers=_FRESH)

    @router.get("/v1/me/following", openapi_extra=_takes("type", "limit", "after", "before"))
    async def followed(request: Request, user: FollowReader) -> Response:
        kind, limit = asked.followed_kind(request), asked.limit_of(request)
        after, before = request.query_params.get("after"), asked.before_of(request)
        if after and before is None:
            # Who was let go of meanwhile is no anchor any more: begin anew rather than fail.
            before = await library.key_of(user.user_id, kind, asked.thing_id(kind, after))
        shelf_id = shelf_id_of(user.user_id, kind)
        window, total = await shelves.window(shelf_id, before=before, limit=limit)
        last = window.items[-1] if window.more and window.items else None
        href = f"{public_url}/v1/me/following?type={kind}&limit={limit}"
        view = items.followed_artists if kind == "artist" else items.followed_users
        body = {
            "href": href + (f"&after={quote(after)}" if after else ""),
            "limit": limit,
            "next": f"{href}&after={last.item_id}&before={last.key}" if last else None,
            "cursors": {"after": last.item_id if last else None},
            "total": total,
            "items": await view(window.items),
        }
        return cacheable(request, {f"{kind}s": body}, max_age_s=0)

    @router.put("/v1/me/following", openapi_extra=_takes("type", "ids"))
    async def follow(request: Request, user: Follower) -> Response:
        kind = asked.followed_kind(request)
        await library.save(user.user_id, await asked.things(request, kind))
        return Response(status_code=204)

    @router.delete("/v1/me/following", openapi_extra=_takes("type", "ids"))
    async def unfollow(request: Request, user: Follower) -> Response:
        kind = asked.followed_kind(request)
        await library.let_go(user.user_id, await asked.things(request, kind))
        return Response(status_code=204)

    @router.get("/v1/me/following/contains", openapi_extra=_takes("type", "ids"))
    async def follows(request: Request, user: FollowReader) -> Response:
        things = await asked.things(request, asked.followed_kind(request))
        return answer(await library.contains(user.user_id, things), headers=_FRESH)

    return router


_FRESH = {"cache-control": "private, no-cache"}
