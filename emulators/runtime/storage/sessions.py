"""Resumable uploads: a session takes an object's data in as many requests as it needs.

What a session has is the length of its file, rounded down to 256 KiB: nothing else is kept of its
progress, so it is right after any kill. Source: cloud.google.com/storage/docs/resumable-uploads.
"""

import asyncio
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from emulators.runtime.storage.draft import Draft
from emulators.runtime.storage.errors import BadRequest, NotFound, Refused
from emulators.runtime.storage.files import Writer
from emulators.runtime.storage.index import SessionRow
from emulators.runtime.storage.records import StoredObject
from emulators.runtime.storage.store import Store
from emulators.runtime.storage.web import Request

LIFETIME_S = 7 * 24 * 3600
_PATIENCE_S = 0.25
_CONTENT_RANGE = re.compile(r"bytes\s+(?:\*|(\d+)-(\d+|\*))/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A Content-Range. `start` None asks for the status; `end` is inclusive; None: unknown."""

    start: int | None
    end: int | None
    total: int | None

    @classmethod
    def parse(cls, header: str | None) -> "Piece":
        """No header at all means everything, in one request."""
        if header is None:
            return cls(0, None, None)
        match = _CONTENT_RANGE.fullmatch(header.strip())
        if not match:
            raise BadRequest(f"Failed to parse Content-Range header: {header}")
        start, end, total = (int(part) if part and part != "*" else None for part in match.groups())
        if (
            start is not None
            and end is not None
            and (end < start or (total is not None and end >= total))
        ):
            raise BadRequest(f"Invalid Content-Range header: {header}")
        return cls(start, end, total)


@dataclass(frozen=True, slots=True)
class Progress:
    """More is wanted: `received` bytes are here to stay."""

    received: int


class _Live:
    """A session between and during requests: digest so far, and the request at work."""

    __slots__ = ("task", "writer")

    def __init__(self) -> None:
        self.writer: Writer | None = None
        self.task: asyncio.Task | None = None


class Sessions:
    """The open resumable uploads over `store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live: dict[str, _Live] = {}

    def start(self, draft: Draft, total: int | None, api: str, origin: str | None) -> str:
        """Open a session for `draft`, of `total` bytes if known; its id is the right to write.

        A page of the `origin` that opened it may use it, whatever the bucket's CORS rules say.
        """
        self._store.may_create(draft)
        id = secrets.token_urlsafe(72)
        request = {"draft": draft.as_document(), "total": total, "api": api, "origin": origin}
        row = SessionRow(id, self._store.files.fresh(), self._store.now_us(), request, None)
        with self._store.index.transaction():
            self._store.index.put_session(row)
        return id

    def find(self, id: str) -> SessionRow:
        """Raises NotFound if `id` is unknown or older than a week."""
        row = self._store.index.session(id)
        if row is None or row.created_us < self._store.now_us() - LIFETIME_S * 1_000_000:
            raise NotFound("Upload session not found.", code="NoSuchUpload")
        return row

    async def cancel(self, row: SessionRow) -> None:
        """Forget the session and its data. The answer to that is the odd status 499."""
        live = self._live.pop(row.id, None)
        if live is not None:
            await _stop(live)
        self._close(row, {"status": 499, "reason": "cancelled", "message": "Upload cancelled."})

    async def receive(self, row: SessionRow, request: Request) -> Progress | StoredObject:
        """Take the data of one PUT, or tell the status; the object once it is complete.

        Raises:
            Refused: the session is over, the offset leaves a gap, or the object was refused.
        """
        if row.outcome is not None:
            return self._finished(row)
        piece = Piece.parse(request.headers.get("content-range"))
        total = row.request["total"]
        if total is not None and piece.total is not None and piece.total != total:
            raise BadRequest(
                f"Invalid request. The total size {piece.total} differs from the {total} bytes "
                "given when the session was started."
            )
        live = self._live.setdefault(row.id, _Live())
        if piece.start is None and live.task is not None:
            # Either its connection is lost, which shows within moments, or it is well under way.
            await asyncio.wait([live.task], timeout=_PATIENCE_S)
            if live.task is not None:
                return Progress(live.writer.flushed if live.writer else 0)
        await _stop(live)
        task = live.task = asyncio.ensure_future(self._take(row, live, piece, request))
        try:
            return await task
        except asyncio.CancelledError:
            if live.task is task:
                raise
            raise Refused(
                "Another request has taken over this upload.", status=503, reason="backendError"
            ) from None
        finally:
            if live.task is task:
                live.task = None

    async def _take(
        self, row: SessionRow, live: _Live, piece: Piece, request: Request
    ) -> Progress | StoredObject:
        fresh = self._store.index.session(row.id)
        if fresh is None or fresh.outcome is not None:
            return self._finished(self.find(row.id))
        if live.writer is None:
            live.writer = await self._store.files.resume(row.file)
        writer = live.writer
        total = piece.total if piece.total is not None else row.request["total"]
        if piece.start is None:
            if piece.total is None or piece.total != writer.flushed:
                return Progress(writer.flushed)
        else:
            try:
                whole = await _pour(writer, piece, request)
            except BaseException:
                writer.keep_aligned()
                raise
            if request.headers.get("content-range") is None:
                if total is not None and writer.size != total:
                    writer.keep_aligned()
                    raise BadRequest(f"Got {whole} bytes of {total}.")
            elif piece.total is None or writer.size < piece.total:
                writer.keep_aligned()
                return Progress(writer.flushed)
        live.writer = None
        blob = await writer.finish()
        self._live.pop(row.id, None)
        draft = _with_hashes(Draft.of_document(row.request["draft"]), request.headers)
        try:
            return self._store.put(draft, blob, row)
        except Refused as refused:
            self._close(
                row,
                {
                    "status": refused.status,
                    "reason": refused.reason,
                    "code": refused.code,
                    "message": refused.message,
                },
            )
            raise

    def _finished(self, row: SessionRow) -> StoredObject:
        outcome = row.outcome or {}
        if "status" in outcome:
            text = outcome["message"]
            raise Refused(
                text, status=outcome["status"], reason=outcome["reason"], code=outcome.get("code")
            )
        draft = row.request["draft"]
        stored = self._store.index.object(draft["bucket"], draft["name"])
        if stored is None or stored.generation != outcome.get("generation"):
            raise NotFound("Upload session not found: its object was replaced or deleted.")
        return stored

    def _close(self, row: SessionRow, outcome: Mapping[str, object]) -> None:
        with self._store.index.transaction():
            self._store.index.put_session(replace(row, outcome=outcome))
        self._store.files.delete(row.file)


async def _stop(live: _Live) -> None:
    """End the request at work on this session, if there is one: its client has come back."""
    while (task := live.task) is not None:
        live.task = None
        task.cancel()
        await asyncio.wait([task])


async def _pour(writer: Writer, piece: Piece, request: Request) -> int:
    """Write the request's body after what the session has; how many bytes the body had."""
    start = piece.start or 0
    skip = writer.flushed - start
    if skip < 0:
        raise Refused(
            "Invalid request.  According to the Content-Range header, the upload offset is "
            f"{start} byte(s), which exceeds already uploaded size of {writer.flushed} byte(s).",
            status=503,
            reason="backendError",
        )
    expected = None if piece.end is None else piece.end - start + 1
    got = 0
    async for chunk in request.chunks():
        got += len(chunk)
        if expected is not None and got > expected:
            raise BadRequest("The body is longer than its Content-Range.")
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        await writer.write(memoryview(chunk)[skip:] if skip else chunk)
        skip = 0
    if expected is not None and got < expected:
        raise BadRequest("The body is shorter than its Content-Range.")
    return got


def _with_hashes(draft: Draft, headers: Mapping[str, str]) -> Draft:
    """`draft` with the checksums that the last request announced."""
    found = hashes_of(headers)
    if not found:
        return draft
    return replace(draft, **found)


def hashes_of(headers: Mapping[str, str]) -> dict[str, str]:
    """`{"crc32c": …, "md5": …}` as far as x-goog-hash and Content-MD5 give them."""
    found = {}
    for entry in headers.get("x-goog-hash", "").split(","):
        name, _, value = entry.strip().partition("=")
        if name in ("crc32c", "md5") and value:
            found[name] = value
    if "content-md5" in headers:
        found["md5"] = headers["content-md5"]
    return found
