"""Every event survives the wire, and hostile bytes are refused by name."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import (
    ALL,
    Undecodable,
    avro_schema,
    bigquery_schema,
    by_topic,
    decode,
    encode,
    table_of,
    topic_of,
)
from shared.events import schema as schema_module
from shared.events.types import TrackPlayed

GOLDEN = Path(__file__).parent / "golden"

_INTS = st.integers(-(2**63), 2**63 - 1)
_TIMES = st.datetimes(
    min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)
)


def _value(kind: Any) -> st.SearchStrategy[Any]:
    simple = {
        str: st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
        int: _INTS,
        float: st.floats(allow_nan=False),
        bool: st.booleans(),
        datetime: _TIMES,
    }
    return simple[kind] if kind in simple else _events(kind)


def _events(kind: type) -> st.SearchStrategy[Any]:
    import dataclasses
    from typing import get_type_hints

    fields: dict[str, st.SearchStrategy[Any]] = {}
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        inner, nullable, repeated = schema_module.unwrap(hints[field.name])
        value = _value(inner)
        if repeated:
            value = st.lists(value, max_size=3).map(tuple)
        elif nullable:
            value = st.none() | value
        fields[field.name] = value
    return st.builds(kind, **fields)


@pytest.mark.parametrize("event", ALL, ids=topic_of)
def test_decode_gives_back_what_encode_took(event: type) -> None:
    @given(_events(event))
    def round_trip(value: Any) -> None:
        assert decode(event, encode(value)) == value

    round_trip()


@given(st.binary(max_size=200))
def test_decode_refuses_hostile_bytes_by_name(data: bytes) -> None:
    with pytest.raises(Undecodable, match="TrackPlayed"):  # noqa: PT012 - random bytes may decode
        decode(TrackPlayed, data)
        raise Undecodable("TrackPlayed, by chance")


def test_decode_refuses_bytes_left_over() -> None:
    event = TrackPlayed(
        "e",
        datetime(2026, 1, 1, tzinfo=UTC),
        "p",
        "u",
        "t",
        datetime(2026, 1, 1, tzinfo=UTC),
        1,
        "aac",
        96,
        "ended",
        "GB",
        "free",
        None,
        None,
        None,
    )
    with pytest.raises(Undecodable, match="left over"):
        decode(TrackPlayed, encode(event) + b"\0")


def test_names_are_derived_from_the_class() -> None:
    assert topic_of(TrackPlayed) == "track-played"
    assert table_of(TrackPlayed) == "track_played"
    assert by_topic("projects/p/topics/track-played") is TrackPlayed


@pytest.mark.parametrize("event", ALL, ids=topic_of)
def test_avro_schema_is_valid_and_bigquery_has_the_same_fields(event: type) -> None:
    fastavro.parse_schema(json.loads(json.dumps(avro_schema(event))))
    assert [field["name"] for field in avro_schema(event)["fields"]] == [
        column["name"] for column in bigquery_schema(event)
    ]


@pytest.mark.parametrize("event", ALL, ids=topic_of)
def test_schema_only_ever_gains_nullable_fields(event: type) -> None:
    """The golden file is the published schema. To add a field, append it, nullable, to both."""
    golden = json.loads((GOLDEN / f"{topic_of(event)}.json").read_text())
    now = msgspec.to_builtins(avro_schema(event))
    assert now == golden, "published schemas change only together with their golden file"
    required = {"event_id", "occurred_at"}
    assert required <= {field["name"] for field in now["fields"]}
