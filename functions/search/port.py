"""The port through which search finds.

`index.py` is Tantivy behind it. Another engine (one that speaks Elasticsearch's protocol, say)
would be another `SearchIndex`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from functions.search.cards import Card
from functions.search.document import Document
from functions.search.query import Query


@dataclass(frozen=True, slots=True)
class Hit:
    """One found thing: `card` is for its kind to show."""

    id: str
    revision: int
    score: float
    card: Card


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

    def card(self, id: str) -> Card | None:
        """The card of one thing; None if it cannot be found."""
        ...

    @property
    def count(self) -> int:
        """How many documents can be found."""
        ...
