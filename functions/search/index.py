"""The port through which search finds, and its Tantivy implementation: one index a kind.

Another engine (one that speaks Elasticsearch's protocol, say) would be another `SearchIndex`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import tantivy

from functions.search import plan
from functions.search.document import Document, Stored, number_of
from functions.search.query import Query, Word
from functions.search.schema import RANK_OFFSET, entry, schema

FEW = 3
"""With fewer exact hits than this for one word, misspelt ones are looked for. Who gets a hit for
several words has said what is meant: then only nothing found is too few."""
WRITER_BYTES = 15_000_000
"""What Tantivy asks for a writer at least."""

_decode = msgspec.msgpack.Decoder(Stored).decode


@dataclass(frozen=True, slots=True)
class Hit:
    """One found thing: `card` is for its kind to show."""

    id: str
    revision: int
    score: float
    card: bytes


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of what was found, best first. `forgiving` if misspelt words had to be allowed."""

    total: int
    items: tuple[Hit, ...]
    forgiving: bool = False


class SearchIndex(Protocol):
    """Everything findable of one kind."""

    def search(
        self, query: Query, *, market: str | None, limit: int, offset: int, today: date
    ) -> Hits:
        """The hits from `offset` on, at most `limit`. With `market`, none that it blocks."""
        ...

    def apply(self, documents: Iterable[Document]) -> int:
        """Take in newer revisions, let go of removed things; the next search sees it all.

        Older revisions than known are left out. Answers how many were taken in.
        """
        ...

    def card(self, id: str) -> bytes | None:
        """The card of one thing; None if it cannot be found."""
        ...

    @property
    def count(self) -> int:
        """How many documents can be found."""
        ...


class TantivyIndex:
    """A `SearchIndex` in `folder`, or in memory. Reading and writing may be in several threads,
    writing in one at a time."""

    def __init__(self, kind: str, folder: Path | None = None) -> None:
        self.kind = kind
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._index = tantivy.Index(schema(), str(folder) if folder else None)
        self._index.config_reader("manual")
        self._index.reload()
        self._searcher = self._index.searcher()
        self._writer: tantivy.IndexWriter | None = None
        self._gone: dict[str, int] = {}

    @property
    def count(self) -> int:
        return self._searcher.num_docs

    def search(
        self, query: Query, *, market: str | None, limit: int, offset: int, today: date
    ) -> Hits:
        searcher = self._searcher
        if not plan.applies(self.kind, query):
            return Hits(0, ())
        if "hipster" in query.tags:
            return self._unheard(searcher, query, market, limit, offset, today)
        found = _run(searcher, plan.strict(self.kind, query, market, today), limit, offset)
        forgiving = False
        few = FEW if len(query.words) == 1 else 1
        if found.total < few and (query.words or query.filters):
            for node in self._forgiving(searcher, query, market, today):
                more = _run(searcher, node, limit, offset)
                if more.total > found.total:
                    found, forgiving = more, True
                    break
        return Hits(found.total, _read(searcher, found), forgiving)

    def _forgiving(
        self, searcher: tantivy.Searcher, query: Query, market: str | None, today: date
    ) -> Iterator[tantivy.Query]:
        """From the cheapest to the widest: words that nobody uses are misspelt for certain."""
        fields = plan.fields_of(self.kind)

        def unknown(word: Word, begun: bool) -> bool:
            return not any(
                searcher.terms_with_prefix(field, reading[0], limit=1)
                if begun
                else searcher.doc_freq(field, reading[0])
                for reading in word
                for field in fields
            )

        def close(distance: int, doubtful: Callable[[Word, bool], bool]) -> tantivy.Query:
            return plan.close(self.kind, query, market, today, distance=distance, doubtful=doubtful)

        surely = [unknown(word, False) for word in query.words]
        if any(surely) and not all(surely):
            yield close(1, unknown)
            yield close(2, unknown)
        yield close(1, lambda word, begun: True)
        yield close(2, lambda word, begun: True)
        if len(query.words) > 2:
            yield plan.loose(self.kind, query, market, today)

    def _unheard(
        self,
        searcher: tantivy.Searcher,
        query: Query,
        market: str | None,
        limit: int,
        offset: int,
        today: date,
    ) -> Hits:
        few = tantivy.Query.range_query(
            schema(),
            "rank",
            tantivy.FieldType.Unsigned,
            RANK_OFFSET,
            RANK_OFFSET + plan.HIPSTER_POPULARITY,
        )
        node = plan.strict(self.kind, query, market, today).and_must_match(
            tantivy.Query.const_score_query(few, 0.0)
        )
        found = _run(searcher, node, limit, offset)
        return Hits(found.total, _read(searcher, found))

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
        for document in newer:
            # By query: deleting by the term of an unsigned field deletes nothing (tantivy-py 0.27).
            writer.delete_documents_by_query(_by_id(document.id))
            if document.removed:
                self._gone[document.id] = document.revision
            else:
                self._gone.pop(document.id, None)
                writer.add_document(entry(document))
        writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()
        return len(newer)

    def bury(self, revisions: dict[str, int]) -> None:
        """Removed things by id and revision: an old event about them changes nothing."""
        self._gone.update(revisions)

    def revision(self, id: str) -> int:
        """The revision that is known of a thing, found or removed; -1 of one never heard of."""
        if id in self._gone:
            return self._gone[id]
        found = self._find(id)
        return -1 if found is None else found.revision

    def card(self, id: str) -> bytes | None:
        found = self._find(id)
        return None if found is None else found.card

    def _find(self, id: str) -> Stored | None:
        searcher = self._searcher
        for _, address in searcher.search(_by_id(id), 1, count=False).hits:
            return _stored(searcher, address)
        return None


def build(kind: str, folder: Path, documents: Iterable[Document], heap_bytes: int) -> int:
    """Write an index of `documents` (each once, none removed) into `folder`; their number.

    Ends in few segments: merged once, so that a search visits one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = tantivy.Index(schema(), str(folder))
    writer = index.writer(heap_bytes, 1)
    count = 0
    for document in documents:
        writer.add_document(entry(document))
        count += 1
    writer.commit()
    writer.wait_merging_threads()
    return count


def _by_id(id: str) -> tantivy.Query:
    return tantivy.Query.term_query(schema(), "number", number_of(id), "basic")


class _Found(NamedTuple):
    hits: list[tuple[float, tantivy.DocAddress]]
    total: int


def _run(searcher: tantivy.Searcher, node: tantivy.Query, limit: int, offset: int) -> _Found:
    # Tantivy takes no limit of nought, and a caller may want only the total.
    found: Any = searcher.search(node, max(1, limit), offset=offset, weight_by_field="rank")
    return _Found(found.hits, found.count)


def _read(searcher: tantivy.Searcher, found: _Found) -> tuple[Hit, ...]:
    items: list[Hit] = []
    for score, address in found.hits:
        stored = _stored(searcher, address)
        items.append(Hit(stored.id, stored.revision, score, stored.card))
    return tuple(items)


def _stored(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> Stored:
    return _decode(searcher.doc(address)["stored"][0])
