"""Event types, and what is derived from them: topics, tables, Avro and BigQuery schemas, codec."""

from shared.events.codec import Undecodable, by_topic, decode, encode
from shared.events.schema import avro_schema, bigquery_schema, table_of, topic_of
from shared.events.types import (
    ALL,
    LicenceChanged,
    Manifest,
    Rendition,
    TrackChanged,
    TrackPlayed,
    TrackTranscoded,
    TranscodeFailed,
)

__all__ = [
    "ALL",
    "LicenceChanged",
    "Manifest",
    "Rendition",
    "TrackChanged",
    "TrackPlayed",
    "TrackTranscoded",
    "TranscodeFailed",
    "Undecodable",
    "avro_schema",
    "bigquery_schema",
    "by_topic",
    "decode",
    "encode",
    "table_of",
    "topic_of",
]
