"""Release notifications: what they say of the music becomes the catalog's.

A message may be sent again and changes nothing then, so nobody is told anything; what was written
and never told waits in the outbox, and the sweep tells it. A message that was created before
another that described the same release is late, and leaves that release as it is.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from functions.catalog import jsonl, notices
from functions.catalog.batch import Batch
from functions.catalog.imports import MAX_LINES
from functions.catalog.model import Told
from functions.catalog.notices import Notice
from functions.catalog.publication import Publication
from functions.catalog.store import Store
from shared.ddex.message import Problem
from shared.errors import Invalid
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Editor = Annotated[Principal, Depends(requires("catalog:write"))]


def routes(store: Store, batch: Batch, publication: Publication) -> APIRouter:
    """`/v1/catalog/messages`."""
    router = APIRouter()

    @router.post("/v1/catalog/messages")
    async def take_message(editor: Editor, request: Request) -> Response:
        notice = notices.read([await request.body()])
        return answer(await _apply(store, batch, publication, notice))

    return router


async def _apply(
    store: Store, batch: Batch, publication: Publication, notice: Notice
) -> dict[str, Any]:
    ids = {jsonl.ref_id(key, "album"): line for key, line in notice.albums.items()}
    late = await _late(store, notice, set(ids))
    refused = list(notice.problems)
    for id in late:
        message = "a later message has described this release"
        refused.append(Problem(ids[id], id, "STALE_MESSAGE", message))
    good: list[tuple[int, jsonl.Line]] = []
    for at, line in notice.lines:
        if _album_of(line) in late:
            continue
        try:
            good.append((at, jsonl.decode(jsonl.encode(line))))
        except Invalid as error:
            refused.append(Problem(at, line.key or "", error.code, error.message))
    made = changed = unchanged = 0
    for start in range(0, len(good), MAX_LINES):
        slice = good[start : start + MAX_LINES]
        # By place, not by line: two tracks of one release may be one recording.
        out = await batch.apply(list(enumerate(line for _, line in slice)), outbox=True)
        await publication.of_all(out.told)
        made, changed = made + out.made, changed + out.changed
        unchanged += out.unchanged
        for place, error in out.refused.items():
            at, line = slice[place]
            refused.append(Problem(at, line.key or "", error.code, error.message))
    return {
        "message_id": notice.header.message_id,
        "album_ids": [id for id in ids if id not in late],
        "lines": len(notice.lines),
        "made": made,
        "changed": changed,
        "unchanged": unchanged,
        "refused": [
            {"line": it.line, "subject": it.subject, "reason": it.code, "message": it.message}
            for it in sorted(refused, key=lambda it: it.line)
        ],
    }


async def _late(store: Store, notice: Notice, ids: set[str]) -> set[str]:
    """Those of the releases that a later message has described; this one is noted for the rest."""
    header = notice.header
    told = Told(header.message_id, header.created_at)

    def later(known: Told | None) -> Told | None:
        return told if known is None or known.created_at < told.created_at else None

    after = await store.told.update_many(dict.fromkeys(ids, later))
    return {id for id, it in after.items() if it is not None and it.created_at > told.created_at}


def _album_of(line: jsonl.Line) -> str | None:
    if isinstance(line, jsonl.AlbumLine):
        return jsonl.id_of(line, "album")
    return jsonl.ref_id(line.album, "album") if isinstance(line, jsonl.TrackLine) else None
