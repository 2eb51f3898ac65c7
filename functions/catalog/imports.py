"""Bulk import in chunks, and export: JSON Lines in both directions (docs/api/catalog-jsonl.md).

A chunk is answered when it is written and told. Sent again, a finished chunk is only read; one
that was cut short is done again, which changes nothing twice. So a client resumes by sending
whatever it has no answer for, and its pace is ours.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse

from functions.catalog import jsonl
from functions.catalog.batch import Batch
from functions.catalog.model import Chunk, Import, Lyrics, Refusal
from functions.catalog.store import Store
from shared.errors import Conflict, Invalid, TooLarge
from shared.ids import parse_id
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Editor = Annotated[Principal, Depends(requires("catalog:write"))]
Number = Annotated[int, Path(ge=0, le=999_999)]

MAX_LINES = 1000
MAX_LINE_BYTES = 1 << 20
"""Lyrics of the greatest length, every character escaped, fit."""
PAGE = 300
_EXPORTED = {
    "artists": (jsonl.artist_line, "artist_id"),
    "works": (jsonl.work_line, "work_id"),
    "albums": (jsonl.album_line, "album_id"),
    "tracks": (jsonl.track_line, "track_id"),
}


@dataclass(frozen=True, slots=True)
class Importing:
    """Takes chunks."""

    store: Store
    batch: Batch

    async def chunk(self, import_id: str, number: int, body: bytes) -> Chunk:
        """Apply one chunk of at most `MAX_LINES` lines; blank ones count and say nothing.

        Raises:
            NotFound: no such import.
            TooLarge: too many lines, or one too long.
            Conflict: other lines came under that number before (code CHUNK_DIFFERS).
        """
        await self.store.imports.get(import_id)
        lines = body.split(b"\n")
        if len(lines) > MAX_LINES + 1 or (len(lines) == MAX_LINES + 1 and lines[-1]):
            raise TooLarge(f"a chunk has at most {MAX_LINES} lines", code="TOO_MANY_LINES")
        digest = hashlib.sha256(body).hexdigest()
        id = f"{import_id}-{number:06d}"
        fresh = Chunk(import_id, number, digest, False, 0, 0, 0, 0, ())
        known = await self.store.chunks.find(id)
        if known is None:
            await self.store.chunks.put(id, fresh)
        elif known.digest != digest:
            message = f"chunk {number} was sent before with other lines"
            raise Conflict(message, code="CHUNK_DIFFERS")
        elif known.done:
            return known
        done = await self._apply(fresh, lines, again=known is not None)
        await self.store.chunks.put(id, done)
        return done

    async def _apply(self, chunk: Chunk, lines: list[bytes], *, again: bool) -> Chunk:
        refused: list[Refusal] = []
        good: list[tuple[int, jsonl.Line]] = []
        for number, text in enumerate(lines, 1):
            if not text.strip():
                continue
            try:
                if len(text) > MAX_LINE_BYTES:
                    raise Invalid(f"longer than {MAX_LINE_BYTES} bytes", code="LINE_TOO_LONG")
                good.append((number, jsonl.decode(text)))
            except Invalid as error:
                refused.append(Refusal(number, error.code, error.message))
        out = await self.batch.apply(good, tell_all=again)
        refused += [Refusal(at, it.code, it.message) for at, it in out.refused.items()]
        return replace(
            chunk,
            done=True,
            lines=len(good) + len(refused) - len(out.refused),
            made=out.made,
            changed=out.changed,
            unchanged=out.unchanged,
            refused=tuple(sorted(refused, key=lambda it: it.line)),
        )

    async def chunks(self, import_id: str) -> AsyncIterator[Chunk]:
        """An import's chunks, by number."""
        after: str = f"{import_id}-"
        while True:
            page = await self.store.chunks.scan(after=after, limit=100)
            for chunk in page:
                if chunk.import_id != import_id:
                    return
                yield chunk
                after = f"{import_id}-{chunk.number:06d}"
            if len(page) < 100:
                return

    async def totals(self, it: Import) -> dict[str, Any]:
        """How far an import is; `next_chunk` is the first that is not done."""
        done: set[int] = set()
        total = {"lines": 0, "made": 0, "changed": 0, "unchanged": 0, "refused": 0}
        async for chunk in self.chunks(it.import_id):
            if chunk.done:
                done.add(chunk.number)
                for name in ("lines", "made", "changed", "unchanged"):
                    total[name] += getattr(chunk, name)
                total["refused"] += len(chunk.refused)
        first = next(number for number in range(len(done) + 1) if number not in done)
        made = {"import_id": it.import_id, "created_at": it.created_at}
        return {**made, "chunks": len(done), "next_chunk": first, **total}


def routes(
    store: Store,
    batch: Batch,
    public_url: str,
    *,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> APIRouter:
    """`/v1/catalog/imports` and `/v1/catalog/export`."""
    router = APIRouter()
    importing = Importing(store, batch)

    @router.post("/v1/catalog/imports")
    async def create_import(editor: Editor) -> Response:
        made = Import(new_id(), editor.client_id, now())
        await store.imports.create(made.import_id, made)
        url = f"{public_url}/v1/catalog/imports/{made.import_id}/chunks/"
        body = {"import_id": made.import_id, "chunks_url": url, "max_lines": MAX_LINES}
        return answer(body, 201)

    @router.get("/v1/catalog/imports/{import_id}")
    async def get_import(import_id: str, editor: Editor) -> Response:
        it = await store.imports.get(parse_id(import_id, "import id"))
        return answer(await importing.totals(it), headers={"cache-control": "no-store"})

    @router.put("/v1/catalog/imports/{import_id}/chunks/{number}")
    async def put_chunk(
        import_id: str, number: Number, editor: Editor, request: Request
    ) -> Response:
        id, body = parse_id(import_id, "import id"), await request.body()
        return answer(await importing.chunk(id, number, body))

    @router.get("/v1/catalog/imports/{import_id}/errors")
    async def get_errors(import_id: str, editor: Editor) -> Response:
        it = await store.imports.get(parse_id(import_id, "import id"))

        async def lines() -> AsyncIterator[bytes]:
            async for chunk in importing.chunks(it.import_id):
                for error in chunk.refused:
                    refusal = {"chunk": chunk.number, "line": error.line}
                    refusal |= {"reason": error.reason, "message": error.message}
                    yield jsonl.encode(refusal) + b"\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    @router.get("/v1/catalog/export")
    async def export(editor: Editor, request: Request) -> Response:
        """The whole catalog; `?after=albums/ID` goes on behind the last line that came."""
        kind, id = _place(request.query_params.get("after"))
        return StreamingResponse(_exported(store, kind, id), media_type="application/x-ndjson")

    return router


def _place(after: str | None) -> tuple[str, str | None]:
    kind, _, id = (after or "artists").partition("/")
    if kind not in _EXPORTED:
        raise Invalid("after is artists/ID, works/ID, albums/ID or tracks/ID", code="INVALID_AFTER")
    return kind, parse_id(id, "after") if id else None


async def _exported(store: Store, kind: str, after: str | None) -> AsyncIterator[bytes]:
    names = list(_EXPORTED)
    for name in names[names.index(kind) :]:
        line, id_field = _EXPORTED[name]
        documents: Any = getattr(store, name)
        words = _Words(store, after)
        while page := await documents.scan(after=after, limit=PAGE):
            ids = [getattr(it, id_field) for it in page]
            if name == "tracks":
                found = await words.upto(ids[-1])
                lines = [jsonl.track_line(it, found.get(it.track_id)) for it in page]
            else:
                lines = [line(it) for it in page]
            yield b"".join(jsonl.encode(it) + b"\n" for it in lines)
            after = ids[-1]
            await asyncio.sleep(0)
        after = None


class _Words:
    """Lyrics in the order of their tracks, read beside them: most tracks have none, and to ask
    for those of each would cost a read each."""

    def __init__(self, store: Store, after: str | None) -> None:
        self._documents = store.lyrics
        self._after = after
        self._ahead: list[Lyrics] = []
        self._ended = False

    async def upto(self, track_id: str) -> dict[str, Lyrics]:
        """Those of tracks after the last ones, up to `track_id`."""
        found: dict[str, Lyrics] = {}
        while True:
            while self._ahead and self._ahead[0].track_id <= track_id:
                it = self._ahead.pop(0)
                found[it.track_id] = it
            if self._ahead or self._ended:
                return found
            self._ahead = await self._documents.scan(after=self._after, limit=PAGE)
            self._ended = len(self._ahead) < PAGE
            if self._ahead:
                self._after = self._ahead[-1].track_id
