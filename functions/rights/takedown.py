"""When a takedown may be called done: once the projection that every play is held against has it.

Playback's instances hold copies of that projection for a few seconds (its TTL, under 5 s); they
never go back behind a version they met. So what is confirmed here is effective everywhere within
that time, however long events are on their way, and whatever order they come in.

Source: docs/decisions/0021-takedowns.md
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import httpx

from shared.errors import Unavailable

log = logging.getLogger(__name__)

PATIENCE_S = 8.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.03, 0.5
AT_ONCE = 500

Confirm = Callable[[Mapping[str, int], str], Awaitable[None]]
"""Waits until plays are held against these versions by track id, or later ones; the second
argument is the bearer token of whoever wants to know.

Raises:
    Unavailable: not yet (code TAKEDOWN_PENDING); the change is written and on its way.
"""


class Confirmation:
    """Asks playback, with the caller's own token, which versions it projects."""

    def __init__(
        self,
        public_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._url = f"{public_url}/v1/plays/versions"
        self._client = httpx.AsyncClient(transport=transport, timeout=5.0)
        self._sleep = sleep
        self._patience_s = patience_s

    async def __call__(self, versions: Mapping[str, int], token: str) -> None:
        """See `Confirm`."""
        waiting = dict(versions)
        wait_s, left_s = FIRST_WAIT_S, self._patience_s
        while True:
            for id, version in (await self._ask(list(waiting)[:AT_ONCE], token)).items():
                if version >= waiting.get(id, 0):
                    waiting.pop(id, None)
            if not waiting:
                return
            if left_s <= 0:
                raise Unavailable(
                    f"{len(waiting)} tracks are not yet known to be taken down; ask again",
                    code="TAKEDOWN_PENDING",
                )
            await self._sleep(wait_s)
            left_s -= wait_s
            wait_s = min(LONGEST_WAIT_S, 2 * wait_s)

    async def _ask(self, track_ids: list[str], token: str) -> dict[str, int]:
        if not track_ids:
            return {}
        headers = {"authorization": f"Bearer {token}"}
        try:
            body = {"track_ids": track_ids}
            response = await self._client.post(self._url, json=body, headers=headers)
            response.raise_for_status()
            return dict(response.json()["versions"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            log.warning("playback does not say what it projects: %r", error)
            return {}

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()
