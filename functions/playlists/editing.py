"""What Segue's own clients ask of playlists, in words that the Web API does not have."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from msgspec import Struct

from functions.playlists import asked
from functions.playlists.api import may_modify, may_see
from functions.playlists.branching import Branches
from functions.playlists.domain import MAX_OPS, SEGUE
from functions.playlists.history import History, instant_ms, item, whole
from functions.playlists.inviting import Invites, Link
from functions.playlists.items import Items
from functions.playlists.ops import Add, Entry, Invite, Move, Op, Remove, Revoke, Roles, Set
from functions.playlists.playlists import Playlists
from functions.playlists.sequencer import Appended
from functions.playlists.store import Live
from shared.errors import Forbidden, Invalid, TooLarge
from shared.ids import parse_id
from shared.instants import in_utc
from shared.web.answers import answer
from shared.web.principal import Principal, requires
from shared.webapi import query
from shared.webapi.snapshots import snapshot_id

User = Annotated[Principal, Depends(requires())]
_FRESH = {"cache-control": "private, no-cache"}
MAX_SEQ = 10**12

_Edit = Add | Remove | Move | Set | Roles


class _Ops(Struct):
    ops: list[_Edit]
    nonce: str | None = None
    base_revision: int | None = None


class _Which(Struct):
    revision: int | None = None
    nonce: str | None = None


class _Branch(Struct):
    revision: int | None = None
    name: str | None = None


class _Merge(Struct):
    branch_id: str


class _Invite(Struct):
    role: Literal["editor", "viewer"] = "editor"
    hours: int = 168


class _Join(Struct):
    token: str


_decoders = {
    cls: msgspec.json.Decoder(cls) for cls in (_Ops, _Which, _Branch, _Merge, _Invite, _Join)
}
_roles = msgspec.json.Decoder(dict[str, Literal["owner", "editor", "viewer"] | None])
_SCHEMAS: dict[str, dict[str, Any]] = {
    "epoch": {"type": "string", "maxLength": 40},
    "since": {"type": "integer", "minimum": 0},
    "before": {"type": "integer", "minimum": 0},
    "limit": {"type": "integer", "minimum": 1, "maximum": 100},
    "offset": {"type": "integer", "minimum": 0},
    "at": {"type": "string", "format": "date-time"},
    "from": {"type": "integer", "minimum": 1},
    "to": {"type": "integer", "minimum": 1},
    "market": {"type": "string"},
}


def _takes(*names: str) -> dict[str, Any]:
    return {
        "parameters": [
            {"name": it, "in": "query", "required": it == "from", "schema": _SCHEMAS[it]}
            for it in names
        ]
    }


def routes(
    playlists: Playlists,
    items: Items,
    history: History,
    branches: Branches,
    invites: Invites,
    public_url: str,
    *,
    now_ms: Callable[[], int],
) -> APIRouter:
    """`/v1/playlists/{id}/{ops,changes,history,revisions,diff,undo,redo,restore,branches,merges,
    collaborators,invites,join,rich}`."""
    router = APIRouter()

    async def live_of(user: Principal, playlist_id: str, *, deleted: bool = False) -> Live:
        id = parse_id(playlist_id, "playlist id")
        live = await playlists.live(id, user.user_id, deleted=deleted)
        may_see(user, live.state.attributes)
        return live

    async def editable(user: Principal, playlist_id: str) -> Live:
        id = parse_id(playlist_id, "playlist id")
        live = await playlists.live(id, user.user_id)
        may_modify(user, live.state.attributes)
        return live

    @router.post("/v1/playlists/{playlist_id}/ops")
    async def edit(playlist_id: str, request: Request, user: User) -> Response:
        """A batch of ops: all of it happens, or none."""
        live = await editable(user, playlist_id)
        wanted = await _body(request, _Ops)
        if len(wanted.ops) > MAX_OPS:
            raise TooLarge(f"{MAX_OPS} ops a batch at most", code="BATCH_TOO_LARGE")
        ops = [_clean(op) for op in wanted.ops]
        for op in ops:
            if isinstance(op, Set) and (visibility := op.values().get("visibility")):
                kind = "public" if visibility == "public" else "private"
                _needs(user, f"playlist-modify-{kind}")
        done = await playlists.submit(
            live.playlist_id,
            user.user_id,
            ops,
            nonce=asked.nonce_of(request, user.user_id, wanted.nonce),
            base_revision=wanted.base_revision,
        )
        return answer(_done(live.playlist_id, done))

    @router.get("/v1/playlists/{playlist_id}/changes", openapi_extra=_takes("epoch", "since"))
    async def changes(playlist_id: str, request: Request, user: User) -> Response:
        """What a gateway asks for a subscriber: may they listen, and what have they missed?"""
        live = await live_of(user, playlist_id)
        given = request.query_params
        since = given.get("since")
        number = query.number(since, "since", 0, 0, MAX_SEQ) if since else None
        return answer(await history.changes(live, given.get("epoch"), number), headers=_FRESH)

    @router.get("/v1/playlists/{playlist_id}/history", openapi_extra=_takes("before", "limit"))
    async def listed(playlist_id: str, request: Request, user: User) -> Response:
        live = await live_of(user, playlist_id, deleted=True)
        given = request.query_params
        limit = query.number(given.get("limit"), "limit", 50, 1, 100)
        before = query.number(given.get("before"), "before", 0, 0, MAX_SEQ) or None
        found = await history.listed(live, before, limit)
        last = found[-1]["revision"] if found else 1
        url = f"{public_url}/v1/playlists/{live.playlist_id}/history"
        following = f"{url}?before={last}&limit={limit}" if last > 1 else None
        return answer({"items": found, "limit": limit, "next": following}, headers=_FRESH)

    @router.get(
        "/v1/playlists/{playlist_id}/revisions/{revision}",
        openapi_extra=_takes("market", "limit", "offset"),
    )
    async def at_revision(
        playlist_id: str, revision: int, request: Request, user: User
    ) -> Response:
        live = await live_of(user, playlist_id, deleted=True)
        return await past(request, user, live, revision, None)

    @router.get(
        "/v1/playlists/{playlist_id}/revisions",
        openapi_extra=_takes("at", "market", "limit", "offset"),
    )
    async def at_time(playlist_id: str, request: Request, user: User) -> Response:
        live = await live_of(user, playlist_id, deleted=True)
        return await past(request, user, live, None, _instant(request.query_params.get("at")))

    async def past(
        request: Request, user: Principal, live: Live, revision: int | None, at: datetime | None
    ) -> Response:
        given = request.query_params
        limit = query.number(given.get("limit"), "limit", 100, 1, 100)
        offset = query.number(given.get("offset"), "offset", 0, 0, 100_000)
        market = query.market(given.get("market"), user.territory)
        state = await history.at(live, revision, at)
        entries = state.listing.slice(offset, offset + limit)
        body = {
            "revision": state.revision,
            "snapshot_id": snapshot_id(live.playlist_id, state.revision),
            "at": instant_ms(state.attributes.changed_at),
            "name": state.attributes.name,
            "description": state.attributes.description,
            "total": len(state.listing),
            "offset": offset,
            "limit": limit,
            "items": await items.entries(entries, market),
        }
        return answer(body, headers=_FRESH)

    @router.get("/v1/playlists/{playlist_id}/diff", openapi_extra=_takes("from", "to"))
    async def diff(playlist_id: str, request: Request, user: User) -> Response:
        live = await live_of(user, playlist_id, deleted=True)
        given = request.query_params
        if "from" not in given:
            raise Invalid("from is missing: a revision", code="INVALID_FROM")
        old = query.number(given.get("from"), "from", 0, 1, MAX_SEQ)
        new = query.number(given.get("to"), "to", 0, 1, MAX_SEQ) or None
        return answer(await history.between(live, old, new), headers=_FRESH)

    @router.post("/v1/playlists/{playlist_id}/undo")
    async def undo(playlist_id: str, request: Request, user: User) -> Response:
        return await undone(playlist_id, request, user, redo=False)

    @router.post("/v1/playlists/{playlist_id}/redo")
    async def redo(playlist_id: str, request: Request, user: User) -> Response:
        return await undone(playlist_id, request, user, redo=True)

    async def undone(
        playlist_id: str, request: Request, user: Principal, *, redo: bool
    ) -> Response:
        live = await editable(user, playlist_id)
        which = await _body(request, _Which)
        nonce = asked.nonce_of(request, user.user_id, which.nonce)
        done = await playlists.undo(
            live.playlist_id, user.user_id, which.revision, redo=redo, nonce=nonce
        )
        return answer(_done(live.playlist_id, done))

    @router.post("/v1/playlists/{playlist_id}/restore")
    async def restore(playlist_id: str, user: User) -> Response:
        id = parse_id(playlist_id, "playlist id")
        live = await playlists.live(id, user.user_id, deleted=True)
        may_modify(user, live.state.attributes)
        return answer(_done(id, await playlists.restore(id, user.user_id)))

    @router.post("/v1/playlists/{playlist_id}/branches", status_code=201)
    async def branch(playlist_id: str, request: Request, user: User) -> Response:
        live = await live_of(user, playlist_id)
        _needs(user, "playlist-modify-private")
        wanted = await _body(request, _Branch)
        nonce = asked.nonce_of(request, user.user_id)
        id = await branches.branch(
            live.playlist_id, user.user_id, wanted.revision, wanted.name, nonce
        )
        return answer(await items.full(await playlists.see(id, user.user_id), None), 201)

    @router.post("/v1/playlists/{playlist_id}/merges")
    async def merge(playlist_id: str, request: Request, user: User) -> Response:
        live = await editable(user, playlist_id)
        branch_id = parse_id((await _body(request, _Merge)).branch_id, "branch id")
        revision = await branches.merge(live.playlist_id, user.user_id, branch_id)
        snapshot = snapshot_id(live.playlist_id, revision)
        return answer({"revision": revision, "snapshot_id": snapshot})

    @router.get("/v1/playlists/{playlist_id}/collaborators")
    async def collaborators(playlist_id: str, user: User) -> Response:
        it = (await live_of(user, playlist_id)).state.attributes
        return answer({"owner": it.owner, "roles": it.roles}, headers=_FRESH)

    @router.put("/v1/playlists/{playlist_id}/collaborators")
    async def give_roles(playlist_id: str, request: Request, user: User) -> Response:
        live = await editable(user, playlist_id)
        changes = asked.decoded(_roles, await request.body())
        done = await playlists.submit(live.playlist_id, user.user_id, [Roles(dict(changes))])
        return answer(_done(live.playlist_id, done))

    @router.get("/v1/playlists/{playlist_id}/invites")
    async def list_invites(playlist_id: str, user: User) -> Response:
        live = await editable(user, playlist_id)
        if user.user_id != live.state.attributes.owner:
            raise Forbidden("the owner's to see", code="NOT_ALLOWED")
        found = [_invite(it) for it in live.state.attributes.invites.values()]
        return answer({"items": found}, headers=_FRESH)

    @router.post("/v1/playlists/{playlist_id}/invites", status_code=201)
    async def invite(playlist_id: str, request: Request, user: User) -> Response:
        live = await editable(user, playlist_id)
        wanted = await _body(request, _Invite)
        made = await invites.make(
            live.playlist_id, user.user_id, wanted.role, wanted.hours, now_ms()
        )
        return answer(_link(live.playlist_id, made), 201)

    def _link(playlist_id: str, made: Link) -> dict[str, Any]:
        url = f"{public_url}/#/playlist/{playlist_id}?invite={made.token}"
        return {**_invite(made.invite), "token": made.token, "url": url}

    @router.delete("/v1/playlists/{playlist_id}/invites/{invite_id}", status_code=204)
    async def revoke(playlist_id: str, invite_id: str, user: User) -> Response:
        live = await editable(user, playlist_id)
        await playlists.submit(live.playlist_id, user.user_id, [Revoke(invite_id)])
        return Response(status_code=204)

    @router.post("/v1/playlists/{playlist_id}/join")
    async def join(playlist_id: str, request: Request, user: User) -> Response:
        id = parse_id(playlist_id, "playlist id")
        if user.user_id == SEGUE:
            raise Forbidden("not you", code="NOT_ALLOWED")
        done = await invites.join(id, user.user_id, (await _body(request, _Join)).token)
        return answer(_done(id, done))

    @router.get("/v1/playlists/{playlist_id}/rich")
    async def rich(playlist_id: str, user: User) -> Response:
        """The whole list with who and when, for recommendations and replicas."""
        state = (await live_of(user, playlist_id)).state
        return answer({"playlist_id": playlist_id, **whole(state)}, headers=_FRESH)

    return router


async def _body(request: Request, cls: type[Any]) -> Any:
    body = await request.body()
    return asked.decoded(_decoders[cls], body or b"{}")


def _needs(user: Principal, scope: str) -> None:
    if scope not in user.scopes:
        raise Forbidden(f"needs scope {scope}", code="INSUFFICIENT_SCOPE")


_CLIENTS_MAY_SET = frozenset({"name", "description", "visibility", "collaborative"})


def _clean(op: _Edit) -> Op:
    """An op as clients may send it: who and when is ours to say.

    Raises:
        Invalid: it sets what has an address of its own (code INVALID).
    """
    if isinstance(op, Add):
        return Add(tuple(Entry(it.uri, it.id) for it in op.items), op.place)
    if isinstance(op, Set) and not _CLIENTS_MAY_SET.issuperset(op.values()):
        raise Invalid("set name, description, visibility or collaborative", code="INVALID")
    return op


def _done(playlist_id: str, done: Appended) -> dict[str, Any]:
    return {
        "revision": done.done.revision,
        "seq": done.done.seq,
        "snapshot_id": snapshot_id(playlist_id, done.done.revision),
        "known": done.again,
        "items": [
            item(entry) for op in done.batch.ops if isinstance(op, Add) for entry in op.items
        ],
    }


def _invite(it: Invite) -> dict[str, Any]:
    return {"id": it.id, "role": it.role, "expires_at": instant_ms(it.expires_at)}


def _instant(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid("at is no instant", code="INVALID_INSTANT") from error
    if found.tzinfo is None:
        raise Invalid("at lacks its offset from UTC", code="INVALID_INSTANT")
    return in_utc(found)
