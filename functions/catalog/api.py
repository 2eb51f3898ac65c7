"""Uploads over HTTP. No byte of a master passes: clients send it to the bucket."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from functions.catalog import uploads
from functions.catalog.masters import Masters
from functions.catalog.naming import MAX_ARTISTS, MAX_NAME_CHARS
from functions.catalog.store import Store
from functions.catalog.uploads import Description, Upload
from functions.catalog.views import upload_view
from shared.errors import Forbidden, NotFound, Unavailable
from shared.ids import parse_id
from shared.web.answers import answer
from shared.web.paging import Paged, page_view
from shared.web.principal import Principal, requires

log = logging.getLogger(__name__)

Uploader = Annotated[Principal, Depends(requires("uploads:write"))]
Client = Annotated[
    str | None,
    Query(
        max_length=64,
        pattern=r"^[0-9A-Za-z-]+$",
        description="Whose: a client's id, or `me`. All of them, for whoever edits the catalog",
    ),
]
MAX_SKIPPED = 10_000
_BEFORE_ALL = "~"
"""Sorts after every place."""
SEES_ALL = "catalog:write"
Name = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME_CHARS, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class NewUpload(BaseModel):
    """A master to come. `sha256` of its bytes, in hex, spares sending what is there already."""

    model_config = ConfigDict(extra="forbid")

    filename: Name
    size_bytes: int = Field(ge=0, le=1 << 50)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    title: Name | None = None
    artists: list[Name] = Field(default_factory=list, max_length=MAX_ARTISTS)
    album: Name | None = None
    isrc: Annotated[str, Field(max_length=40)] | None = None


def routes(
    store: Store,
    masters: Masters,
    public_url: str,
    *,
    max_upload_bytes: int,
    stuck_after: timedelta,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> APIRouter:
    """`/v1/uploads`."""
    router = APIRouter()

    @router.post("/v1/uploads")
    async def create_upload(asked: NewUpload, uploader: Uploader, request: Request) -> Response:
        described = Description(**{**asked.model_dump(), "artists": tuple(asked.artists)})
        upload = uploads.new_upload(
            new_id(),
            new_id(),
            described,
            max_bytes=max_upload_bytes,
            by=uploader.client_id,
            at=now(),
        )
        if upload.sha256 is not None and (known := await store.masters.find(upload.sha256)):
            return answer(
                {
                    "upload_id": known.upload_id,
                    "track_id": known.track_id,
                    "status": uploads.DUPLICATE,
                    "upload_url": None,
                    "expires_at": None,
                }
            )
        # The document first: a session without one would be a master that nobody knows.
        await store.uploads.create(upload.upload_id, upload)
        url = await masters.session(upload, request.headers.get("origin"))
        body = {
            "upload_id": upload.upload_id,
            "track_id": upload.track_id,
            "status": upload.status,
            "upload_url": url,
            "expires_at": upload.created_at + uploads.SESSION_LIFETIME,
        }
        return answer(body, 201, {"cache-control": "no-store"})

    async def current(upload: Upload) -> Upload:
        """The upload, its master's arrival noticed: nobody tells us, so whoever asks looks."""
        if upload.status != uploads.AWAITING_MASTER:
            return upload
        try:
            if not await masters.has(upload.upload_id):
                return upload
        except Unavailable as error:  # what is known is still worth an answer
            log.warning("upload %s: %s", upload.upload_id, error.message, exc_info=error)
            return upload
        after = await store.change_upload(
            upload.upload_id, lambda known: uploads.arrived(known, now(), stuck_after)
        )
        return after or upload

    @router.get("/v1/uploads/{upload_id}")
    async def get_upload(upload_id: str, uploader: Uploader) -> Response:
        upload = await store.uploads.get(parse_id(upload_id, "upload id"))
        if upload.created_by != uploader.client_id and SEES_ALL not in uploader.scopes:
            raise NotFound(f"no upload {upload_id}", code="UPLOAD_NOT_FOUND")
        return answer(upload_view(await current(upload)), headers={"cache-control": "no-store"})

    @router.get("/v1/uploads")
    async def list_uploads(page: Paged, uploader: Uploader, created_by: Client = None) -> Response:
        owner = owner_of(uploader, created_by)
        if owner is None:
            found, total = await asyncio.gather(
                store.uploads.page(
                    "created_at", descending=True, limit=page.limit, offset=page.offset
                ),
                store.uploads.count(),
            )
        else:
            listed = ("listed_for", [owner])
            upto, total = await asyncio.gather(
                store.uploads.scan(
                    listed,
                    order_by="place",
                    descending=True,
                    after=_BEFORE_ALL,
                    limit=min(page.offset, MAX_SKIPPED) + page.limit,
                ),
                store.uploads.count(listed),
            )
            found = upto[page.offset :]
        more = {"created_by": created_by} if created_by else None
        href = f"{public_url}/v1/uploads"
        items = [upload_view(upload) for upload in found]
        return answer(page_view(href, page, items, total, more))

    return router


def owner_of(uploader: Principal, asked: str | None) -> str | None:
    """Whose uploads are listed: one client's, or (None) everybody's.

    Raises:
        Forbidden: another's, of a client that does not edit the catalog (INSUFFICIENT_SCOPE).
    """
    if asked in (None, "me"):
        return None if asked is None and SEES_ALL in uploader.scopes else uploader.client_id
    if asked != uploader.client_id and SEES_ALL not in uploader.scopes:
        raise Forbidden(f"needs scope {SEES_ALL}", code="INSUFFICIENT_SCOPE")
    return asked
