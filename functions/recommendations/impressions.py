"""What was shown is told, with its propensities, without anyone waiting for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from functions.recommendations.serving import Offer
from shared.errors import Unavailable
from shared.events import Impression, RecommendationsShown

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Beyond that impressions are dropped, and said to be: answers matter more."""
POLICY = "mmr-epsilon-1"
"""Changes with whatever changes how propensities come about."""


class Impressions:
    """Publishes `RecommendationsShown` behind the answers' back."""

    def __init__(
        self,
        publish: Callable[[Any], Awaitable[None]],
        *,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._publish = publish
        self._new_id = new_id
        self._now = now
        self._waiting: set[asyncio.Task[None]] = set()
        self.dropped = 0

    def shown(
        self,
        offer: Offer,
        *,
        user_id: str,
        territory: str,
        surface: str,
        experiment: str | None = None,
        arm: str | None = None,
    ) -> str:
        """Tell of `offer`; the id of the request, which plays may name."""
        request_id = self._new_id()
        if not offer.items:
            return request_id
        event = RecommendationsShown(
            event_id=request_id,
            occurred_at=self._now(),
            request_id=request_id,
            user_id=user_id,
            surface=surface,
            experiment=experiment,
            arm=arm,
            policy=POLICY,
            generation=offer.generation,
            territory=territory,
            context=offer.context.told,
            impressions=tuple(
                Impression(place, it.item.track_id, it.source, it.score, it.propensity)
                for place, it in enumerate(offer.items)
            ),
        )
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            log.warning("%d lists shown were not told of", self.dropped)
            return request_id
        task = asyncio.get_running_loop().create_task(self._tell(event))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return request_id

    async def _tell(self, event: RecommendationsShown) -> None:
        try:
            await self._publish(event)
        except Unavailable as error:
            self.dropped += 1
            log.warning("a list shown was not told of: %s", error)

    async def stop(self) -> None:
        """Wait for those under way."""
        await asyncio.gather(*self._waiting)
