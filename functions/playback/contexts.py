"""The tracks of an album, playlist or artist, asked of their owners in the listener's own name."""

from typing import Any, Protocol

import httpx

from functions.playback.player import MAX_ITEMS, Refused
from shared.errors import Unavailable
from shared.inward import marked

TIMEOUT_S = 5.0
_PAGE = 50
_KINDS = ("album", "playlist", "artist")


class Contexts(Protocol):
    """Where the tracks of a context are known."""

    async def tracks(self, uri: str, token: str, market: str) -> list[str]:
        """The ids of the tracks of `spotify:album:ID`, in order, `MAX_ITEMS` at most.

        Raises:
            Refused: there is no such context, or the listener may not see it.
            Unavailable: its owner does not answer.
        """
        ...


class RemoteContexts:
    """`GET {public_url}/v1/{albums,playlists,artists}/…` with the listener's token."""

    def __init__(
        self,
        public_url: str,
        service_key: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = f"{public_url}/v1"
        self._client = httpx.AsyncClient(
            headers=marked(service_key), transport=transport, timeout=TIMEOUT_S
        )

    async def tracks(self, uri: str, token: str, market: str) -> list[str]:
        _, kind, id = uri.split(":")
        headers = {"authorization": f"Bearer {token}"}
        if kind == "artist":
            top = await self._get(f"{self._url}/artists/{id}/top-tracks?market={market}", headers)
            return [it["id"] for it in top["tracks"]]
        found: list[str] = []
        address: str | None = f"{self._url}/{kind}s/{id}/tracks?limit={_PAGE}&offset=0"
        while address and len(found) < MAX_ITEMS:
            page = await self._get(address, headers)
            items = [it.get("track") or it.get("item") or it for it in page["items"]]
            found += [it["id"] for it in items if it.get("type", "track") == "track"]
            # Counted on, not followed: only our own host is ever asked with this token.
            more = page.get("next") is not None and page["items"]
            offset = page["offset"] + len(page["items"])
            address = (
                f"{self._url}/{kind}s/{id}/tracks?limit={_PAGE}&offset={offset}" if more else None
            )
        return found[:MAX_ITEMS]

    async def _get(self, url: str, headers: dict[str, str]) -> dict[str, Any]:
        try:
            response = await self._client.get(url, headers=headers)
        except httpx.HTTPError as error:
            raise Unavailable(f"{url} does not answer: {error!r}") from error
        if response.status_code in (400, 403, 404):
            raise Refused(404, "CONTEXT_NOT_FOUND", "There is no such context", "UNKNOWN")
        if response.status_code != 200:
            raise Unavailable(f"{url} answers {response.status_code}")
        return response.json()

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def is_context(uri: str) -> bool:
    """Whether `uri` is a context that can be played: `spotify:album:ID`."""
    parts = uri.split(":")
    return (
        len(parts) == 3
        and parts[0] == "spotify"
        and parts[1] in _KINDS
        and len(parts[2]) == 22
        and parts[2].isascii()
        and parts[2].isalnum()
    )
