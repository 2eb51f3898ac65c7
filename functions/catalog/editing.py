"""Commands: entities made, changed, merged, split and taken down, one at a time.

A change names the revision that it was decided on (`If-Match: "r3"`, or `*`): when another came
before it is refused with 412 and changes nothing. Bodies are lines (docs/api/catalog-jsonl.md);
a change is a merge patch on the line as it is.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from functions.catalog import artists, domain, jsonl
from functions.catalog.batch import Batch, Outcome
from functions.catalog.errands import Errands
from functions.catalog.jsonl import Id
from functions.catalog.model import Artist
from functions.catalog.placing import Placing
from functions.catalog.publication import Publication
from functions.catalog.reading import Reading
from functions.catalog.store import Store
from shared.errors import Conflict, Invalid, NotFound
from shared.ids import derived_id, parse_id
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Editor = Annotated[Principal, Depends(requires("catalog:write"))]

MAX_MOVED = 500
_REVISION = re.compile(r'(?:W/)?"r([0-9]{1,9})"')
_LINES: dict[str, Callable[[Any], Any]] = {
    "artist": jsonl.artist_line,
    "work": jsonl.work_line,
    "album": jsonl.album_line,
    "track": jsonl.track_line,
}


class Merge(msgspec.Struct, forbid_unknown_fields=True):
    """Which artist is the same."""

    into: Id


class Split(msgspec.Struct, forbid_unknown_fields=True):
    """What goes to whom: to a new artist of that `name`, or to `artist_id`, which also undoes
    its merge."""

    name: jsonl.Text | None = None
    artist_id: Id | None = None
    track_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_MOVED)] = []
    album_ids: Annotated[list[Id], msgspec.Meta(max_length=MAX_MOVED)] = []


class Editing:
    """Carries commands out."""

    def __init__(
        self,
        store: Store,
        reading: Reading,
        batch: Batch,
        placing: Placing,
        errands: Errands,
        publication: Publication,
        *,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reading = reading
        self._batch = batch
        self._placing = placing
        self._errands = errands
        self._publication = publication
        self._new_id = new_id
        self._now = now

    async def load(self, kind: str, id: str) -> Any:
        """An entity as it stands, by its very id: merges are not followed."""
        return await getattr(self._store, f"{kind}s").get(parse_id(id, f"{kind} id"))

    async def create(self, kind: str, body: Any) -> Any:
        """A new entity. Under an id that is taken it is refused (ALREADY_EXISTS)."""
        line = jsonl.convert(body, jsonl.KINDS[kind])
        line.id = jsonl.id_of(line, kind) or self._new_id()
        if await getattr(self._store, f"{kind}s").find(line.id) is not None:
            raise Conflict(f"{kind} {line.id} exists", code="ALREADY_EXISTS")
        made = await self._settle(await self._batch.apply([(0, line)], outbox=True))
        if isinstance(made, Artist):
            await self._placing.claim_name(made)
        return made

    async def change(self, kind: str, id: str, patch: Any, expected: int | None) -> Any:
        """The entity with a merge patch on its line."""
        if not isinstance(patch, dict):
            raise Invalid("a patch is an object", code="INVALID")
        known = await self.load(kind, id)
        domain.expect(known.revision, expected, f"{kind} {id}")
        before = msgspec.to_builtins(_LINES[kind](known))
        if patch.get("id", id) != id or patch.get("type", kind) != kind or "merged_into" in patch:
            raise Invalid("id, type and merged_into are not changed so", code="INVALID")
        if kind == "artist" and "aliases" not in patch:
            del before["aliases"]  # a rename then keeps the old name as one
        line = jsonl.convert(merged_patch(before, patch), jsonl.KINDS[kind])
        out = await self._batch.apply([(0, line)], outbox=True, expected=known.revision)
        after = await self._settle(out)
        if isinstance(after, Artist) and after.name != known.name:
            await self._placing.claim_name(after)
        return after

    async def _settle(self, out: Outcome) -> Any:
        """Tell what was written, and let others follow it; the entity."""
        for error in out.refused.values():
            raise error
        for entity in out.told:
            await self._publication.of(entity)
        for errand in out.errands:
            await self._errands.run(errand)
        return out.entities[0]

    async def merge(self, id: str, into: str, expected: int | None) -> Artist:
        """Let artist `id` be `into` from now on, under all its names and ids."""
        gone = await self.load("artist", id)
        survivor = await self._reading.fresh_artist(parse_id(into, "into"))
        if survivor is None:
            raise NotFound(f"no artist {into}", code="ARTIST_NOT_FOUND")
        at = self._now()
        artists.merged(gone, survivor, at)  # refuses before anything is written
        errand = await self._errands.plan("artist", id)

        def change(known: Artist | None) -> Artist | None:
            if known is None:
                return None
            domain.expect(known.revision, expected, f"artist {id}")
            return artists.merged(known, survivor, at)

        after = await self._store.artists.update(id, change)
        assert after is not None
        self._reading.wrote(after)
        await self._publication.of(after)
        await self._errands.run(errand)
        return await self._store.artists.get(survivor.artist_id)

    async def split(self, id: str, asked: Split, expected: int | None) -> Artist:
        """Give some of an artist's tracks and albums to another; a merged one is itself again."""
        source = await self.load("artist", id)
        domain.expect(source.revision, expected, f"artist {id}")
        ids = tuple(dict.fromkeys((*asked.album_ids, *asked.track_ids)))
        if (asked.name is None) == (asked.artist_id is None):
            raise Invalid("give a name or an artist_id", code="INVALID")
        at = self._now()
        if asked.artist_id is None:
            # The same split asked twice makes one artist.
            new_id = derived_id("split", id, str(source.revision), asked.name or "")
            made = artists.new_artist(new_id, asked.name or "", at)
            target = await self._store.artists.claim(new_id, made)
        else:
            before = await self.load("artist", asked.artist_id)
            restored = await self._store.artists.update(
                before.artist_id,
                lambda known: known and artists.changed_artist(known, at, merged_into=None),
            )
            target = restored or before
            left = await self._store.artists.update(
                id, lambda known: known and artists.letting_go(known, target, at)
            )
            self._reading.wrote(left)
            await self._publication.of(left)
        self._reading.wrote(target)
        await self._publication.of(target)
        errand = await self._errands.plan("move", id, target.artist_id, ids)
        await self._errands.run(errand)
        return target


def merged_patch(target: Any, patch: Any) -> Any:
    """RFC 7396: null takes a member away, which gives it its default again."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged_patch(result.get(name), value)
    return result


IF_MATCH = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "description": "The revision that the change was decided on, or * for any",
            "schema": {"type": "string", "pattern": r'^(\*|"r[0-9]{1,9}")$'},
        }
    ]
}


def routes(editing: Editing) -> APIRouter:
    """`/v1/catalog/{artists,works,albums,tracks}`."""
    router = APIRouter()
    for kind in _LINES:
        _kind_routes(router, editing, kind)

    @router.post("/v1/catalog/artists/{id}/merge", openapi_extra=IF_MATCH)
    async def merge(id: str, editor: Editor, request: Request) -> Response:
        asked = _decode(await request.body(), Merge)
        expected = revision_of(request)
        return _answer("artist", await editing.merge(parse_id(id), asked.into, expected))

    @router.post("/v1/catalog/artists/{id}/split", openapi_extra=IF_MATCH)
    async def split(id: str, editor: Editor, request: Request) -> Response:
        asked = _decode(await request.body(), Split)
        expected = revision_of(request)
        return _answer("artist", await editing.split(parse_id(id), asked, expected), 201)

    return router


def _kind_routes(router: APIRouter, editing: Editing, kind: str) -> None:
    path = f"/v1/catalog/{kind}s"

    @router.post(path)
    async def create(editor: Editor, request: Request) -> Response:
        body = _decode(await request.body(), dict[str, Any])
        return _answer(kind, await editing.create(kind, body), 201)

    @router.get(path + "/{id}")
    async def get(id: str, editor: Editor) -> Response:
        return _answer(kind, await editing.load(kind, id))

    @router.patch(path + "/{id}", openapi_extra=IF_MATCH)
    async def change(id: str, editor: Editor, request: Request) -> Response:
        patch = _decode(await request.body(), dict[str, Any])
        return _answer(kind, await editing.change(kind, id, patch, revision_of(request)))

    if kind != "work":

        @router.delete(path + "/{id}", openapi_extra=IF_MATCH)
        async def take_down(id: str, editor: Editor, request: Request) -> Response:
            expected = revision_of(request)
            return _answer(kind, await editing.change(kind, id, {"removed": True}, expected))


def revision_of(request: Request) -> int | None:
    """The revision in `If-Match`; None for `*`.

    Raises:
        Invalid: there is none (code REVISION_NEEDED), or it is malformed.
    """
    text = request.headers.get("if-match", "").strip()
    if text == "*":
        return None
    match = _REVISION.fullmatch(text)
    if match is None:
        raise Invalid('If-Match needs the revision: "r3", or *', code="REVISION_NEEDED")
    return int(match[1])


def _decode(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid(str(error)[:300], code="INVALID") from error


def _answer(kind: str, entity: Any, status: int = 200) -> Response:
    line = msgspec.to_builtins(_LINES[kind](entity))
    headers = {"etag": f'"r{entity.revision}"', "cache-control": "no-store"}
    return answer({**line, "revision": entity.revision}, status, headers)
