"""Event types, and what is derived from them: topics, tables, Avro and BigQuery schemas, codec."""

from shared.events.codec import Undecodable, by_topic, decode, encode
from shared.events.schema import avro_schema, bigquery_schema, table_of, topic_of
from shared.events.types import (
    ALL,
    AlbumChanged,
    ArtistChanged,
    Credit,
    LibraryChanged,
    LicenceChanged,
    Manifest,
    Rendition,
    TrackChanged,
    TrackPlayed,
    TrackTranscoded,
    TranscodeFailed,
    UserChanged,
)

__all__ = [
    "ALL",
    "AlbumChanged",
    "ArtistChanged",
    "Credit",
    "LibraryChanged",
    "LicenceChanged",
    "Manifest",
    "Rendition",
    "TrackChanged",
    "TrackPlayed",
    "TrackTranscoded",
    "TranscodeFailed",
    "Undecodable",
    "UserChanged",
    "avro_schema",
    "bigquery_schema",
    "by_topic",
    "decode",
    "encode",
    "table_of",
    "topic_of",
]
