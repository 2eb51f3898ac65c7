"""The XML API's `/{bucket}/{object}`, as far as signed URLs and public reads use it."""

from dataclasses import replace

from emulators.runtime.storage import media
from emulators.runtime.storage.access import ANONYMOUS
from emulators.runtime.storage.draft import Draft
from emulators.runtime.storage.errors import BadRequest, NotFound
from emulators.runtime.storage.json_api import generation_of
from emulators.runtime.storage.names import check_object
from emulators.runtime.storage.preconditions import Preconditions
from emulators.runtime.storage.records import StoredObject, new_fields
from emulators.runtime.storage.sessions import Sessions, hashes_of
from emulators.runtime.storage.store import Store
from emulators.runtime.storage.uploads import PublicUrl
from emulators.runtime.storage.web import Answer, Request

_FIELDS = {
    "content-type": "contentType",
    "cache-control": "cacheControl",
    "content-disposition": "contentDisposition",
    "content-encoding": "contentEncoding",
    "content-language": "contentLanguage",
    "x-goog-custom-time": "customTime",
    "x-goog-storage-class": "storageClass",
}
_META = "x-goog-meta-"


class XmlApi:
    """GET, HEAD, PUT, DELETE of an object and POST that opens a resumable session."""

    def __init__(self, store: Store, sessions: Sessions, public_url: PublicUrl) -> None:
        self._store = store
        self._sessions = sessions
        self._public_url = public_url

    async def answer(self, request: Request, bucket: str, name: str, caller: str) -> Answer:
        """One request for object `name`, as `caller`."""
        preconditions = Preconditions.of_headers(request.headers)
        if request.method in ("GET", "HEAD"):
            return self._get(request, bucket, name, caller, preconditions)
        if request.method == "DELETE":
            generation = generation_of(request.query)
            self._store.delete(bucket, name, caller, preconditions, generation)
            return Answer(204)
        draft = _draft(request, Draft(bucket, check_object(name), caller, {}, preconditions))
        if request.method == "PUT":
            return await self._put(request, draft)
        if request.method == "POST" and request.headers.get("x-goog-resumable") == "start":
            id = self._sessions.start(draft, None, "xml", request.headers.get("origin"))
            location = f"{self._public_url(request)}{request.path}?upload_id={id}"
            return Answer(201, (("location", location), ("x-guploader-uploadid", id)))
        raise BadRequest(
            "The specified method is not allowed against this resource.",
            status=405,
            code="MethodNotAllowed",
        )

    def _get(
        self, request: Request, bucket: str, name: str, caller: str, preconditions: Preconditions
    ) -> Answer:
        try:
            stored = self._store.get(bucket, name, caller, generation_of(request.query))
        except NotFound as error:
            if error.code != "NoSuchKey":
                raise
            raise NotFound(
                "The specified key does not exist.", details={"Details": error.message}
            ) from None
        preconditions.check(stored)
        public = self._store.access.allows(ANONYMOUS, "storage.objects.get", bucket)
        answer = media.answer(self._store.files, stored, request.headers, xml=True, public=public)
        for parameter in ("content-type", "content-disposition"):
            if text := request.query.get(f"response-{parameter}"):
                rest = tuple(pair for pair in answer.headers if pair[0] != parameter)
                answer.headers = (*rest, (parameter, text))
        return answer

    async def _put(self, request: Request, draft: Draft) -> Answer:
        draft = replace(draft, **hashes_of(request.headers))
        self._store.may_create(draft)
        writer = self._store.files.writer()
        try:
            async for chunk in request.chunks():
                await writer.write(chunk)
                if draft.largest_bytes is not None and writer.size > draft.largest_bytes:
                    break
            blob = await writer.finish()
        except BaseException:
            writer.discard()
            raise
        stored: StoredObject = self._store.put(draft, blob)
        return Answer(200, (("etag", media.xml_etag(stored)), *media.stored_headers(stored)))


def _draft(request: Request, draft: Draft) -> Draft:
    headers = request.headers
    resource: dict = {key: headers[header] for header, key in _FIELDS.items() if header in headers}
    metadata = {
        header.removeprefix(_META): text
        for header, text in headers.items()
        if header.startswith(_META)
    }
    if metadata:
        resource["metadata"] = metadata
    resource.setdefault("contentType", "application/octet-stream")
    smallest, largest = 0, None
    if limits := headers.get("x-goog-content-length-range"):
        low, _, high = limits.partition(",")
        if not (low.strip().isdecimal() and high.strip().isdecimal()):
            raise BadRequest("Invalid x-goog-content-length-range.")
        smallest, largest = int(low), int(high)
    return replace(
        draft, fields=new_fields(resource), smallest_bytes=smallest, largest_bytes=largest
    )
