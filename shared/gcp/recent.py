"""Documents by id, of which what was read a moment ago is not read again."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from shared.gcp.documents import Documents

T = TypeVar("T")

MAX_CACHED = 20_000
MAX_HOPS = 20
"""Nobody is merged more often; whoever is, is not followed further."""


class Recent(Generic[T]):
    """Documents by id, remembered for `ttl_s`. That something is absent is not remembered."""

    def __init__(
        self, documents: Documents[T], *, ttl_s: float, clock: Callable[[], float]
    ) -> None:
        self._documents = documents
        self._ttl_s = ttl_s
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, T]] = OrderedDict()

    async def many(self, ids: Iterable[str]) -> dict[str, T]:
        """Those of `ids` that exist, in one round trip at most."""
        now = self._clock()
        found: dict[str, T] = {}
        missing: list[str] = []
        for id in dict.fromkeys(ids):
            known = self._known.get(id)
            if known is not None and known[0] > now:
                found[id] = known[1]
            else:
                missing.append(id)
        if missing:
            for id, value in (await self._documents.find_many(missing)).items():
                found[id] = value
                self._remember(id, value, now)
        return found

    async def chased(
        self, ids: Iterable[str], leads_to: Callable[[T], Iterable[str | None]]
    ) -> dict[str, T]:
        """`ids`, what they lead to, what that leads to, and so on: a round trip a step."""
        known: dict[str, T] = {}
        todo = set(ids)
        for _ in range(MAX_HOPS):
            if not todo:
                break
            found = await self.many(todo)
            known |= found
            todo = {id for it in found.values() for id in leads_to(it) if id} - known.keys()
        return known

    def remember(self, id: str, value: T) -> None:
        """Take what was read or written elsewhere."""
        self._remember(id, value, self._clock())

    def _remember(self, id: str, value: T, at: float) -> None:
        self._known[id] = (at + self._ttl_s, value)
        self._known.move_to_end(id)
        if len(self._known) > MAX_CACHED:
            self._known.popitem(last=False)

    async def apply(self, id: str, change: Callable[[T | None], T | None]) -> None:
        """Write `change(card)`, unless it is None."""
        await self._documents.update(id, change)
        self._known.pop(id, None)
