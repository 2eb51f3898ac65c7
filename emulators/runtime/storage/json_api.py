"""The JSON API: buckets and objects as resources.

Source: cloud.google.com/storage/docs/json_api.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulators.runtime.storage import media
from emulators.runtime.storage.buckets_api import BucketsApi
from emulators.runtime.storage.draft import Draft
from emulators.runtime.storage.errors import BadRequest, NotFound
from emulators.runtime.storage.listing import list_page
from emulators.runtime.storage.names import check_object
from emulators.runtime.storage.preconditions import Preconditions, number
from emulators.runtime.storage.records import (
    StoredObject,
    new_fields,
    object_resource,
    patched,
    replaced,
)
from emulators.runtime.storage.store import Store
from emulators.runtime.storage.web import Answer, Request, base_url, decode, document


class JsonApi:
    """Answers `/storage/v1/…` and `/download/storage/v1/…` for the callers of `store`."""

    def __init__(self, store: Store, project_number: str) -> None:
        self._store = store
        self._buckets = BucketsApi(store, project_number)
        self._project_number = project_number

    async def answer(self, request: Request, parts: list[str], caller: str) -> Answer:
        """`parts` is the raw path below `/storage/v1/`, split at its slashes."""
        method = request.method
        match parts:
            case ["b"] | ["b", _] | ["b", _, "iam", "testPermissions"]:
                return await self._buckets.answer(request, parts[1:], caller)
            case ["b", bucket, "o"] if method == "GET":
                return self._list(request, decode(bucket), caller)
            case ["b", bucket, "o", name]:
                return await self._object(request, decode(bucket), decode(name), caller)
            case ["b", bucket, "o", name, "compose"] if method == "POST":
                return await self._compose(request, decode(bucket), decode(name), caller)
            case ["b", bucket, "o", name, "moveTo", "o", target] if method == "POST":
                draft = await self._draft(request, decode(bucket), decode(target), caller)
                return self._copy(request, (decode(bucket), decode(name)), draft, "move")
            case [
                "b",
                bucket,
                "o",
                name,
                "rewriteTo" | "copyTo" as verb,
                "b",
                into,
                "o",
                target,
            ] if method == "POST":
                draft = await self._draft(request, decode(into), decode(target), caller)
                return self._copy(request, (decode(bucket), decode(name)), draft, verb)
            case ["projects", _, "serviceAccount"] if method == "GET":
                email = (
                    f"service-{self._project_number}@gs-project-accounts.iam.gserviceaccount.com"
                )
                return document({"kind": "storage#serviceAccount", "email_address": email})
        raise NotFound("Not Found")

    def _list(self, request: Request, bucket: str, caller: str) -> Answer:
        self._store.bucket(bucket)
        self._store.access.check(caller, "storage.objects.list", bucket)
        page = list_page(self._store.index, bucket, request.query)
        base = base_url(request)
        answer: dict[str, Any] = {"kind": "storage#objects"}
        if page.next_token:
            answer["nextPageToken"] = page.next_token
        if page.prefixes:
            answer["prefixes"] = page.prefixes
        if page.items:
            answer["items"] = [object_resource(stored, base) for stored in page.items]
        return document(answer)

    async def _object(self, request: Request, bucket: str, name: str, caller: str) -> Answer:
        preconditions = Preconditions.of_query(request.query)
        generation = generation_of(request.query)
        match request.method:
            case "GET" | "HEAD":
                stored = self._store.get(bucket, name, caller, generation)
                preconditions.check(stored, reading=True)
                if request.query.get("alt") == "media":
                    return media.answer(
                        self._store.files, stored, request.headers, xml=False, public=False
                    )
                media.check_validators(request.headers, stored.etag, stored.updated_us)
            case "PATCH" | "PUT":
                body = await request.document()
                how = patched if request.method == "PATCH" else replaced
                stored = self._store.update(
                    bucket,
                    name,
                    caller,
                    lambda fields: how(fields, body),
                    preconditions,
                    generation,
                )
            case "DELETE":
                self._store.delete(bucket, name, caller, preconditions, generation)
                return Answer(204)
            case _:
                raise NotFound("Not Found")
        return resource(request, stored)

    async def _compose(self, request: Request, bucket: str, name: str, caller: str) -> Answer:
        body = await request.document()
        listed, target = body.get("sourceObjects"), body.get("destination") or {}
        if not isinstance(listed, list) or not isinstance(target, dict):
            raise BadRequest("Required: sourceObjects", reason="required")
        fields = new_fields(target)
        preconditions = Preconditions.of_query(request.query)
        draft = Draft(bucket, check_object(name), caller, fields, preconditions)
        sources = [_source(entry) for entry in listed]
        return resource(request, await self._store.compose(draft, sources))

    async def _draft(self, request: Request, bucket: str, name: str, caller: str) -> Draft:
        fields = new_fields(await request.document())
        preconditions = Preconditions.of_query(request.query)
        return Draft(bucket, check_object(name), caller, fields, preconditions)

    def _copy(self, request: Request, source: tuple[str, str], draft: Draft, verb: str) -> Answer:
        generation = request.query.get("sourceGeneration")
        found = self._store.get(
            *source, draft.member, number("sourceGeneration", generation) if generation else None
        )
        Preconditions.of_query(request.query, source=True).check(found)
        if not draft.fields:
            carried = {k: v for k, v in found.fields.items() if not k.endswith("Hold")}
            draft = replace(draft, fields=carried)
        stored = self._store.copy(found, draft, move=verb == "move")
        if verb != "rewriteTo":
            return resource(request, stored)
        size = str(stored.blob.size_bytes)
        return document(
            {
                "kind": "storage#rewriteResponse",
                "totalBytesRewritten": size,
                "objectSize": size,
                "done": True,
                "resource": object_resource(stored, base_url(request)),
            }
        )


def resource(request: Request, stored: StoredObject) -> Answer:
    """`stored` as an answer, with its etag."""
    return document(object_resource(stored, base_url(request)), headers=(("etag", stored.etag),))


def generation_of(query: Mapping[str, str]) -> int | None:
    """The generation that a request is about, if it names one."""
    return number("generation", query["generation"]) if query.get("generation") else None


def _source(entry: Any) -> tuple[str, int | None, Preconditions]:
    """(name, generation, preconditions) of one entry of `sourceObjects`."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise BadRequest("Required: sourceObjects[].name", reason="required")
    asked = entry.get("objectPreconditions")
    wanted = asked.get("ifGenerationMatch") if isinstance(asked, dict) else None
    preconditions = Preconditions.of_query(
        {} if wanted is None else {"ifGenerationMatch": str(wanted)}
    )
    generation = entry.get("generation")
    pinned = None if generation is None else number("generation", str(generation))
    return entry["name"], pinned, preconditions
