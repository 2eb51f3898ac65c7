import datetime as dt
import io
import json

import fastavro
import pytest

from emulators.runtime.pubsub.backlog import Message
from emulators.runtime.pubsub.rows import BadRow, Writer, decode, fit, plain
from emulators.runtime.pubsub.topology import Table

SCHEMA = {
    "type": "record",
    "name": "R",
    "fields": [
        {"name": "s", "type": "string"},
        {"name": "n", "type": ["null", "long"], "default": None},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    ],
}
PARSED = fastavro.parse_schema(SCHEMA)
AT = dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
RECORD = {"s": "x", "n": None, "at": AT}


def _binary() -> bytes:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, PARSED, RECORD)
    return buffer.getvalue()


def test_binary_and_json_encodings_give_the_same_row():
    text = io.StringIO()
    fastavro.json_writer(text, PARSED, [RECORD])
    row = {"s": "x", "n": None, "at": "2026-01-02T03:04:05.000006+00:00"}
    assert decode(_binary(), PARSED, "BINARY") == row
    assert decode(text.getvalue().encode(), PARSED, "JSON") == row


@pytest.mark.parametrize("data", [b"", b"\xff" * 9, _binary()[:-1], _binary() + b"\0", b"{}"])
def test_bytes_of_another_schema_are_a_bad_row(data):
    with pytest.raises(BadRow):
        decode(data, PARSED, "BINARY")
    with pytest.raises(BadRow):
        decode(data, PARSED, "JSON")


def test_values_take_the_form_that_bigquery_reads():
    value = {"b": b"\x00\xff", "d": dt.date(2026, 1, 2), "f": float("nan"), "l": [float("inf")]}
    assert plain(value) == {"b": "AP8=", "d": "2026-01-02", "f": "NaN", "l": ["Infinity"]}


def test_without_a_schema_the_message_goes_whole_into_data():
    table = Table("p", "d", "t", write_metadata=True)
    message = Message(7, 1_000_000, b"hi", {"k": "v"})
    row = Writer("projects/p/subscriptions/s", table, None).row(message)
    assert row == {
        "data": "aGk=",
        "subscription_name": "projects/p/subscriptions/s",
        "message_id": "7",
        "publish_time": "1970-01-01T00:00:01.000000Z",
        "attributes": '{"k": "v"}',
    }


def test_topic_schema_wanted_but_not_there_is_refused():
    with pytest.raises(BadRow, match="the topic has none"):
        Writer("s", Table("p", "d", "t", use_topic_schema=True), None)


def test_table_schema_reads_json():
    writer = Writer("s", Table("p", "d", "t", use_table_schema=True), None)
    assert writer.row(Message(1, 1, json.dumps({"a": 1}).encode(), {})) == {"a": 1}
    with pytest.raises(BadRow):
        writer.row(Message(1, 1, b"[1]", {}))


FIELDS = [
    {"name": "id", "type": "STRING", "mode": "REQUIRED"},
    {"name": "n", "type": "INTEGER"},
    {"name": "x", "type": "FLOAT"},
    {"name": "ok", "type": "BOOLEAN"},
    {"name": "at", "type": "TIMESTAMP"},
    {"name": "tags", "type": "STRING", "mode": "REPEATED"},
    {
        "name": "parts",
        "type": "RECORD",
        "mode": "REPEATED",
        "fields": [{"name": "k", "type": "STRING", "mode": "REQUIRED"}],
    },
]


def test_row_that_fits_is_left_as_it_is():
    row = {
        "id": "a",
        "n": 2**62,
        "x": 1,
        "ok": True,
        "at": "2026-01-02T03:04:05.000006+00:00",
        "tags": [],
        "parts": [{"k": "v"}],
    }
    assert fit(row, FIELDS, drop_unknown=False) == row
    assert fit({"ID": "a"}, FIELDS, drop_unknown=False) == {"id": "a"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": None}, "id: a required value is missing"),
        ({"new": 1}, "new: no such column"),
        ({"n": "abc"}, "n: 'abc' is not INTEGER"),
        ({"n": True}, "n: True is not INTEGER"),
        ({"n": 2**63}, "n: 9223372036854775808 is not INTEGER"),
        ({"ok": 1}, "ok: 1 is not BOOLEAN"),
        ({"at": "yesterday"}, "at: 'yesterday' is not TIMESTAMP"),
        ({"tags": ["a", None]}, "tags: not a list without nulls"),
        ({"parts": [{}]}, "parts.k: a required value is missing"),
        ({"parts": ["x"]}, "parts.: not a record"),
    ],
)
def test_row_that_does_not_fit_says_where(change, message):
    with pytest.raises(BadRow) as caught:
        fit({"id": "a", **change}, FIELDS, drop_unknown=False)
    assert str(caught.value) == message


def test_unknown_columns_may_be_dropped():
    assert fit({"id": "a", "new": 1}, FIELDS, drop_unknown=True) == {"id": "a"}
