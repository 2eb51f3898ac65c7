"""Documents by id, of which what was read a moment ago is not read again."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from shared.gcp.documents import Documents

T = TypeVar("T")

MAX_CACHED = 20_000


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
                self._known[id] = (now + self._ttl_s, value)
                self._known.move_to_end(id)
            while len(self._known) > MAX_CACHED:
                self._known.popitem(last=False)
        return found

    async def apply(self, id: str, change: Callable[[T | None], T | None]) -> None:
        """Write `change(card)`, unless it is None."""
        await self._documents.update(id, change)
        self._known.pop(id, None)
