"""The fields of an index, and how a document fills them. One schema serves every kind.

Whoever changes it, or `shared/text.py`, raises FORMAT: an index of another format is never opened.
"""

import zlib
from datetime import date
from functools import cache
from typing import Any, cast

import msgspec
from tantivy import Document as Entry
from tantivy import Schema, SchemaBuilder

from functions.search.document import Document, Stored, number_of
from shared.text import index_tokens, key

FORMAT = 3
RANK_OFFSET = 12
"""`rank` is popularity and this. A score is multiplied by log2(2 + rank): the most popular
thing weighs 1.8 times what an unheard one does, all else being equal."""

_EPOCH = date(1900, 1, 1)
_encode = msgspec.msgpack.Encoder().encode
_NORMED = frozenset({"name"})
"""Fields whose length matters to the score. For every other one Tantivy would keep a byte of every
document for nothing."""
_TAGGED_NEW = "album"
PAGE_ROWS = 128
BEGINNING = 12
"""Characters of a whole name that are kept as they are."""
ALPHABET64 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"


@cache
def schema() -> Schema:
    """`key`: whole names; `rank`: popularity; `released`: days since 1900.

    What a generation holds has a `row` in its card file (counted from 1; 0 of what is in none),
    and is found by its `page` and its `place` there, which cost a byte where a number that is
    its own alone would cost twenty. What came since has its `number`, its codes and its card here.
    """
    build = SchemaBuilder()
    for name in ("name", "by", "album", "genre", "label"):
        build.add_text_field(name, tokenizer_name="whitespace", index_option="basic")
    for name in ("key", "isrc", "upc", "year", "blocked"):
        build.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("number", "page", "place", "released"):
        build.add_unsigned_field(name, indexed=True)
    for name in ("rank", "row"):
        build.add_unsigned_field(name, fast=True)
    build.add_bytes_field("stored", stored=True)
    return _without_norms(build.build())


def _without_norms(built: Schema) -> Schema:
    """The builder cannot say that a field needs no norms; what a schema pickles to can."""
    # Any, for tantivy-py's types leave pickling out.
    make, (state,) = cast(Any, built).__reduce__()
    for field in state["inner"]:
        if "indexing" in field["options"] and field["name"] not in _NORMED:
            field["options"]["indexing"]["fieldnorms"] = False
    return make(state)


def whole_of(name: str) -> str:
    """A whole name as `key` has it: how it begins, and for the rest of a long one two letters.

    What no other name has costs its full length in an index. Of the names that begin alike, one in
    four thousand ends in the same two letters by chance.
    """
    whole = key(name)
    if len(whole) <= BEGINNING:
        return whole
    rest = zlib.crc32(whole.encode())
    return whole[:BEGINNING] + ALPHABET64[rest & 63] + ALPHABET64[rest >> 6 & 63]


def place_of(row: int) -> tuple[int, int]:
    """`page` and `place` of a row."""
    return divmod(row, PAGE_ROWS)


def entry(document: Document, row: int | None = None) -> Entry:
    """`document` as an index takes it: with all that it is, or with its row in the card file."""
    found = Entry()
    found.add_unsigned("row", 0 if row is None else row + 1)
    if row is None:
        found.add_unsigned("number", number_of(document.id))
        for code in ("isrc", "upc"):
            if value := getattr(document, code):
                found.add_text(code, value)
        stored = Stored(document.id, document.revision, document.card)
        found.add_bytes("stored", _encode(stored))
    else:
        page, place = place_of(row)
        found.add_unsigned("page", page)
        found.add_unsigned("place", place)
    names = (document.name, *document.aliases)
    found.add_text("name", " ".join(" ".join(index_tokens(name)) for name in names))
    for whole in {whole_of(name) for name in names}:
        found.add_text("key", whole)
    if document.by:
        found.add_text("by", " ".join(" ".join(index_tokens(name)) for name in document.by))
    if document.album:
        found.add_text("album", " ".join(index_tokens(document.album)))
    if document.genres:
        found.add_text("genre", " ".join(" ".join(index_tokens(it)) for it in document.genres))
    if document.label:
        found.add_text("label", " ".join(index_tokens(document.label)))
    if document.released_on:
        found.add_text("year", document.released_on[:4])
        days = released_days(document.released_on)
        if days is not None and document.kind == _TAGGED_NEW:
            found.add_unsigned("released", days)
    for market in document.blocked:
        found.add_text("blocked", market)
    found.add_unsigned("rank", RANK_OFFSET + min(100, max(0, document.popularity)))
    return found


def released_days(text: str) -> int | None:
    """Days since 1900 of a whole date; None of a year or month alone, or an earlier date."""
    try:
        return max(0, (date.fromisoformat(text) - _EPOCH).days) if len(text) == 10 else None
    except ValueError:
        return None


def days_of(day: date) -> int:
    return (day - _EPOCH).days
