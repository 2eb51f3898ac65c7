"""What an acknowledged write makes of a document: pure, and the same however often it is done.

The server's own answers are used for what depends on the moment (server timestamps, increments,
maximum, minimum), so a write folds to what its caller was told, never to a second increment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.cloud.firestore_v1.field_path import parse_field_path
from google.cloud.firestore_v1.types import document as document_types
from google.cloud.firestore_v1.types import firestore as types
from google.cloud.firestore_v1.types import write as write_types

Document = document_types.Document.pb()
Value = document_types.Value.pb()
Write = write_types.Write.pb()
CommitRequest = types.CommitRequest.pb()
CommitResponse = types.CommitResponse.pb()


@dataclass(frozen=True, slots=True)
class Entry:
    """One write that the server applied, `at` microseconds since the epoch by its clock.

    `write` is a raw `Write`, `results` what its transforms resulted in.
    """

    at: int
    write: Any
    results: Sequence[Any] = ()

    @property
    def document(self) -> str:
        return self.write.update.name or self.write.delete or self.write.transform.document


def entries(request: bytes, response: bytes) -> Iterator[Entry]:
    """The writes of one Commit, in their order."""
    asked, told = CommitRequest.FromString(request), CommitResponse.FromString(response)
    at = micros(told.commit_time)
    for write, result in zip(asked.writes, told.write_results, strict=True):
        yield Entry(at, write, result.transform_results)


def apply(current: Any, entry: Entry) -> Any:
    """The document after `entry`: a new raw `Document`, or None when it is gone.

    `current` is the document before, or None; it is not changed. Preconditions have been
    checked by the server and do not count any more.
    """
    write = entry.write
    operation = write.WhichOneof("operation")
    if operation == "delete":
        return None
    after = Document(name=entry.document)
    if operation == "transform":
        if current is not None:
            after.CopyFrom(current)
        _transform(after, write.transform.field_transforms, entry.results)
        return after
    if write.HasField("update_mask"):
        if current is not None:
            after.CopyFrom(current)
        for path in write.update_mask.field_paths:
            names = parse_field_path(path)
            _put(after.fields, names, _find(write.update.fields, names))
    else:
        after.CopyFrom(write.update)
    _transform(after, write.update_transforms, entry.results)
    after.ClearField("create_time")
    after.ClearField("update_time")
    return after


def _transform(document: Any, transforms: Sequence[Any], results: Sequence[Any]) -> None:
    for number, transform in enumerate(transforms):
        names = parse_field_path(transform.field_path)
        match transform.WhichOneof("transform_type"):
            case "append_missing_elements":
                there = _elements(document, names)
                for value in transform.append_missing_elements.values:
                    if not any(_equal(value, other) for other in there):
                        there.append(value)
                _put(document.fields, names, _array(there))
            case "remove_all_from_array":
                gone = transform.remove_all_from_array.values
                left = [
                    value
                    for value in _elements(document, names)
                    if not any(_equal(value, other) for other in gone)
                ]
                _put(document.fields, names, _array(left))
            case _:
                _put(document.fields, names, results[number])


def _elements(document: Any, names: Sequence[str]) -> list[Any]:
    value = _find(document.fields, names)
    if value is None or value.WhichOneof("value_type") != "array_value":
        return []
    return list(value.array_value.values)


def _array(values: Sequence[Any]) -> Any:
    value = Value()
    value.array_value.SetInParent()
    value.array_value.values.extend(values)
    return value


def _equal(one: Any, other: Any) -> bool:
    """Firestore's equality: numbers by value, all else as it is."""
    a, b = _number(one), _number(other)
    if a is not None and b is not None:
        return a == b
    return one == other


def _number(value: Any) -> int | float | None:
    match value.WhichOneof("value_type"):
        case "integer_value":
            return value.integer_value
        case "double_value":
            return value.double_value
    return None


def _find(fields: Any, names: Sequence[str]) -> Any:
    """The value at a path, or None."""
    for name in names[:-1]:
        if name not in fields or fields[name].WhichOneof("value_type") != "map_value":
            return None
        fields = fields[name].map_value.fields
    return fields.get(names[-1])


def _put(fields: Any, names: Sequence[str], value: Any) -> None:
    """Set the value at a path, making maps on the way; None removes it."""
    for name in names[:-1]:
        if name not in fields or fields[name].WhichOneof("value_type") != "map_value":
            if value is None:
                return
            fields[name].Clear()
            fields[name].map_value.SetInParent()
        fields = fields[name].map_value.fields
    if value is not None:
        fields[names[-1]].CopyFrom(value)
    elif names[-1] in fields:
        del fields[names[-1]]


def micros(timestamp: Any) -> int:
    """A protobuf timestamp as microseconds since the epoch."""
    return timestamp.seconds * 1_000_000 + timestamp.nanos // 1000
