"""Other ways to make a playlist than by hand: from a file, by a rule. And folders to put it in."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from msgspec import Struct

from functions.playlists import asked, formats, rules
from functions.playlists.api import may_modify, may_see, needs
from functions.playlists.domain import MAX_ITEMS
from functions.playlists.folders import Folders, Node
from functions.playlists.formats import MEDIA_TYPES, Line
from functions.playlists.items import Items
from functions.playlists.matching import Match, Matcher
from functions.playlists.ops import Entry, Set
from functions.playlists.playlists import Playlists, Seen
from functions.playlists.projections import Projections
from functions.playlists.smart import Smart
from shared.errors import Invalid
from shared.ids import parse_id
from shared.web.answers import answer
from shared.web.principal import Principal, requires

User = Annotated[Principal, Depends(requires())]
_FRESH = {"cache-control": "private, no-cache"}
_MODIFY = "playlist-modify-private"


class _Smart(Struct):
    name: str
    rule: dict[str, Any]
    description: str = ""


class _Rule(Struct):
    rule: dict[str, Any] | None


class _Folders(Struct):
    revision: int
    items: tuple[Node, ...]


_smart = msgspec.json.Decoder(_Smart)
_rule = msgspec.json.Decoder(_Rule)
_folders = msgspec.json.Decoder(_Folders)
_FORMAT = {
    "name": "format",
    "in": "query",
    "required": True,
    "schema": {"type": "string", "enum": list(MEDIA_TYPES)},
}
_NAME = {
    "name": "name",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
}


def routes(
    playlists: Playlists,
    items: Items,
    projections: Projections,
    matcher: Matcher,
    smart: Smart,
    folders: Folders,
    public_url: str,
) -> APIRouter:
    """`/v1/playlists/{import,smart}`, `…/{id}/{export,rule}`, `/v1/me/playlists/folders`."""
    router = APIRouter()

    @router.post(
        "/v1/playlists/import", status_code=201, openapi_extra={"parameters": [_FORMAT, _NAME]}
    )
    async def read(request: Request, user: User) -> Response:
        """A file as the body: a new private playlist, and what did not match."""
        needs(user, _MODIFY)
        given = request.query_params
        found = formats.read(given.get("format", ""), await request.body())
        matches = await matcher.match(found.lines, request.headers["authorization"])
        name = (given.get("name") or found.name or "Imported").strip()[:200] or "Imported"
        entries = [Entry(it.uri) for it in matches if it.uri]
        nonce = asked.nonce_of(request, user.user_id)
        about = Set(name=name, visibility="private")
        id = await playlists.create(user.user_id, about, items=entries, nonce=nonce)
        report = {
            "playlist_id": id,
            "name": name,
            "total": len(matches),
            "matched": len(entries),
            "by": {by: sum(it.by == by for it in matches) for by in ("uri", "isrc", "search")},
            "unmatched": [_unmatched(it) for it in matches if it.uri is None],
        }
        return answer(report, 201, {"location": f"{public_url}/v1/playlists/{id}"})

    @router.get("/v1/playlists/{playlist_id}/export", openapi_extra={"parameters": [_FORMAT]})
    async def write(playlist_id: str, request: Request, user: User) -> Response:
        kind = request.query_params.get("format", "")
        seen = await playlists.see(parse_id(playlist_id, "playlist id"), user.user_id)
        may_see(user, seen.attributes)
        name = seen.attributes.name
        data = formats.write(kind, name, await _lines(seen), _address)
        headers = {"content-disposition": f'attachment; filename="playlist.{kind}"', **_FRESH}
        return Response(data, 200, headers, MEDIA_TYPES[kind])

    async def _lines(seen: Seen) -> list[Line]:
        entries = await playlists.entries(seen, 0, MAX_ITEMS)
        cards = await projections.tracks(it.uri.rpartition(":")[2] for it in entries)
        found: list[Line] = []
        for it in entries:
            card = cards.get(it.uri.rpartition(":")[2])
            if card is None:
                found.append(Line(uri=it.uri))
                continue
            names = [one.name for one in card.credits if one.role in ("main", "featured")]
            found.append(
                Line(
                    card.title,
                    ", ".join(dict.fromkeys(names)),
                    card.album or "",
                    card.isrc,
                    card.duration_ms,
                    it.uri,
                )
            )
        return found

    def _address(uri: str) -> str:
        _, kind, id = uri.split(":")
        return f"{public_url}/#/{kind}/{id}"

    @router.post("/v1/playlists/smart", status_code=201)
    async def make_smart(request: Request, user: User) -> Response:
        """A playlist that a rule fills: live, or frozen as it is now."""
        needs(user, _MODIFY)
        wanted = asked.decoded(_smart, await request.body())
        rule = msgspec.to_builtins(rules.parse(wanted.rule))
        about = Set(
            name=wanted.name,
            description=wanted.description,
            visibility="private",
            rule=rule,
        )
        nonce = asked.nonce_of(request, user.user_id)
        id = await playlists.create(user.user_id, about, kind="smart", nonce=nonce)
        await smart.refresh(id)
        return answer(await items.full(await playlists.see(id, user.user_id), None), 201)

    @router.get("/v1/playlists/{playlist_id}/rule")
    async def get_rule(playlist_id: str, user: User) -> Response:
        seen = await playlists.see(parse_id(playlist_id, "playlist id"), user.user_id)
        may_see(user, seen.attributes)
        return answer({"rule": seen.attributes.rule}, headers=_FRESH)

    @router.put("/v1/playlists/{playlist_id}/rule")
    async def put_rule(playlist_id: str, request: Request, user: User) -> Response:
        """Another rule, which is evaluated at once; null: a list to be edited by hand again."""
        id = parse_id(playlist_id, "playlist id")
        seen = await playlists.see(id, user.user_id)
        may_modify(user, seen.attributes)
        wanted = asked.decoded(_rule, await request.body()).rule
        if wanted is not None:
            wanted = msgspec.to_builtins(rules.parse(wanted))
        if seen.attributes.kind == "mix":
            raise Invalid("a mix follows no rule of yours", code="INVALID_RULE")
        await playlists.submit(id, user.user_id, [Set(rule=wanted)])
        await smart.refresh(id)
        return answer({"rule": wanted})

    @router.get("/v1/me/playlists/folders")
    async def get_folders(user: User) -> Response:
        needs(user, "playlist-read-private")
        revision, tree = await folders.get(user.user_id)
        return answer({"revision": revision, "items": tree}, headers=_FRESH)

    @router.put("/v1/me/playlists/folders")
    async def put_folders(request: Request, user: User) -> Response:
        needs(user, _MODIFY)
        wanted = asked.decoded(_folders, await request.body())
        revision = await folders.put(user.user_id, wanted.items, wanted.revision)
        return answer({"revision": revision})

    return router


def _unmatched(it: Match) -> dict[str, Any]:
    return {
        "index": it.index,
        "title": it.line.title,
        "artist": it.line.artist,
        "album": it.line.album,
        "isrc": it.line.isrc,
        "reason": it.reason,
    }
