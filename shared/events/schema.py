"""Avro and BigQuery schemas, topic and table names, all derived from an event's dataclass."""

import dataclasses
import re
import types
from datetime import date, datetime
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

NAMESPACE = "segue.events"

_AVRO: dict[type, Any] = {
    str: "string",
    int: "long",
    float: "double",
    bool: "boolean",
    bytes: "bytes",
    datetime: {"type": "long", "logicalType": "timestamp-micros"},
}
_BIGQUERY = {
    str: "STRING",
    int: "INTEGER",
    float: "FLOAT",
    bool: "BOOLEAN",
    bytes: "BYTES",
    datetime: "TIMESTAMP",
    date: "DATE",
}


class NotAnEventType(TypeError):
    """A field's type has no Avro and BigQuery form."""


def topic_of(event: object | type) -> str:
    """`TrackPlayed` → `track-played`. Takes the class or an instance."""
    return _words(event, "-")


def table_of(event: object | type) -> str:
    """`TrackPlayed` → `track_played`."""
    return _words(event, "_")


def _words(event: object | type, separator: str) -> str:
    name = (event if isinstance(event, type) else type(event)).__name__
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", separator, name).lower()


@cache
def avro_schema(event: type) -> dict[str, Any]:
    """The Avro record of dataclass `event` (Avro 1.11 specification, records and unions).

    A tuple is an array; `X | None` is a union with default null, so that fields may be added.

    Raises:
        NotAnEventType: a field is none of str, int, float, bool, bytes, datetime, a frozen
            dataclass, a tuple of those, or one of them or None.
    """
    named: set[str] = set()
    return _record(event, named)


def _record(event: type, named: set[str]) -> dict[str, Any]:
    named.add(event.__name__)
    hints = get_type_hints(event)
    fields: list[dict[str, Any]] = []
    for field in dataclasses.fields(event):
        kind, nullable, repeated = unwrap(hints[field.name])
        inner = _avro_of(kind, named)
        if repeated:
            fields.append({"name": field.name, "type": {"type": "array", "items": inner}})
        elif nullable:
            fields.append({"name": field.name, "type": ["null", inner], "default": None})
        else:
            fields.append({"name": field.name, "type": inner})
    return {"type": "record", "name": event.__name__, "namespace": NAMESPACE, "fields": fields}


def _avro_of(kind: type, named: set[str]) -> Any:
    if kind in _AVRO:
        return _AVRO[kind]
    if dataclasses.is_dataclass(kind):
        # Avro names a record once; later mentions are by full name.
        return f"{NAMESPACE}.{kind.__name__}" if kind.__name__ in named else _record(kind, named)
    raise NotAnEventType(repr(kind))


@cache
def bigquery_schema(event: type) -> tuple[dict[str, Any], ...]:
    """The columns of the event's table, as a BigQuery subscription with the topic schema fills."""
    hints = get_type_hints(event)
    columns: list[dict[str, Any]] = []
    for field in dataclasses.fields(event):
        kind, nullable, repeated = unwrap(hints[field.name])
        mode = "REPEATED" if repeated else "NULLABLE" if nullable else "REQUIRED"
        if kind in _BIGQUERY:
            columns.append({"name": field.name, "type": _BIGQUERY[kind], "mode": mode})
        elif dataclasses.is_dataclass(kind):
            columns.append(
                {
                    "name": field.name,
                    "type": "RECORD",
                    "mode": mode,
                    "fields": list(bigquery_schema(kind)),
                }
            )
        else:
            raise NotAnEventType(f"{event.__name__}.{field.name}: {kind!r}")
    return tuple(columns)


def unwrap(hint: Any) -> tuple[type, bool, bool]:
    """A field's type as (inner type, nullable, repeated)."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = [arg for arg in get_args(hint) if arg is not type(None)]
        if len(inner) != 1 or len(get_args(hint)) != 2:
            raise NotAnEventType(repr(hint))
        return inner[0], True, False
    if origin is tuple:
        item, dots = get_args(hint)
        if dots is not Ellipsis:
            raise NotAnEventType(repr(hint))
        return item, False, True
    return hint, False, False
