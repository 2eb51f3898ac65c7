"""The JSON API's buckets: listed, made, changed, deleted; and what the caller may do there."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulators.runtime.storage.errors import Conflict, NotFound
from emulators.runtime.storage.names import check_bucket
from emulators.runtime.storage.preconditions import Preconditions
from emulators.runtime.storage.records import Bucket, bucket_resource
from emulators.runtime.storage.store import Store
from emulators.runtime.storage.web import Answer, Request, base_url, decode, document

_COMPUTED = (
    "kind",
    "id",
    "selfLink",
    "name",
    "projectNumber",
    "etag",
    "metageneration",
    "location",
)


class BucketsApi:
    """Answers `/storage/v1/b` and `/storage/v1/b/{bucket}`."""

    def __init__(self, store: Store, project_number: str) -> None:
        self._store = store
        self._project_number = project_number

    async def answer(self, request: Request, parts: list[str], caller: str) -> Answer:
        """`parts` is the raw path below `/storage/v1/b/`, split at its slashes."""
        match parts:
            case [] if request.method == "GET":
                return self._list(request, caller)
            case [] if request.method == "POST":
                return self._insert(request, caller, await request.document())
            case [bucket]:
                return await self._bucket(request, decode(bucket), caller)
            case [bucket, "iam", "testPermissions"] if request.method == "GET":
                return self._test_permissions(request, decode(bucket), caller)
        raise NotFound("Not Found")

    def _list(self, request: Request, caller: str) -> Answer:
        prefix = request.query.get("prefix", "")
        items = [
            bucket_resource(bucket, base_url(request), self._project_number)
            for bucket in self._store.index.buckets()
            if bucket.name.startswith(prefix)
            and self._store.access.allows(caller, "storage.buckets.get", bucket.name)
        ]
        return document({"kind": "storage#buckets", "items": items})

    def _insert(self, request: Request, caller: str, body: dict[str, Any]) -> Answer:
        name = check_bucket(str(body.get("name", "")))
        self._store.access.check(caller, "storage.buckets.create", name)
        if self._store.index.bucket(name):
            raise Conflict(
                "Your previous request to create the named bucket succeeded and you already own it."
            )
        now = self._store.now_us()
        location = str(body.get("location", "US")).upper()
        bucket = Bucket(name, location, now, 1, _settings(body))
        with self._store.index.transaction():
            self._store.index.put_bucket(bucket)
        return document(bucket_resource(bucket, base_url(request), self._project_number))

    async def _bucket(self, request: Request, name: str, caller: str) -> Answer:
        index, access = self._store.index, self._store.access
        bucket = self._store.bucket(name)
        preconditions = Preconditions.of_query(request.query)
        match request.method:
            case "GET":
                access.check(caller, "storage.buckets.get", name)
                preconditions.check_metageneration(bucket.metageneration, reading=True)
            case "PATCH" | "PUT":
                access.check(caller, "storage.buckets.update", name)
                preconditions.check_metageneration(bucket.metageneration)
                kept = bucket.settings if request.method == "PATCH" else {}
                settings = {**kept, **_settings(await request.document())}
                bucket = replace(
                    bucket,
                    metageneration=bucket.metageneration + 1,
                    settings={key: value for key, value in settings.items() if value is not None},
                )
                with index.transaction():
                    index.put_bucket(bucket)
            case "DELETE":
                access.check(caller, "storage.buckets.delete", name)
                preconditions.check_metageneration(bucket.metageneration)
                if index.objects(name, "", None, 1):
                    raise Conflict("The bucket you tried to delete is not empty.")
                with index.transaction():
                    index.delete_bucket(name)
                return Answer(204)
            case _:
                raise NotFound("Not Found")
        return document(bucket_resource(bucket, base_url(request), self._project_number))

    def _test_permissions(self, request: Request, name: str, caller: str) -> Answer:
        self._store.bucket(name)
        asked = request.query_list("permissions")
        held = [p for p in asked if self._store.access.allows(caller, p, name)]
        answer: dict[str, Any] = {"kind": "storage#testIamPermissionsResponse"}
        return document({**answer, "permissions": held} if held else answer)


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in _COMPUTED}
