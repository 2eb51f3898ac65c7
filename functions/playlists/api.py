"""The playlist group of the Web API, in both dialects."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from functions.playlists import asked, covers, positions
from functions.playlists.asked import Reorder
from functions.playlists.fields import selected
from functions.playlists.following import Following
from functions.playlists.items import Items
from functions.playlists.ops import Add, Entry, Op, Remove, Set
from functions.playlists.playlist import Attributes
from functions.playlists.playlists import Playlists, Seen
from functions.playlists.sequencer import Appended
from functions.playlists.smart import Smart
from shared.errors import Forbidden, Invalid
from shared.gcp.images import Images, keep
from shared.ids import parse_id
from shared.web.answers import answer, cacheable
from shared.web.paging import Page, page_view
from shared.web.principal import Principal, requires
from shared.webapi import query
from shared.webapi.shown import instant
from shared.webapi.snapshots import revision_of, snapshot_id

User = Annotated[Principal, Depends(requires())]
PRIVATE = "playlist-read-private"
_FRESH = {"cache-control": "private, no-cache"}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "market": {"type": "string", "pattern": "^([A-Za-z]{2}|from_token)$"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    "offset": {"type": "integer", "minimum": 0, "maximum": 100_000, "default": 0},
    "fields": {"type": "string", "maxLength": 1000},
    "additional_types": {"type": "string"},
    "uris": {"type": "string"},
    "position": {"type": "integer", "minimum": 0},
    "ids": {"type": "string"},
}


def _takes(*names: str) -> dict[str, Any]:
    """`openapi_extra` of a route that reads the parameters `names` by hand."""
    return {
        "parameters": [
            {"name": it, "in": "query", "required": False, "schema": _SCHEMAS[it]} for it in names
        ]
    }


_PAGE = _takes("limit", "offset")
_VIEW = _takes("market", "fields", "additional_types")
_ITEMS = _takes("limit", "offset", "market", "fields", "additional_types")


def may_modify(user: Principal, attributes: Attributes) -> None:
    """Let an application change a playlist in the user's name.

    Raises:
        Forbidden: the scope for public or private ones is missing (code INSUFFICIENT_SCOPE).
    """
    kind = "public" if attributes.visibility == "public" else "private"
    needs(user, f"playlist-modify-{kind}")


def needs(user: Principal, scope: str) -> None:
    """Raises Forbidden: the token lacks `scope`."""
    if scope not in user.scopes:
        raise Forbidden(f"needs scope {scope}", code="INSUFFICIENT_SCOPE")


def may_see(user: Principal, attributes: Attributes) -> None:
    """Let an application see a playlist in the user's name. Raises Forbidden."""
    if attributes.visibility == "private":
        needs(user, PRIVATE)


def _asked_page(request: Request, most: int) -> Page:
    given = request.query_params
    return Page(
        query.number(given.get("limit"), "limit", 20, 1, most),
        query.number(given.get("offset"), "offset", 0, 0, 100_000),
    )


def routes(
    playlists: Playlists,
    items: Items,
    smart: Smart,
    following: Following,
    images: Images,
    public_url: str,
) -> APIRouter:
    """`/v1/playlists`, `/v1/me/playlists`, `/v1/users/{id}/playlists`."""
    router = APIRouter()

    async def seen_by(user: Principal, playlist_id: str) -> Seen:
        id = parse_id(playlist_id, "playlist id")
        seen = await playlists.see(id, user.user_id)
        may_see(user, seen.attributes)
        if await smart.refresh_if_due(seen):
            seen = await playlists.see(id, user.user_id)
        return seen

    async def edited(request: Request, user: Principal, id: str, op: Op) -> Appended:
        nonce = asked.nonce_of(request, user.user_id)
        return await playlists.submit(id, user.user_id, [op], nonce=nonce)

    def snapshot(playlist_id: str, done: Appended, status: int = 200) -> Response:
        return answer({"snapshot_id": snapshot_id(playlist_id, done.done.revision)}, status)

    async def listed(
        request: Request, user: Principal, ids: list[str], href: str, private: bool
    ) -> Response:
        page = _asked_page(request, 50)
        found = [
            it
            for it in await playlists.many(ids, user.user_id)
            if private or it.attributes.visibility == "public"
        ]
        shown = await items.simple(found[page.offset : page.offset + page.limit])
        body = page_view(f"{public_url}{href}", page, shown, len(found))
        return cacheable(request, body, max_age_s=0)

    @router.get("/v1/me/playlists", openapi_extra=_PAGE)
    async def mine(request: Request, user: User) -> Response:
        ids = await playlists.shelf.of(user.user_id)
        return await listed(request, user, ids, "/v1/me/playlists", PRIVATE in user.scopes)

    @router.get("/v1/me/playlists/deleted", openapi_extra=_PAGE)
    async def lost(request: Request, user: User) -> Response:
        """One's own that are deleted and can be restored, the last deleted first."""
        needs(user, PRIVATE)
        page = _asked_page(request, 50)
        at = await playlists.shelf.deleted(user.user_id)
        found = await playlists.many(list(at), user.user_id, deleted=True)
        shown = found[page.offset : page.offset + page.limit]
        views = [
            view | {"deleted_at": instant(at[it.attributes.playlist_id])}
            for view, it in zip(await items.simple(shown), shown, strict=True)
        ]
        body = page_view(f"{public_url}/v1/me/playlists/deleted", page, views, len(found))
        return answer(body, headers=_FRESH)

    @router.get("/v1/playlists/users/{user_id}", openapi_extra=_PAGE)
    async def of_user(user_id: str, request: Request, user: User) -> Response:
        own = asked.user_id(user_id) == user.user_id
        ids = await (playlists.shelf.of if own else playlists.shelf.owned)(user_id)
        private = own and PRIVATE in user.scopes
        return await listed(request, user, ids, f"/v1/users/{user_id}/playlists", private)

    @router.post("/v1/me/playlists", status_code=201)
    @router.post("/v1/playlists/users/{user_id}", status_code=201)
    async def create(request: Request, user: User, user_id: str | None = None) -> Response:
        if user_id is not None and user_id != user.user_id:
            raise Forbidden("not another user's", code="NOT_ALLOWED")
        details = await asked.details(request)
        if not isinstance(details.name, str):
            raise Invalid("name is missing", code="INVALID_NAME")
        if details.public is not False and details.collaborative is not True:
            details.public = True
        values = details.as_set()
        hidden = Attributes("", visibility=values.values().get("visibility", "private"))
        may_modify(user, hidden)
        nonce = asked.nonce_of(request, user.user_id)
        id = await playlists.create(user.user_id, values, nonce=nonce)
        seen = await playlists.see(id, user.user_id)
        headers = {"location": f"{public_url}/v1/playlists/{id}"}
        return answer(await items.full(seen, None), 201, headers)

    @router.get("/v1/playlists/{playlist_id}", openapi_extra=_VIEW)
    async def get(playlist_id: str, request: Request, user: User) -> Response:
        given = request.query_params
        market = query.market(given.get("market"), user.territory)
        seen = await seen_by(user, playlist_id)
        body = selected(await items.full(seen, market), given.get("fields"))
        return cacheable(request, body, max_age_s=0)

    @router.put("/v1/playlists/{playlist_id}")
    async def change(playlist_id: str, request: Request, user: User) -> Response:
        id = parse_id(playlist_id, "playlist id")
        seen = await playlists.see(id, user.user_id)
        may_modify(user, seen.attributes)
        values = (await asked.details(request)).as_set()
        if not values.values():
            raise Invalid("nothing to change is named", code="INVALID")
        may_modify(user, Attributes("", visibility=values.values().get("visibility", "private")))
        await edited(request, user, id, values)
        return Response(status_code=200)

    @router.get("/v1/playlists/{playlist_id}/items", openapi_extra=_ITEMS)
    @router.get("/v1/playlists/{playlist_id}/tracks", openapi_extra=_ITEMS)
    async def list_items(playlist_id: str, request: Request, user: User) -> Response:
        given, page = request.query_params, _asked_page(request, 100)
        market = query.market(given.get("market"), user.territory)
        seen = await seen_by(user, playlist_id)
        entries = await playlists.entries(seen, page.offset, page.offset + page.limit)
        name = request.scope["path"].rpartition("/")[2]
        href = f"{public_url}/v1/playlists/{playlist_id}/{name}"
        more = {"market": market} if market else None
        body = page_view(href, page, await items.entries(entries, market), seen.count, more)
        return cacheable(request, selected(body, given.get("fields")), max_age_s=0)

    @router.post(
        "/v1/playlists/{playlist_id}/items",
        status_code=201,
        openapi_extra=_takes("uris", "position"),
    )
    @router.post(
        "/v1/playlists/{playlist_id}/tracks",
        status_code=201,
        openapi_extra=_takes("uris", "position"),
    )
    async def add(playlist_id: str, request: Request, user: User) -> Response:
        id = parse_id(playlist_id, "playlist id")
        live = await playlists.live(id, user.user_id)
        may_modify(user, live.state.attributes)
        wanted = await asked.uris(request)
        assert isinstance(wanted.uris, list)
        if not wanted.uris:
            raise Invalid("uris is empty", code="INVALID")
        place = positions.place_at(live.state.listing.order(), wanted.position)
        op = Add(tuple(Entry(uri) for uri in wanted.uris), place)
        return snapshot(id, await edited(request, user, id, op), 201)

    @router.put("/v1/playlists/{playlist_id}/items", openapi_extra=_takes("uris"))
    @router.put("/v1/playlists/{playlist_id}/tracks", openapi_extra=_takes("uris"))
    async def replace(playlist_id: str, request: Request, user: User) -> Response:
        id = parse_id(playlist_id, "playlist id")
        live = await playlists.live(id, user.user_id)
        may_modify(user, live.state.attributes)
        wanted = await asked.replacement(request)
        if isinstance(wanted, Reorder):
            seen = live.state
            if wanted.snapshot_id is not None:
                seen = await playlists.store.at_revision(live, revision_of(id, wanted.snapshot_id))
            done = await edited(request, user, id, positions.moved(wanted, seen))
            return snapshot(id, done)
        ops: list[Op] = [Remove(live.state.listing.order())]
        if wanted:
            ops.append(Add(tuple(Entry(uri) for uri in wanted)))
        nonce = asked.nonce_of(request, user.user_id)
        return snapshot(id, await playlists.submit(id, user.user_id, ops, nonce=nonce), 201)

    @router.delete("/v1/playlists/{playlist_id}/items", openapi_extra=_takes("uris"))
    @router.delete("/v1/playlists/{playlist_id}/tracks", openapi_extra=_takes("uris"))
    async def remove(playlist_id: str, request: Request, user: User) -> Response:
        id = parse_id(playlist_id, "playlist id")
        live = await playlists.live(id, user.user_id)
        may_modify(user, live.state.attributes)
        wanted = await asked.removal(request)
        seen = live.state
        if wanted.snapshot_id is not None:
            seen = await playlists.store.at_revision(live, revision_of(id, wanted.snapshot_id))
        return snapshot(id, await edited(request, user, id, positions.removed(wanted, seen)))

    @router.get("/v1/playlists/{playlist_id}/images")
    async def get_images(playlist_id: str, request: Request, user: User) -> Response:
        seen = await seen_by(user, playlist_id)
        return cacheable(request, await items.images(seen), max_age_s=0)

    @router.put("/v1/playlists/{playlist_id}/images", status_code=202)
    async def put_image(playlist_id: str, request: Request, user: User) -> Response:
        id = parse_id(playlist_id, "playlist id")
        seen = await playlists.see(id, user.user_id)
        needs(user, "ugc-image-upload")
        may_modify(user, seen.attributes)
        picture = covers.uploaded(await request.body())
        image_id = await keep(images, picture)
        await edited(request, user, id, Set(image_id=image_id))
        return Response(status_code=202)

    @router.put("/v1/playlists/{playlist_id}/followers")
    async def follow(playlist_id: str, request: Request, user: User) -> Response:
        id = parse_id(playlist_id, "playlist id")
        await playlists.see(id, user.user_id)
        await following.follow(user.user_id, id, request.headers["authorization"], True)
        return Response(status_code=200)

    @router.delete("/v1/playlists/{playlist_id}/followers")
    async def unfollow(playlist_id: str, request: Request, user: User) -> Response:
        id = parse_id(playlist_id, "playlist id")
        live = await playlists.store.live(id)
        if live.state.attributes.owner == user.user_id and not live.state.attributes.deleted:
            may_modify(user, live.state.attributes)
            await playlists.delete(id, user.user_id)
        else:
            await following.follow(user.user_id, id, request.headers["authorization"], False)
        return Response(status_code=200)

    @router.get("/v1/playlists/{playlist_id}/followers/contains", openapi_extra=_takes("ids"))
    async def followed_by(playlist_id: str, request: Request, user: User) -> Response:
        id = parse_id(playlist_id, "playlist id")
        await playlists.see(id, user.user_id)
        given = request.query_params.get("ids")
        users = query.listed(given, 5, "ids") if given else [user.user_id]
        users = [asked.user_id(it) for it in users]
        return answer(await playlists.shelf.follow_it(id, users), headers=_FRESH)

    return router
