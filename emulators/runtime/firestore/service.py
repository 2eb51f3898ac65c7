"""The Firestore API as callers see it: IAM, then the emulator, then the journal, then the answer.

Why in that order. A write is journalled after the emulator applied it and before the caller is
told. Whichever process is killed, nothing acknowledged is lost, and nothing is applied twice:

- the emulator dies: what it applied and this process saw is in the journal; what nobody saw is
  gone with it, and its caller was told UNAVAILABLE;
- this process dies between the two: the emulator holds a write that is not in the journal and
  was not acknowledged. The next process empties the emulator and puts the journal's documents
  back, so that write is undone rather than half remembered;
- both die: the same.

A caller that hangs up does not stop a write that is on its way: it is seen through and
journalled, so that the emulator never holds what the journal does not.

Documents are put back as they stood (see `fold`), not by repeating calls, so an increment counts
once. Their update times are new: a precondition on an update time from before fails, and the
caller reads again, as after any lost race.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime
from typing import Any

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from google.rpc import status_pb2

from emulators.iam import OPERATOR
from emulators.runtime.firestore import ttl, writes
from emulators.runtime.firestore.access import SERVICE, Access
from emulators.runtime.firestore.indexes import Indexes, IndexNeeded
from emulators.runtime.firestore.journal import Commit, Journal
from emulators.runtime.firestore.rebuild import OWNER
from emulators.runtime.grpc_proxy import Call, Refused, UnaryHandler
from emulators.runtime.upstream import Upstream, patience_s

log = logging.getLogger(__name__)

_EMPTY = empty_pb2.Empty().SerializeToString()
LARGEST_REQUEST_BYTES = 4 << 20
_LONGEST_S = 60.0
_PASSED_ON = ("GetDocument", "ListDocuments", "ListCollectionIds", "BeginTransaction", "Rollback")


class FirestoreService:
    def __init__(
        self, access: Access, journal: Journal, indexes: Indexes, upstream: Upstream
    ) -> None:
        self._access = access
        self._journal = journal
        self._indexes = indexes
        self._upstream = upstream
        self._under_way: set[asyncio.Task[bytes]] = set()
        self._handlers: dict[str, UnaryHandler] = {
            SERVICE + "Commit": self._kept(writes.committed),
            SERVICE + "BatchWrite": self._batch_write,
            SERVICE + "CreateDocument": self._kept(writes.created),
            SERVICE + "UpdateDocument": self._kept(writes.updated),
            SERVICE + "DeleteDocument": self._delete_document,
            **{SERVICE + method: self._pass for method in _PASSED_ON},
        }

    def unary(self, path: str) -> UnaryHandler | None:
        return self._handlers.get(path)

    async def stream(self, call: Call, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        self._access.check(call.member, call.path)
        if call.path == SERVICE + "Write":
            responses = self._write(call, requests)
        elif call.method in ("RunQuery", "RunAggregationQuery"):
            responses = self._query(call, requests)
        else:
            responses = self._upstream.stream(call, requests)
        async with contextlib.aclosing(responses):
            async for response in responses:
                yield response

    async def _pass(self, call: Call, request: bytes) -> bytes:
        self._access.check(call.member, call.path)
        return await self._upstream.unary(call, request)

    def _kept(self, told_as: Callable[[bytes, bytes], list[Commit]]) -> UnaryHandler:
        async def handler(call: Call, request: bytes) -> bytes:
            self._access.check(call.member, call.path)
            return await self._see_through(call, call.path, request, told_as)

        return handler

    async def _delete_document(self, call: Call, request: bytes) -> bytes:
        self._access.check(call.member, call.path)
        await self._commit(call, writes.deletion(request))
        return _EMPTY

    async def _batch_write(self, call: Call, request: bytes) -> bytes:
        parsed = writes.BatchWriteRequest.FromString(request)
        if not any(write.delete for write in parsed.writes):
            return await self._kept(writes.batch_written)(call, request)
        self._access.check(call.member, call.path)
        # A deletion in a BatchWrite is answered without its time, and the journal needs it.
        answers = await asyncio.gather(
            *(self._commit(call, single) for single in writes.single_commits(parsed)),
            return_exceptions=True,
        )
        response = writes.BatchWriteResponse()
        for answer in answers:
            result, status = response.write_results.add(), response.status.add()
            if isinstance(answer, bytes):
                told = writes.CommitResponse.FromString(answer)
                result.CopyFrom(told.write_results[0])
            else:
                status.CopyFrom(_status(answer))
        return response.SerializeToString()

    async def _commit(self, call: Call, request: bytes) -> bytes:
        return await self._see_through(call, SERVICE + "Commit", request, writes.committed)

    async def _see_through(
        self, call: Call, path: str, request: bytes, told_as: Callable[[bytes, bytes], list[Commit]]
    ) -> bytes:
        """Write, journal, answer; goes on to the end even if the caller does not wait for it."""
        if len(request) > LARGEST_REQUEST_BYTES:
            # The emulator's own word, RESOURCE_EXHAUSTED, makes clients try again for 40 s.
            raise Refused(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"the request has {len(request)} bytes; the emulator takes {LARGEST_REQUEST_BYTES}"
                " (the service 10 MiB)",
            )
        channel = await self._upstream.channel(patience_s(call))

        async def write() -> bytes:
            with self._upstream.using():
                method = channel.unary_unary(path)
                response = await method(request, metadata=call.metadata, timeout=_LONGEST_S)
                kept = self._journal.keep(told_as(request, response))
            await kept
            return response

        task = asyncio.ensure_future(write())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _write(self, call: Call, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """A Write stream: each request is answered by one response, in order."""
        asked: deque[Any] = deque()

        async def noted() -> AsyncIterator[bytes]:
            async for request in requests:
                asked.append(writes.WriteRequest.FromString(request))
                yield request

        channel = await self._upstream.channel(patience_s(call))
        running = channel.stream_stream(call.path)(noted(), metadata=call.metadata)
        try:
            while True:
                with self._upstream.using():
                    response = await running.read()
                    if not isinstance(response, bytes):  # grpc.aio.EOF
                        return
                    told = writes.WriteResponse.FromString(response)
                    kept = self._journal.keep(writes.streamed(asked.popleft(), told))
                await asyncio.shield(kept)
                yield response
        finally:
            running.cancel()

    async def expire(self, database: str, collection: str, field: str, now: datetime) -> int:
        """Delete documents of `collection` whose `field` is an instant before `now`: the TTL.

        Gives how many. One that changes meanwhile is left alone.
        """
        call = Call(OPERATOR, SERVICE + "RunQuery", OWNER, None)
        channel = await self._upstream.channel()
        running = channel.unary_stream(call.path)(
            ttl.query(database, collection, field, now), metadata=OWNER, timeout=_LONGEST_S
        )
        deletions = [ttl.deletion(database, found) async for found in ttl.documents(running)]
        done = await asyncio.gather(
            *(self._commit(call, deletion) for deletion in deletions), return_exceptions=True
        )
        return sum(isinstance(answer, bytes) for answer in done)

    async def _query(self, call: Call, requests: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """A query: one request, any number of responses."""
        # Not checked in an iterator that gRPC reads: it swallows what those raise, and waits.
        request = await anext(aiter(requests))
        try:
            self._indexes.check(call.method, request)
        except IndexNeeded as needed:
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, str(needed)) from needed
        channel = await self._upstream.channel(patience_s(call))
        method = channel.unary_stream(call.path)
        running = method(request, metadata=call.metadata, timeout=call.timeout_s)
        try:
            async for response in running:
                yield response
        finally:
            running.cancel()


def _status(error: BaseException) -> status_pb2.Status:
    if isinstance(error, grpc.aio.AioRpcError):
        return status_pb2.Status(code=error.code().value[0], message=error.details() or "")
    if isinstance(error, Refused):
        return status_pb2.Status(code=error.status.value[0], message=error.text)
    raise error
