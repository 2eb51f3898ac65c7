"""Messages as BigQuery rows: by the topic's schema, by the table's, or whole in `data`.

Source: https://cloud.google.com/pubsub/docs/bigquery
"""

import base64
import datetime as dt
import io
import json
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import fastavro

from emulators.runtime.pubsub.backlog import Message
from emulators.runtime.pubsub.broker import timestamp
from emulators.runtime.pubsub.topology import Table

Row = dict[str, Any]
Field = Mapping[str, Any]
"""One column as the table's schema tells it: {name, type, mode, fields?}."""


class BadRow(ValueError):
    """The message has no place in the table; says why."""


class Writer:
    """Turns messages of one subscription into rows of its table."""

    def __init__(
        self, subscription: str, table: Table, avro: str | None, encoding: str = "BINARY"
    ) -> None:
        """`subscription` is the full name; `avro` the topic's schema, where it has one.

        Raises:
            BadRow: the subscription uses a topic schema, and there is none.
        """
        if table.use_topic_schema and avro is None:
            raise BadRow(f"{subscription} uses its topic's schema, but the topic has none")
        self._subscription = subscription
        self._table = table
        self._encoding = encoding
        self._avro = fastavro.parse_schema(json.loads(avro)) if avro else None

    def row(self, message: Message) -> Row:
        """The row of one message.

        Raises:
            BadRow: its data does not decode.
        """
        if self._table.use_topic_schema:
            row = decode(message.data, self._avro, self._encoding)
        elif self._table.use_table_schema:
            row = _object(message.data)
        else:
            row = {"data": base64.b64encode(message.data).decode()}
        if self._table.write_metadata:
            row |= {
                "subscription_name": self._subscription,
                "message_id": str(message.id),
                "publish_time": timestamp(message.published_us),
                "attributes": json.dumps(message.attributes, ensure_ascii=False),
            }
        return row


def decode(data: bytes, schema: Any, encoding: str) -> Row:
    """An Avro record, as the JSON that BigQuery takes.

    Raises:
        BadRow: the bytes are not of that schema.
    """
    try:
        if encoding == "JSON":
            record: Any = next(iter(fastavro.json_reader(io.StringIO(data.decode()), schema)))
        else:
            buffer = io.BytesIO(data)
            record = fastavro.schemaless_reader(buffer, schema, None)
            if buffer.read(1):
                raise BadRow("bytes are left over after the record")
    except BadRow:
        raise
    except Exception as error:  # the reader raises whatever the bytes provoke
        raise BadRow(f"not of the topic's schema: {type(error).__name__}: {error}") from error
    if not isinstance(record, dict):
        raise BadRow("the topic's schema is not a record")
    return plain(record)


def plain(value: Any) -> Any:
    """A decoded Avro value as BigQuery's JSON: instants RFC 3339, bytes base64, decimals text."""
    match value:
        case dict():
            return {key: plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case dt.datetime():
            return value.isoformat()
        case dt.date() | dt.time():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case Decimal() | uuid.UUID():
            return str(value)
        case float() if not math.isfinite(value):
            return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return value


def fit(row: Row, fields: Sequence[Field], *, drop_unknown: bool) -> Row:
    """`row` as the table takes it.

    Checked here, because bqemulator takes unknown columns and missing required ones in silence,
    and answers 500 to a wrong type.

    Raises:
        BadRow: a required value is missing, a column unknown, or a type wrong.
    """
    return _record(row, fields, drop_unknown, "")


def _record(row: Any, fields: Sequence[Field], drop_unknown: bool, path: str) -> Row:
    if not isinstance(row, dict):
        raise BadRow(f"{path or 'row'}: not a record")
    by_name = {field["name"].lower(): field for field in fields}
    fitted: Row = {}
    for name, value in row.items():
        field = by_name.get(name.lower())
        if field is not None:
            fitted[field["name"]] = _value(value, field, drop_unknown, f"{path}{field['name']}")
        elif not drop_unknown:
            raise BadRow(f"{path}{name}: no such column")
    for field in fields:
        if field.get("mode") == "REQUIRED" and fitted.get(field["name"]) is None:
            raise BadRow(f"{path}{field['name']}: a required value is missing")
    return fitted


def _value(value: Any, field: Field, drop_unknown: bool, path: str) -> Any:
    if field.get("mode") == "REPEATED":
        if value is None:
            return []
        if not isinstance(value, list) or None in value:
            raise BadRow(f"{path}: not a list without nulls")
        single = {**field, "mode": "NULLABLE"}
        return [_value(inner, single, drop_unknown, path) for inner in value]
    if value is None:
        return None
    kind = field["type"].upper()
    if kind in ("RECORD", "STRUCT"):
        return _record(value, field.get("fields", ()), drop_unknown, f"{path}.")
    if kind in _FITS and not _FITS[kind](value):
        raise BadRow(f"{path}: {value!r:.60} is not {kind}")
    return value


def _object(data: bytes) -> Row:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise BadRow(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadRow("not a JSON object")
    return value


def _is_integer(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"[+-]?\d+", value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return False
        return True
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_instant(value: Any) -> bool:
    if not isinstance(value, str):
        return _is_number(value)
    try:
        dt.datetime.fromisoformat(value.removesuffix(" UTC"))
    except ValueError:
        return False
    return True


_FITS = {
    "STRING": lambda value: isinstance(value, str),
    "BYTES": lambda value: isinstance(value, str),
    "INTEGER": _is_integer,
    "INT64": _is_integer,
    "FLOAT": _is_number,
    "FLOAT64": _is_number,
    "NUMERIC": _is_number,
    "BIGNUMERIC": _is_number,
    "BOOLEAN": lambda value: isinstance(value, bool),
    "BOOL": lambda value: isinstance(value, bool),
    "TIMESTAMP": _is_instant,
    "DATETIME": _is_instant,
}
