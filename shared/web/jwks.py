"""Public keys fetched from a JWKS address, lazily, and again when an unknown key id turns up."""

import asyncio
import logging
import time
from collections.abc import Callable

import httpx

from shared.errors import Unavailable
from shared.web.keys import Algorithm, PublicKey, parse_jwks

log = logging.getLogger(__name__)

REFETCH_S = 30.0
"""An unknown key id asks the source at most this often, whatever callers send."""
RETRY_S = 1.0
TIMEOUT_S = 5.0


class RemoteKeys:
    """The keys at `url`. One fetch at a time; the last good answer is kept."""

    def __init__(
        self,
        url: str,
        algorithm: Algorithm,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._algorithm: Algorithm = algorithm
        self._transport = transport
        self._clock = clock
        self._keys: dict[str, PublicKey] = {}
        self._next_fetch_at = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, kid: str) -> PublicKey | None:
        """The key of that id, or None.

        Raises:
            Unavailable: no key was ever fetched, and the source does not answer.
        """
        key = self._keys.get(kid)
        if key is not None:
            return key
        async with self._lock:
            if kid not in self._keys and self._clock() >= self._next_fetch_at:
                await self._fetch()
        if not self._keys:
            raise Unavailable("the keys that verify tokens could not be fetched")
        return self._keys.get(kid)

    async def _fetch(self) -> None:
        try:
            async with httpx.AsyncClient(transport=self._transport, timeout=TIMEOUT_S) as client:
                response = await client.get(self._url)
                response.raise_for_status()
                self._keys = parse_jwks(response.json(), self._algorithm)
            self._next_fetch_at = self._clock() + REFETCH_S
        except Exception as error:  # network, status, JSON, keys: the last good set stays
            log.warning("JWKS %s: %r", self._url, error)
            self._next_fetch_at = self._clock() + RETRY_S
