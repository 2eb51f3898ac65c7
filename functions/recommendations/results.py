"""What the batch found, read when it is needed and remembered: a generation never changes."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from functions.recommendations.generations import (
    EVERYONE,
    WORLD,
    Chart,
    ItemGeneration,
    Pointer,
    UserGeneration,
    chart_document,
    item_document,
    user_document,
)
from functions.recommendations.store import Store
from shared.gcp.documents import Documents

T = TypeVar("T")

MOST_CACHED = 20_000


class Results:
    """Reads through to `store`; pointers may be `fresh_s` old."""

    def __init__(self, store: Store, *, fresh_s: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._fresh_s = fresh_s
        self._clock = clock
        self._pointers: OrderedDict[str, tuple[float, Pointer | None]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], Any] = OrderedDict()

    async def user(self, user_id: str) -> UserGeneration | None:
        """The user's generation that is live, or None when no batch has met them."""
        pointer = await self._pointer(user_id)
        if pointer is None:
            return None
        id = user_document(pointer.generation, user_id)
        return (await self._many("users", self._store.users, [id])).get(id)

    async def generation(self, user_id: str) -> str | None:
        """Which generation the user is served from; None when there was no batch yet."""
        pointer = await self._pointer(user_id) or await self._pointer(EVERYONE)
        return None if pointer is None else pointer.generation

    async def items(self, user_id: str, track_ids: Iterable[str]) -> dict[str, ItemGeneration]:
        """The model's facts of tracks; those that it does not know are left out."""
        generation = await self.generation(user_id)
        if generation is None:
            return {}
        ids = {item_document(generation, it): it for it in track_ids}
        found = await self._many("items", self._store.items, list(ids))
        return {ids[id]: it for id, it in found.items()}

    async def chart(self, market: str | None) -> Sequence[str]:
        """The market's most played, or the world's where the market has too few; may be empty."""
        pointer = await self._pointer(EVERYONE)
        if pointer is None:
            return ()
        ids = [chart_document(pointer.generation, it) for it in (market, WORLD) if it]
        found = await self._many("charts", self._store.charts, ids)
        charts: list[Chart] = [found[id] for id in ids if id in found]
        return tuple(dict.fromkeys(it for chart in charts for it in chart.track_ids))

    async def _pointer(self, user_id: str) -> Pointer | None:
        known = self._pointers.get(user_id)
        if known is None or known[0] <= self._clock():
            found = await self._store.pointers.find(user_id)
            known = self._pointers[user_id] = (self._clock() + self._fresh_s, found)
            while len(self._pointers) > MOST_CACHED:
                self._pointers.popitem(last=False)
        return known[1]

    async def _many(self, kind: str, documents: Documents[T], ids: list[str]) -> dict[str, T]:
        """What is absent is not remembered: it may yet be written."""
        missing = [id for id in ids if (kind, id) not in self._known]
        if missing:
            for id, value in (await documents.find_many(missing)).items():
                self._known[kind, id] = value
            while len(self._known) > MOST_CACHED:
                self._known.popitem(last=False)
        return {id: self._known[kind, id] for id in ids if (kind, id) in self._known}
