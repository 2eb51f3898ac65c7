"""Asking rights over HTTP, in the listener's own name."""

from datetime import datetime

import httpx
import msgspec

from functions.playback.decisions import Asked
from shared.errors import Unavailable
from shared.inward import marked
from shared.rights.shapes import Decision

TIMEOUT_S = 2.0


class _Decided(msgspec.Struct):
    allow: bool
    reason: str
    licence_id: str | None
    version: int
    valid_until: datetime | None


class _Answer(msgspec.Struct):
    decision: _Decided


_decoder = msgspec.json.Decoder(_Answer)


class RemoteRights:
    """`GET {public_url}/v1/rights/decisions` with the token of whoever wants to listen."""

    def __init__(
        self,
        public_url: str,
        service_key: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = f"{public_url}/v1/rights/decisions"
        self._client = httpx.AsyncClient(
            headers=marked(service_key), transport=transport, timeout=TIMEOUT_S
        )

    async def decide(self, track_id: str, asked: Asked) -> Decision:
        params = {"track": track_id, "use": asked.use}
        headers = {"authorization": f"Bearer {asked.token}"}
        try:
            response = await self._client.get(self._url, params=params, headers=headers)
            response.raise_for_status()
            found = _decoder.decode(response.content).decision
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise Unavailable(f"rights does not answer: {error!r}") from error
        return Decision(
            found.allow, found.reason, found.licence_id, found.version, found.valid_until
        )

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()
