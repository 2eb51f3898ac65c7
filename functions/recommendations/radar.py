"""Release radar: every Friday, for everyone, what came out by whom they follow or play."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from functions.recommendations import products, sources
from functions.recommendations.blending import Listener
from functions.recommendations.candidates import gather
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.explaining import reasons
from functions.recommendations.generations import generation_of
from functions.recommendations.keeping import Keeping
from functions.recommendations.sources import Asked
from functions.recommendations.store import Store
from functions.recommendations.taste import Taste, taste_of
from shared.events import MixPublished
from shared.ids import derived_id

PAGE = 200


class Radar:
    """Publishes the week's lists. Doing it twice publishes the same events again."""

    def __init__(
        self,
        store: Store,
        keeping: Keeping,
        publish: Callable[[Any], Awaitable[None]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._keeping = keeping
        self._publish = publish
        self._now = now

    async def run(self) -> int:
        """One list for each listener for whom something came out; how many there were."""
        catalogue, at = await self._keeping.ready(), self._now()
        count, after = 0, None
        while found := await self._store.tastes.scan(after=after, limit=PAGE):
            for document in found:
                event = published(taste_of(document, document.user_id), catalogue, at)
                if event is not None:
                    await self._publish(event)
                    count += 1
            after = found[-1].user_id
        return count


def published(taste: Taste, catalogue: Catalogue, at: datetime) -> MixPublished | None:
    """The listener's list of the week; None when nothing came out: the last one then stays."""
    asked = Asked(taste, catalogue, at.date(), taste.market)
    pool = gather(sources.fresh(asked), catalogue.items)
    listener = Listener(
        taste.user_id,
        taste.market,
        taste.explicit,
        dict.fromkeys(taste.heard, 1.0),
        frozenset(taste.unwanted),
    )
    generation = generation_of(at)
    mix = products.release_radar(pool, listener, generation=generation, on=at.date())
    if not mix.tracks:
        return None
    return MixPublished(
        event_id=derived_id("mix", mix.playlist_id, generation),
        occurred_at=at,
        playlist_id=mix.playlist_id,
        user_id=mix.user_id,
        kind=mix.kind,
        number=None,
        title=mix.title,
        description=products.description(mix, catalogue.names),
        track_ids=tuple(it.item.track_id for it in mix.tracks),
        reasons=reasons(mix.tracks, catalogue.names),
        generation=generation,
    )
