"""The fields of an index, and how a document fills them. One schema serves every kind.

Whoever changes it, or `shared/text.py`, raises FORMAT: an index of another format is never opened.
"""

from datetime import date
from functools import cache

import msgspec
from tantivy import Document as Entry
from tantivy import Schema, SchemaBuilder

from functions.search.document import Document, Stored, number_of
from shared.text import index_tokens, key

FORMAT = 1
RANK_OFFSET = 12
"""`rank` is popularity and this. A score is multiplied by log2(2 + rank): the most popular
thing weighs 1.8 times what an unheard one does, all else being equal."""

_EPOCH = date(1900, 1, 1)
_encode = msgspec.msgpack.Encoder().encode


@cache
def schema() -> Schema:
    """number: the id; key: whole names; rank: popularity; released: days since 1900."""
    build = SchemaBuilder()
    build.add_unsigned_field("number", indexed=True)
    for name in ("name", "by", "album", "genre", "label"):
        build.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    for name in ("key", "isrc", "upc", "year", "blocked"):
        build.add_text_field(name, tokenizer_name="raw", index_option="basic")
    build.add_unsigned_field("released", indexed=True)
    build.add_unsigned_field("rank", fast=True)
    build.add_bytes_field("stored", stored=True)
    return build.build()


def entry(document: Document) -> Entry:
    """`document` as an index takes it."""
    found = Entry()
    found.add_unsigned("number", number_of(document.id))
    names = (document.name, *document.aliases)
    found.add_text("name", " ".join(" ".join(index_tokens(name)) for name in names))
    for whole in {key(name) for name in names}:
        found.add_text("key", whole)
    if document.by:
        found.add_text("by", " ".join(" ".join(index_tokens(name)) for name in document.by))
    if document.album:
        found.add_text("album", " ".join(index_tokens(document.album)))
    if document.genres:
        found.add_text("genre", " ".join(" ".join(index_tokens(it)) for it in document.genres))
    if document.label:
        found.add_text("label", " ".join(index_tokens(document.label)))
    if document.isrc:
        found.add_text("isrc", document.isrc)
    if document.upc:
        found.add_text("upc", document.upc)
    if document.released_on:
        found.add_text("year", document.released_on[:4])
        if (days := released_days(document.released_on)) is not None:
            found.add_unsigned("released", days)
    for market in document.blocked:
        found.add_text("blocked", market)
    found.add_unsigned("rank", RANK_OFFSET + min(100, max(0, document.popularity)))
    found.add_bytes("stored", _encode(Stored(document.id, document.revision, document.card)))
    return found


def released_days(text: str) -> int | None:
    """Days since 1900 of a whole date; None of a year or month alone, or an earlier date."""
    try:
        return max(0, (date.fromisoformat(text) - _EPOCH).days) if len(text) == 10 else None
    except ValueError:
        return None


def days_of(day: date) -> int:
    return (day - _EPOCH).days
