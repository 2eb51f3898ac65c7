"""Events to Avro binary and back. Hostile bytes raise `Undecodable`, nothing else."""

import io
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import fastavro
import msgspec

from shared.events.schema import avro_schema, topic_of
from shared.events.types import ALL

T = TypeVar("T")


class Undecodable(ValueError):
    """The bytes are not that event."""


@cache
def _parsed(event: type) -> Any:
    return fastavro.parse_schema(avro_schema(event))


def encode(event: Any) -> bytes:
    """The event in Avro's binary encoding, without a header: the topic's schema is the schema."""
    buffer = io.BytesIO()
    record = msgspec.to_builtins(event, builtin_types=(datetime, bytes))
    fastavro.schemaless_writer(buffer, _parsed(type(event)), record)
    return buffer.getvalue()


def decode(event: type[T], data: bytes) -> T:
    """What `encode` gave, as an `event` again.

    Raises:
        Undecodable: truncated, of another schema, or with bytes left over.
    """
    buffer = io.BytesIO(data)
    try:
        record = fastavro.schemaless_reader(buffer, _parsed(event), None)
        if buffer.read(1):
            raise Undecodable(f"bytes left over after a {event.__name__}")
        return msgspec.convert(record, event)
    except Undecodable:
        raise
    except Exception as error:  # fastavro raises whatever the bytes provoke
        raise Undecodable(f"not a {event.__name__}: {error}") from error


def by_topic(topic: str) -> type:
    """The event class of a topic, given by its short or full name.

    Raises:
        KeyError: no event has that topic.
    """
    return _topics()[topic.rsplit("/", 1)[-1]]


@cache
def _topics() -> dict[str, type]:
    return {topic_of(event): event for event in ALL}
