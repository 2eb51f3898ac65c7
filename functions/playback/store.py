"""Where playables and histories are kept, and the small cache in front of the former."""

from collections import OrderedDict
from collections.abc import Callable, Iterable

from functions.playback import domain, history
from functions.playback.domain import Playable
from functions.playback.history import History
from shared.events import RightsChanged, TrackChanged, TrackPlayed
from shared.gcp.documents import Documents

PLAYABLES = "playables"
HISTORIES = "recently_played"
MAX_CACHED = 10_000


class Playables:
    """Playables by track id. A read may be `ttl_s` old, unless it is asked to be fresh."""

    def __init__(
        self, documents: Documents[Playable], *, ttl_s: float, clock: Callable[[], float]
    ) -> None:
        self._documents = documents
        self._ttl_s = ttl_s
        self._clock = clock
        self._cache: OrderedDict[str, tuple[float, Playable]] = OrderedDict()

    def cached(self, track_id: str) -> Playable | None:
        """The playable if a copy not older than the TTL is at hand."""
        found = self._cache.get(track_id)
        if found is None or found[0] <= self._clock():
            return None
        return found[1]

    def stale(self, track_id: str) -> Playable | None:
        """The latest copy at hand, however old: its audio still plays, its rights may be over."""
        found = self._cache.get(track_id)
        return None if found is None else found[1]

    async def find(self, track_id: str) -> Playable | None:
        """The playable as it is now: one document read. Absence is not remembered."""
        read_at = self._clock()
        playable = await self._documents.find(track_id)
        if playable is not None:
            self._remember(playable, read_at)
        return playable

    async def find_many(self, track_ids: Iterable[str]) -> dict[str, Playable]:
        """Those of the playables that exist, by track id."""
        return await self._documents.find_many(track_ids)

    async def apply_track(self, event: TrackChanged) -> None:
        """Project the catalog's view, unless a later one is known."""
        await self._apply(event.track_id, lambda playable: domain.with_track(playable, event))

    async def apply_rights(self, event: RightsChanged) -> None:
        """Project the track's deals, unless a later version is known."""
        await self._apply(event.track_id, lambda playable: domain.with_rights(playable, event))

    async def _apply(self, track_id: str, change: Callable[[Playable], Playable | None]) -> None:
        self._cache.pop(track_id, None)
        await self._documents.update(
            track_id, lambda playable: change(playable or Playable(track_id))
        )
        # Again: a play may have cached the old state while the new one was being written.
        self._cache.pop(track_id, None)

    def _remember(self, playable: Playable, read_at: float) -> None:
        self._cache[playable.track_id] = (read_at + self._ttl_s, playable)
        self._cache.move_to_end(playable.track_id)
        if len(self._cache) > MAX_CACHED:
            self._cache.popitem(last=False)


class Histories:
    """Recently played tracks by user id."""

    def __init__(self, documents: Documents[History]) -> None:
        self._documents = documents

    async def get(self, user_id: str) -> History:
        """The user's history; an empty one if nothing was played."""
        return await self._documents.find(user_id) or History(user_id)

    async def add(self, event: TrackPlayed) -> None:
        """Remember a play, once."""
        await self._documents.update(
            event.user_id,
            lambda known: history.with_play(known or History(event.user_id), event),
        )

    async def erase(self, user_id: str) -> None:
        """Forget what a user who is gone has played."""
        await self._documents.delete_many([user_id])
