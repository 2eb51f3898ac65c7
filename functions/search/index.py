"""A `SearchIndex` of Tantivy's: one index a kind, and how a generation's are built and opened."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import tantivy

from functions.search import cardfile, plan
from functions.search.cardfile import CardFile, CardWriter
from functions.search.cards import TYPES, Card
from functions.search.document import Document, Stored, code_of, number_of
from functions.search.guessing import Known, guesses
from functions.search.plan import Asked
from functions.search.port import Hit, Hits
from functions.search.query import Query, Word
from functions.search.records import Near
from functions.search.schema import entry, schema

FEW = 3
"""With fewer exact hits than this for one word, misspelt ones are looked for. Who gets a hit for
several words has said what is meant: then only nothing found is too few."""
WRITER_BYTES = 15_000_000
"""What Tantivy asks for a writer at least."""

_decode = msgspec.msgpack.Decoder(Stored).decode


class _Found(NamedTuple):
    hits: list[tuple[float, tantivy.DocAddress]]
    total: int


class TantivyIndex:
    """A `SearchIndex` in `folder`, or in memory. Reading and writing may be in several threads,
    writing in one at a time.

    Of what `build` put there, `cards` has the cards; those of what changed since are in the index.
    """

    def __init__(
        self, kind: str, folder: Path | None = None, cards: CardFile | None = None
    ) -> None:
        self.kind = kind
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._index = tantivy.Index(schema(), str(folder) if folder else None)
        self._index.config_reader("manual")
        self._index.reload()
        self._searcher = self._index.searcher()
        self._writer: tantivy.IndexWriter | None = None
        self._gone: dict[str, int] = {}
        self._cards = cards
        self._replaced: set[int] = set()
        self._decode = msgspec.msgpack.Decoder(TYPES[kind]).decode

    @property
    def count(self) -> int:
        return self._searcher.num_docs

    def search(
        self, query: Query, *, market: str | None, limit: int, offset: int, today: date
    ) -> Hits:
        if not plan.applies(self.kind, query):
            return Hits(0, ())
        searcher = self._searcher
        asked = Asked(self.kind, query, market, today, self._rows(query))
        if "hipster" in query.tags:
            found = _run(searcher, plan.unheard(asked), limit, offset)
            return Hits(found.total, self._read(searcher, found))
        found = _run(searcher, plan.strict(asked), limit, offset)
        forgiving = False
        few = FEW if len(query.words) == 1 else 1
        if found.total < few and (query.words or query.filters):
            for node in guesses(asked, _known(searcher, self.kind)):
                more = _run(searcher, node, limit, offset)
                if more.total > found.total:
                    found, forgiving = more, True
                    break
        return Hits(found.total, self._read(searcher, found), forgiving)

    def _rows(self, query: Query) -> tuple[int, ...]:
        """Of the generation, the rows that have the ISRC or UPC that is asked for."""
        if self._cards is None:
            return ()
        name, code = ("isrc", query.isrc) if query.isrc else ("upc", query.upc)
        rows = self._cards.rows(code_of(name, code)) if code else []
        return tuple(row for row in rows if getattr(self._cards.read(row)[2], name, None) == code)

    def apply(self, documents: Iterable[Document]) -> int:
        latest: dict[str, Document] = {}
        for document in documents:
            known = latest.get(document.id)
            if known is None or document.revision > known.revision:
                latest[document.id] = document
        newer = [it for it in latest.values() if it.revision > self.revision(it.id)]
        if not newer:
            return 0
        writer = self._writer or self._index.writer(WRITER_BYTES, 1)
        self._writer = writer
        replaced: set[int] = set()
        for document in newer:
            # By query: deleting by the term of an unsigned field deletes nothing (tantivy-py 0.27).
            writer.delete_documents_by_query(_by_id(document.id))
            if (row := self._row(document.id)) is not None:
                writer.delete_documents_by_query(plan.at_row(row))
                replaced.add(row)
            if document.removed:
                self._gone[document.id] = document.revision
            else:
                self._gone.pop(document.id, None)
                writer.add_document(entry(document))
        writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()
        self._replaced |= replaced
        return len(newer)

    def bury(self, revisions: dict[str, int]) -> None:
        """Removed things by id and revision: an old event about them changes nothing."""
        self._gone.update(revisions)

    def revision(self, id: str) -> int:
        """The revision that is known of a thing, found or removed; -1 of one never heard of."""
        if id in self._gone:
            return self._gone[id]
        if self._cards is not None and (row := self._row(id)) is not None:
            return self._cards.revision(row)
        found = self._changed(id)
        return -1 if found is None else found.revision

    def card(self, id: str) -> Card | None:
        if self._cards is not None and (row := self._row(id)) is not None:
            return self._cards.read(row)[2]
        found = self._changed(id)
        return None if found is None else self._decode(found.card)

    def _row(self, id: str) -> int | None:
        """Where the generation has `id`; None if it has not, or if it has changed since."""
        row = self._cards.row(id) if self._cards is not None else None
        return None if row in self._replaced else row

    def _changed(self, id: str) -> Stored | None:
        """What came of `id` since the generation."""
        searcher = self._searcher
        for _, address in searcher.search(_by_id(id), 1, count=False).hits:
            return _stored(searcher, address)
        return None

    def _read(self, searcher: tantivy.Searcher, found: _Found) -> tuple[Hit, ...]:
        addresses = [address for _, address in found.hits]
        rows: Any = searcher.fast_field_values("row", addresses) if addresses else []
        items: list[Hit] = []
        for (score, address), row in zip(found.hits, rows, strict=True):
            if self._cards is not None and row:
                id, revision, card = self._cards.read(row - 1)
                items.append(Hit(id, revision, score, card))
            else:
                stored = _stored(searcher, address)
                items.append(Hit(stored.id, stored.revision, score, self._decode(stored.card)))
        return tuple(items)


def opened(folder: Path, kinds: Iterable[str]) -> dict[str, TantivyIndex]:
    """The indexes of a generation, a folder each; empty ones of other `kinds`."""
    cards = cardfile.opened(folder)
    return {kind: TantivyIndex(kind, folder / kind, cards.get(kind)) for kind in {*kinds, *cards}}


def build(
    kind: str, folder: Path, documents: Iterable[Document], heap_bytes: int, near: Near
) -> int:
    """Write an index of `documents` (each once, none removed) into `folder`; their number.

    `near` are the card files of kinds that were built before. Ends in few segments: merged once,
    so that a search visits one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = tantivy.Index(schema(), str(folder))
    writer = index.writer(heap_bytes, 1)
    cards = CardWriter(kind, folder, near)
    count = 0
    for row, document in enumerate(documents):
        writer.add_document(entry(document, row))
        cards.add(document)
        count += 1
    writer.commit()
    cards.close()
    writer.wait_merging_threads()
    return count


def _by_id(id: str) -> tantivy.Query:
    return tantivy.Query.term_query(schema(), "number", number_of(id), "basic")


def _run(searcher: tantivy.Searcher, node: tantivy.Query, limit: int, offset: int) -> _Found:
    # Tantivy takes no limit of nought, and a caller may want only the total.
    found: Any = searcher.search(node, max(1, limit), offset=offset, weight_by_field="rank")
    return _Found(found.hits, found.count)


def _known(searcher: tantivy.Searcher, kind: str) -> Known:
    """Which words the documents of a kind have."""
    fields = plan.fields_of(kind)

    def known(word: Word, begun: bool) -> bool:
        return any(
            searcher.terms_with_prefix(field, reading[0], limit=1)
            if begun
            else searcher.doc_freq(field, reading[0])
            for reading in word
            for field in fields
        )

    return known


def _stored(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> Stored:
    return _decode(searcher.doc(address)["stored"][0])
