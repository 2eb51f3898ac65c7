"""Objects in and out: every change is one transaction over the index, the data is there before."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from emulators.runtime.storage.access import Access
from emulators.runtime.storage.draft import Draft
from emulators.runtime.storage.errors import (
    BadRequest,
    NotFound,
    PermissionDenied,
)
from emulators.runtime.storage.files import Files
from emulators.runtime.storage.index import Index, SessionRow
from emulators.runtime.storage.preconditions import NONE, Preconditions
from emulators.runtime.storage.records import Blob, Bucket, StoredObject

FINALIZED = "google.cloud.storage.object.v1.finalized"
DELETED = "google.cloud.storage.object.v1.deleted"
METADATA_UPDATED = "google.cloud.storage.object.v1.metadataUpdated"

_MOST_COMPONENTS = 32


class Outbox(Protocol):
    """Takes note of what happened, inside the transaction in which it happens."""

    def record(self, event_type: str, stored: StoredObject) -> None: ...

    def wake(self) -> None:
        """The transaction is committed: deliveries may start."""
        ...


class Store:
    """The objects of every bucket, for callers that `access` lets."""

    def __init__(
        self,
        index: Index,
        files: Files,
        access: Access,
        outbox: Outbox,
        now_us: Callable[[], int],
    ) -> None:
        self.index = index
        self.files = files
        self.access = access
        self.now_us = now_us
        self._outbox = outbox

    def bucket(self, name: str) -> Bucket:
        """Raises NotFound if there is none of that name."""
        found = self.index.bucket(name)
        if found is None:
            raise NotFound("The specified bucket does not exist.", code="NoSuchBucket")
        return found

    def get(
        self, bucket: str, name: str, member: str, generation: int | None = None
    ) -> StoredObject:
        """The live object, for `member`.

        Raises:
            NotFound: no such object or generation, told only to those who may list the bucket.
            PermissionDenied: `member` may not read it.
        """
        self.bucket(bucket)
        self.access.check(member, "storage.objects.get", bucket)
        return self._live(bucket, name, member, generation)

    def may_create(self, draft: Draft) -> None:
        """Check what can be checked before the data is here.

        Raises:
            NotFound, PermissionDenied, PreconditionFailed: it would be refused later as well.
        """
        self.bucket(draft.bucket)
        self.access.check(draft.member, "storage.objects.create", draft.bucket)
        self._may_replace(draft, self.index.object(draft.bucket, draft.name))

    def put(self, draft: Draft, blob: Blob, session: SessionRow | None = None) -> StoredObject:
        """Make `blob` the live generation of `draft`'s name; on refusal the data is deleted.

        A resumable `session` is marked complete in the same transaction.
        """
        try:
            draft.check_blob(blob)
            self.may_create(draft)
            old = self.index.object(draft.bucket, draft.name)
            with self.index.transaction():
                stored = self._put(draft, blob, old)
                if session is not None:
                    outcome = {"generation": stored.generation}
                    self.index.put_session(replace(session, outcome=outcome))
        except BaseException:
            self.files.delete(blob.file)
            raise
        self._settle(old)
        return stored

    def delete(
        self,
        bucket: str,
        name: str,
        member: str,
        preconditions: Preconditions = NONE,
        generation: int | None = None,
    ) -> None:
        """Delete the live object. Raises NotFound, PreconditionFailed or PermissionDenied."""
        self.bucket(bucket)
        self.access.check(member, "storage.objects.delete", bucket)
        stored = self._live(bucket, name, member, generation)
        preconditions.check(stored)
        _check_hold(stored)
        with self.index.transaction():
            self.index.delete_object(bucket, name)
            self._outbox.record(DELETED, stored)
        self._settle(stored)

    def update(
        self,
        bucket: str,
        name: str,
        member: str,
        change: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        preconditions: Preconditions = NONE,
        generation: int | None = None,
    ) -> StoredObject:
        """Apply `change` to the object's fields; the metageneration rises."""
        self.bucket(bucket)
        self.access.check(member, "storage.objects.update", bucket)
        stored = self._live(bucket, name, member, generation)
        preconditions.check(stored)
        changed = replace(
            stored,
            fields=change(stored.fields),
            metageneration=stored.metageneration + 1,
            updated_us=self.now_us(),
        )
        with self.index.transaction():
            self.index.put_object(changed)
            self._outbox.record(METADATA_UPDATED, changed)
        self._outbox.wake()
        return changed

    def copy(self, source: StoredObject, draft: Draft, *, move: bool = False) -> StoredObject:
        """A new object with the data of `source`; the data itself is shared, not copied."""
        self.may_create(draft)
        if move:
            self.access.check(draft.member, "storage.objects.delete", source.bucket)
            _check_hold(source)
        old = self.index.object(draft.bucket, draft.name)
        blob = replace(source.blob, file=self.files.link(source.blob.file))
        with self.index.transaction():
            stored = self._put(draft, blob, old)
            if move:
                self.index.delete_object(source.bucket, source.name)
                self._outbox.record(DELETED, source)
        self._settle(old, source if move else None)
        return stored

    async def compose(
        self, draft: Draft, sources: Iterable[tuple[str, int | None, Preconditions]]
    ) -> StoredObject:
        """Concatenate up to 32 objects of the bucket: (name, generation, preconditions) each."""
        self.may_create(draft)
        parts: list[StoredObject] = []
        for name, generation, preconditions in sources:
            part = self.get(draft.bucket, name, draft.member, generation)
            preconditions.check(part)
            parts.append(part)
        if not 1 <= len(parts) <= _MOST_COMPONENTS:
            raise BadRequest(
                f"The number of source components provided ({len(parts)}) must be "
                f"between 1 and {_MOST_COMPONENTS}."
            )
        if "contentType" not in draft.fields and "contentType" in parts[0].fields:
            content_type = parts[0].fields["contentType"]
            draft = replace(draft, fields={**draft.fields, "contentType": content_type})
        links: list[str] = []
        try:
            links.extend(self.files.link(part.blob.file) for part in parts)
            blob = await self.files.concatenate(links)
        finally:
            for link in links:
                self.files.delete(link)
        count = sum(part.blob.component_count or 1 for part in parts)
        return self.put(draft, replace(blob, component_count=count))

    def _live(self, bucket: str, name: str, member: str, generation: int | None) -> StoredObject:
        stored = self.index.object(bucket, name)
        if stored is None or (generation is not None and generation != stored.generation):
            self.access.check(member, "storage.objects.list", bucket)
            raise NotFound(f"No such object: {bucket}/{name}")
        return stored

    def _may_replace(self, draft: Draft, old: StoredObject | None) -> None:
        draft.preconditions.check(old)
        if old is not None:
            self.access.check(draft.member, "storage.objects.delete", draft.bucket)
            _check_hold(old)

    def _put(self, draft: Draft, blob: Blob, old: StoredObject | None) -> StoredObject:
        now = self.index.tick(self.now_us())
        stored = StoredObject(draft.bucket, draft.name, now, 1, blob, now, now, draft.fields)
        self.index.put_object(stored)
        if old is not None:
            self._outbox.record(DELETED, old)
        self._outbox.record(FINALIZED, stored)
        return stored

    def _settle(self, *gone: StoredObject | None) -> None:
        for stored in gone:
            if stored is not None:
                self.files.delete(stored.blob.file)
        self._outbox.wake()


def _check_hold(stored: StoredObject) -> None:
    if stored.held:
        kind = "Temporary" if stored.fields.get("temporaryHold") else "Event-Based"
        raise PermissionDenied(
            f"Object '{stored.bucket}/{stored.name}' is under active {kind} hold and cannot be "
            "deleted, overwritten or archived until hold is removed."
        )
