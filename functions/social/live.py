"""Saying things on live channels. Never in the way: what was written stands, heard now or later."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from shared.errors import Unavailable
from shared.events import ChannelPublished

log = logging.getLogger(__name__)


class Live:
    """Publishes to channels that social owns."""

    def __init__(
        self,
        publish: Callable[[Any], Awaitable[None]],
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._publish, self._now, self._new_id = publish, now, new_id

    async def say(
        self, channel: str, epoch: str, seq: int, payload: Any, *, recheck: bool = False
    ) -> None:
        """Number `seq` of a channel; 0: in passing. Who misses it finds it in the log."""
        event = ChannelPublished(
            self._new_id(),
            self._now(),
            channel,
            epoch,
            seq,
            msgspec.json.encode(payload).decode(),
            recheck,
        )
        try:
            await self._publish(event)
        except Unavailable as error:
            log.warning("%s %d is heard later: %r", channel, seq, error)


def changes(
    epoch: str, tail: int, pubs: list[tuple[int, Any]] | None, snapshot: Any
) -> dict[str, Any]:
    """The answer to a gateway that asks what came after a number; `pubs` None: not to be told."""
    recovered = pubs is not None
    return {
        "epoch": epoch,
        "tail": tail,
        "recovered": recovered,
        "pubs": [{"seq": seq, "payload": payload} for seq, payload in pubs or ()],
        "snapshot": None if recovered else snapshot,
    }
