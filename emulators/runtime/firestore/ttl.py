"""TTL policies: which documents are due to go. The emulator never deletes any.

Source: https://cloud.google.com/firestore/docs/ttl
"""

from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from typing import Any

from google.cloud.firestore_v1.types import firestore as types
from google.cloud.firestore_v1.types import query as query_types
from google.protobuf import timestamp_pb2

from emulators.graph import Graph
from emulators.iam import short_name
from emulators.runtime.firestore.fold import CommitRequest, Write

AT_ONCE = 300
_Query = query_types.StructuredQuery
_RunQueryRequest = types.RunQueryRequest.pb()
_RunQueryResponse = types.RunQueryResponse.pb()


def fields(graph: Graph) -> list[tuple[str, str, str]]:
    """(database's full name, collection, field) of every field with a TTL policy."""
    found: list[tuple[str, str, str]] = []
    for resource in graph.all("gcp:firestore/field:Field"):
        if resource.get("ttlConfig") is not None:
            name = short_name(resource.get("database") or "(default)")
            database = f"projects/{graph.project}/databases/{name}"
            found.append((database, resource["collection"], resource["field"]))
    return found


def query(database: str, collection: str, field: str, now: datetime) -> bytes:
    """The RunQueryRequest for the first documents that are due, wherever they are nested."""
    at = timestamp_pb2.Timestamp()
    at.FromDatetime(now)
    request = _RunQueryRequest(parent=f"{database}/documents")
    structured = request.structured_query
    structured.from_.add(collection_id=collection, all_descendants=True)
    due = structured.where.field_filter
    due.field.field_path = field
    due.op = int(_Query.FieldFilter.Operator.LESS_THAN_OR_EQUAL)
    due.value.timestamp_value.CopyFrom(at)
    structured.limit.value = AT_ONCE
    return request.SerializeToString()


async def documents(responses: AsyncIterable[bytes]) -> AsyncIterator[Any]:
    """The raw documents in a query's responses."""
    async for response in responses:
        parsed = _RunQueryResponse.FromString(response)
        if parsed.HasField("document"):
            yield parsed.document


def deletion(database: str, document: Any) -> bytes:
    """The CommitRequest that deletes `document`, unless it has changed."""
    write = Write(delete=document.name)
    write.current_document.update_time.CopyFrom(document.update_time)
    return CommitRequest(database=database, writes=[write]).SerializeToString()
