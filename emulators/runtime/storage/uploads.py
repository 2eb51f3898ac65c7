"""The JSON API's three ways in: media, multipart, resumable; and the sessions of both APIs."""

from collections.abc import Callable
from dataclasses import replace

from emulators.runtime.storage import media
from emulators.runtime.storage.draft import Draft
from emulators.runtime.storage.errors import BadRequest
from emulators.runtime.storage.json_api import resource
from emulators.runtime.storage.names import check_object
from emulators.runtime.storage.preconditions import Preconditions, number
from emulators.runtime.storage.records import new_fields
from emulators.runtime.storage.related import RelatedParser, boundary_of
from emulators.runtime.storage.sessions import Progress, Sessions, hashes_of
from emulators.runtime.storage.store import Store
from emulators.runtime.storage.web import Answer, Request

PublicUrl = Callable[[Request], str]
"""Where session URLs point: the port that needs no identity, whoever opened the session."""


class Uploads:
    """Answers `/upload/storage/v1/b/{bucket}/o`."""

    def __init__(self, store: Store, sessions: Sessions, public_url: PublicUrl) -> None:
        self._store = store
        self._sessions = sessions
        self._public_url = public_url

    async def answer(self, request: Request, bucket: str, caller: str) -> Answer:
        """One upload, in the way that `uploadType` names; `upload_id` continues a session."""
        query = request.query
        if "upload_id" in query:
            return await self.session(request, query["upload_id"])
        draft = Draft(bucket, query.get("name", ""), caller, {}, Preconditions.of_query(query))
        match query.get("uploadType"):
            case "media":
                return await self._media(request, draft)
            case "multipart":
                return await self._multipart(request, draft)
            case "resumable":
                return await self._start(request, draft)
        raise BadRequest("Required parameter: uploadType", reason="required")

    async def session(self, request: Request, id: str) -> Answer:
        """One request of a resumable session, on either API's URL. Needs no identity."""
        row = self._sessions.find(id)
        if request.method == "DELETE":
            await self._sessions.cancel(row)
            return Answer(499)
        if request.method not in ("PUT", "POST"):
            raise BadRequest("Method not allowed on an upload session.", status=405)
        outcome = await self._sessions.receive(row, request)
        if isinstance(outcome, Progress):
            got = outcome.received
            return Answer(308, (("range", f"bytes=0-{got - 1}"),) if got else ())
        if row.request["api"] == "xml":
            headers = (("etag", media.xml_etag(outcome)), *media.stored_headers(outcome))
            return Answer(200, headers)
        return resource(request, outcome)

    async def _media(self, request: Request, draft: Draft) -> Answer:
        fields = {"contentType": request.headers.get("content-type", "application/octet-stream")}
        if "contentEncoding" in request.query:
            fields["contentEncoding"] = request.query["contentEncoding"]
        check_object(draft.name)
        draft = replace(draft, fields=fields, **hashes_of(request.headers))
        self._store.may_create(draft)
        writer = self._store.files.writer()
        try:
            async for chunk in request.chunks():
                await writer.write(chunk)
            blob = await writer.finish()
        except BaseException:
            writer.discard()
            raise
        return resource(request, self._store.put(draft, blob))

    async def _multipart(self, request: Request, draft: Draft) -> Answer:
        parser = RelatedParser(boundary_of(request.headers.get("content-type", "")))
        writer = self._store.files.writer()
        announced = None
        try:
            async for chunk in request.chunks():
                part = parser.feed(chunk)
                if announced is None and parser.metadata is not None:
                    announced = described(draft, parser.metadata, parser.media_type)
                    self._store.may_create(announced)
                if part:
                    await writer.write(part)
            if announced is None or not parser.complete:
                raise BadRequest("Malformed multipart body.", reason="badContent")
            blob = await writer.finish()
        except BaseException:
            writer.discard()
            raise
        announced = replace(announced, **hashes_of(request.headers))
        return resource(request, self._store.put(announced, blob))

    async def _start(self, request: Request, draft: Draft) -> Answer:
        headers = request.headers
        media_type = headers.get("x-upload-content-type")
        draft = described(draft, await request.document(), media_type)
        text = headers.get("x-upload-content-length")
        total = number("X-Upload-Content-Length", text) if text else None
        id = self._sessions.start(draft, total, "json", headers.get("origin"))
        path = f"/upload/storage/v1/b/{draft.bucket}/o?uploadType=resumable&upload_id={id}"
        location = self._public_url(request) + path
        return Answer(200, (("location", location), ("x-guploader-uploadid", id)))


def described(draft: Draft, metadata: dict, media_type: str | None) -> Draft:
    """`draft` as the client's own object resource describes it; the query's name wins."""
    fields = new_fields(metadata)
    fields.setdefault("contentType", media_type or "application/octet-stream")
    name = draft.name or metadata.get("name")
    return replace(
        draft,
        name=check_object(name if isinstance(name, str) else ""),
        fields=fields,
        crc32c=metadata.get("crc32c"),
        md5=metadata.get("md5Hash"),
    )
