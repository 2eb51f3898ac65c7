"""Listeners in the memory of an instance: a play changes the next answer at once.

What this instance takes in is in its memory before it is in Firestore. Another instance sees it
when its own copy is `fresh_s` old; a client that cannot wait tells what it just played.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime

from functions.recommendations.taste import Taste, document, taste_of
from shared.gcp.documents import Documents

MOST_CACHED = 20_000


class Listeners:
    """Tastes by user."""

    def __init__(
        self,
        documents: Documents,
        *,
        fresh_s: float,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._documents = documents
        self._fresh_s = fresh_s
        self._clock = clock
        self._now = now
        self._known: OrderedDict[str, tuple[float, Taste]] = OrderedDict()

    async def find(self, user_id: str) -> Taste:
        """The taste; an empty one for who is new."""
        return (await self.many([user_id]))[user_id]

    async def many(self, user_ids: Iterable[str], *, older_s: float = 0.0) -> dict[str, Taste]:
        """Tastes of several, in one round trip at most; copies may be `older_s` older."""
        now = self._clock()
        ids = list(dict.fromkeys(user_ids))
        found: dict[str, Taste] = {}
        for id in ids:
            known = self._known.get(id)
            if known is not None and known[0] + older_s > now:
                found[id] = known[1]
        missing = [id for id in ids if id not in found]
        if missing:
            documents = await self._documents.find_many(missing)
            for id in missing:
                taste = found[id] = taste_of(documents.get(id), id)
                self._remember(taste)
        return found

    async def update(self, user_id: str, change: Callable[[Taste], Taste | None]) -> None:
        """Apply `change`, here at once and then for good; None from it changes nothing."""
        known = self._known.get(user_id)
        if known is not None and (ahead := change(known[1])) is not None:
            self._remember(ahead)

        def written(before):
            after = change(taste_of(before, user_id))
            return None if after is None else document(after, self._now())

        self._remember(taste_of(await self._documents.update(user_id, written), user_id))

    def forget(self, user_id: str) -> None:
        """Know nothing of the user any more: the account is gone."""
        self._known.pop(user_id, None)

    def _remember(self, taste: Taste) -> None:
        self._known[taste.user_id] = (self._clock() + self._fresh_s, taste)
        self._known.move_to_end(taste.user_id)
        while len(self._known) > MOST_CACHED:
            self._known.popitem(last=False)
