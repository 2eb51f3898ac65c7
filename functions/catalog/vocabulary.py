"""The genres that the catalog has seen: browse categories and seeds."""

from collections.abc import Callable, Iterable

from functions.catalog.model import Vocabulary
from shared.gcp.documents import Documents

GENRES = "genres"
MAX_TERMS = 5000


class Genres:
    """One small document; kept in memory for `ttl_s`."""

    def __init__(
        self, documents: Documents[Vocabulary], *, ttl_s: float, clock: Callable[[], float]
    ) -> None:
        self._documents = documents
        self._ttl_s = ttl_s
        self._clock = clock
        self._known: tuple[str, ...] = ()
        self._until = 0.0

    async def all(self) -> tuple[str, ...]:
        """Every genre, sorted."""
        if self._clock() >= self._until:
            found = await self._documents.find(GENRES)
            self._known = found.terms if found else ()
            self._until = self._clock() + self._ttl_s
        return self._known

    async def add(self, genres: Iterable[str]) -> None:
        """Remember genres; what is known already costs nothing."""
        new = set(genres).difference(self._known)
        if not new:
            return

        def change(known: Vocabulary | None) -> Vocabulary | None:
            terms = known.terms if known else ()
            union = sorted({*terms, *new}, key=str.casefold)[:MAX_TERMS]
            return None if len(union) == len(terms) else Vocabulary(GENRES, tuple(union))

        after = await self._documents.update(GENRES, change)
        self._known = after.terms if after else ()
