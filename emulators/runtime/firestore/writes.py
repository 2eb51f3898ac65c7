"""The methods that write, each told as the commits that it amounted to."""

from collections.abc import Iterator
from typing import Any

from google.cloud.firestore_v1.types import firestore as types

from emulators.runtime.firestore.fold import (
    CommitRequest,
    CommitResponse,
    Document,
    Write,
    micros,
)
from emulators.runtime.firestore.journal import Commit

BatchWriteRequest = types.BatchWriteRequest.pb()
BatchWriteResponse = types.BatchWriteResponse.pb()
CreateDocumentRequest = types.CreateDocumentRequest.pb()
UpdateDocumentRequest = types.UpdateDocumentRequest.pb()
DeleteDocumentRequest = types.DeleteDocumentRequest.pb()
WriteRequest = types.WriteRequest.pb()
WriteResponse = types.WriteResponse.pb()


def committed(request: bytes, response: bytes) -> list[Commit]:
    """A Commit. Nothing, if it only ended a reading transaction."""
    told = CommitResponse.FromString(response)
    if not told.write_results:
        return []
    return [Commit(micros(told.commit_time), request, response)]


def batch_written(request: bytes, response: bytes) -> list[Commit]:
    """A BatchWrite, whose writes succeed or fail each for itself, at its own time.

    It must hold no deletes: their answers carry no time.
    """
    told = BatchWriteResponse.FromString(response)
    writes = BatchWriteRequest.FromString(request).writes
    return [
        _commit(write, result, result.update_time)
        for write, result, status in zip(writes, told.write_results, told.status, strict=True)
        if status.code == 0
    ]


def streamed(request: Any, response: Any) -> list[Commit]:
    """One exchange of a Write stream (raw WriteRequest, WriteResponse)."""
    if not request.writes:
        return []
    asked = CommitRequest(writes=request.writes)
    told = CommitResponse(write_results=response.write_results, commit_time=response.commit_time)
    at = micros(response.commit_time)
    return [Commit(at, asked.SerializeToString(), told.SerializeToString())]


def created(request: bytes, response: bytes) -> list[Commit]:
    """A CreateDocument; the answer may be masked, the request holds all fields."""
    made = Document.FromString(response)
    fields = CreateDocumentRequest.FromString(request).document.fields
    write = Write(update=Document(name=made.name, fields=fields))
    return [_commit(write, None, made.update_time)]


def updated(request: bytes, response: bytes) -> list[Commit]:
    """An UpdateDocument."""
    asked, made = UpdateDocumentRequest.FromString(request), Document.FromString(response)
    write = Write(update=asked.document)
    if asked.HasField("update_mask"):
        write.update_mask.CopyFrom(asked.update_mask)
    return [_commit(write, None, made.update_time)]


def deletion(request: bytes) -> bytes:
    """A DeleteDocument as the CommitRequest that does the same, and answers with its time."""
    asked = DeleteDocumentRequest.FromString(request)
    write = Write(delete=asked.name)
    if asked.HasField("current_document"):
        write.current_document.CopyFrom(asked.current_document)
    database = asked.name.partition("/documents/")[0]
    return CommitRequest(database=database, writes=[write]).SerializeToString()


def single_commits(request: Any) -> Iterator[bytes]:
    """A BatchWrite (raw) as one CommitRequest for each of its writes."""
    for write in request.writes:
        yield CommitRequest(database=request.database, writes=[write]).SerializeToString()


def _commit(write: Any, result: Any, at: Any) -> Commit:
    told = CommitResponse(commit_time=at)
    if result is None:
        told.write_results.add()
    else:
        told.write_results.append(result)
    asked = CommitRequest(writes=[write])
    return Commit(micros(at), asked.SerializeToString(), told.SerializeToString())
