"""The ASGI application: one request from its path to the API that answers it."""

import logging
from datetime import UTC, datetime
from typing import Any

from emulators.runtime.storage import batch, cors
from emulators.runtime.storage.access import Access
from emulators.runtime.storage.errors import BadRequest, NotFound, Refused, Unauthorized
from emulators.runtime.storage.json_api import JsonApi
from emulators.runtime.storage.sessions import Sessions
from emulators.runtime.storage.signing import Verifier, is_signed
from emulators.runtime.storage.store import Store
from emulators.runtime.storage.uploads import PublicUrl, Uploads
from emulators.runtime.storage.web import (
    Answer,
    Disconnected,
    Receive,
    Request,
    Scope,
    Send,
    decode,
    document,
)
from emulators.runtime.storage.xml_api import XmlApi

log = logging.getLogger("storage")
_JSON_PREFIXES = ("storage", "upload", "download", "batch", "resumable")


class App:
    """Every port serves all of it; what the caller may do depends on the port."""

    def __init__(
        self,
        store: Store,
        access: Access,
        verifier: Verifier,
        public_url: PublicUrl,
        project_number: str,
        health_port: int | None = None,
    ) -> None:
        sessions = Sessions(store)
        self._store = store
        self._access = access
        self._verifier = verifier
        self._health_port = health_port
        self._json = JsonApi(store, project_number)
        self._uploads = Uploads(store, sessions, public_url)
        self._xml = XmlApi(store, sessions, public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
            await answer.send(send, receive, head=request.method == "HEAD")
        except Disconnected:
            return

    async def _answer(self, request: Request) -> Answer:
        if request.method == "OPTIONS":
            return Answer(200, cors.preflight(self._cors(request), request.headers))
        try:
            answer = await self._dispatch(request)
        except Refused as refused:
            answer = _refusal(refused, xml=not _is_json(request.path))
        except Disconnected:
            raise
        except Exception:
            log.exception("%s %s", request.method, request.path)
            answer = _refusal(Refused("Internal error"), xml=not _is_json(request.path))
        if origin := request.headers.get("origin"):
            added = cors.actual(self._cors(request), request.method, origin)
            answer.headers = (*answer.headers, *added)
        return answer

    async def _dispatch(self, request: Request) -> Answer:
        parts = request.path.split("/")[1:]
        caller = self._access.caller(request.port)
        match parts:
            case ["storage", "v1", *rest]:
                return await self._json.answer(request, rest, caller)
            case ["download", "storage", "v1", *rest]:
                return await self._json.answer(request, rest, caller)
            case ["upload", "storage", "v1", "b", bucket, "o"]:
                return await self._uploads.answer(request, decode(bucket), caller)
            case ["resumable", "upload", "storage", "v1", "b", bucket, "o"]:
                return await self._uploads.answer(request, decode(bucket), caller)
            case ["batch", "storage", "v1"] if request.method == "POST":
                return await batch.answer(request, self._answer)
            case ["_health"]:
                return document({"status": "ok"})
            case ["_deliveries"] if self._health_port in (None, request.port):
                return self._deliveries()
            case [bucket, first, *more] if bucket not in _JSON_PREFIXES:
                return await self._xml_answer(request, bucket, [first, *more], caller)
        raise NotFound("Not Found")

    async def _xml_answer(
        self, request: Request, bucket: str, name: list[str], caller: str
    ) -> Answer:
        if "upload_id" in request.query:
            return await self._uploads.session(request, request.query["upload_id"])
        if is_signed(request.query):
            email = self._verifier.signer(request, datetime.now(UTC))
            caller = f"serviceAccount:{email}"
        return await self._xml.answer(request, decode(bucket), decode("/".join(name)), caller)

    def _deliveries(self) -> Answer:
        pending = [
            {
                "id": delivery.id,
                "function": delivery.target,
                "type": delivery.headers.get("ce-type"),
                "subject": delivery.headers.get("ce-subject"),
                "attempts": delivery.attempts,
                "next_at_us": delivery.next_at_us,
                "last_error": delivery.last_error,
            }
            for delivery in self._store.index.deliveries()
        ]
        return document({"pending": pending})

    def _cors(self, request: Request) -> list[dict[str, Any]]:
        parts = request.path.split("/")[1:]
        at = parts.index("b") + 1 if _is_json(request.path) and "b" in parts else 0
        try:
            bucket = self._store.index.bucket(decode(parts[at])) if at < len(parts) else None
        except BadRequest:
            bucket = None
        rules: list[dict[str, Any]] = [*(bucket.settings.get("cors") or ())] if bucket else []
        session = self._store.index.session(request.query.get("upload_id", ""))
        if session is not None and (origin := session.request.get("origin")):
            rules.insert(0, cors.of_session(origin))
        return rules


def _is_json(path: str) -> bool:
    return path.split("/", 2)[1] in _JSON_PREFIXES


def _refusal(refused: Refused, *, xml: bool) -> Answer:
    if refused.status == 304:
        return Answer(304, refused.headers)
    if not xml:
        headers = (("content-type", "application/json; charset=UTF-8"), *refused.headers)
        return Answer(refused.status, headers, refused.as_json())
    status = 403 if isinstance(refused, Unauthorized) else refused.status
    headers = (("content-type", "application/xml; charset=UTF-8"), *refused.headers)
    return Answer(status, headers, refused.as_xml())
