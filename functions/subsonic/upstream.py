"""Segue's own HTTP API, asked with the listener's token, as any client asks it."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec

from functions.subsonic.refusals import GENERIC, NOT_AUTHORIZED, NOT_FOUND, Refused
from shared.inward import marked

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
PAGE = 50
MAX_AT_ONCE = 8
MARKET = {"market": "from_token"}


class Upstream:
    """Requests to `public_url`. One connection pool for the whole process."""

    def __init__(
        self,
        public_url: str,
        service_key: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.public_url = public_url
        self._headers = marked(service_key)
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def request(self, method: str, path: str, **what: Any) -> httpx.Response:
        """The answer, whatever it is.

        Raises:
            Refused: there was none.
        """
        if self._client is None:  # here, not earlier: it belongs to the running loop
            self._client = httpx.AsyncClient(
                base_url=self.public_url,
                headers=self._headers,
                timeout=TIMEOUT_S,
                transport=self._transport,
            )
        try:
            return await self._client.request(method, path, **what)
        except httpx.HTTPError as error:
            log.warning("%s %s: %r", method, path, error)
            raise Refused(GENERIC, "try again") from error

    async def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()


class Web:
    """The API as one listener sees it."""

    def __init__(self, upstream: Upstream, token: str) -> None:
        self._upstream = upstream
        self._headers = {"authorization": f"Bearer {token}"}
        self._gate = asyncio.Semaphore(MAX_AT_ONCE)

    async def get(self, path: str, **parameters: Any) -> Any:
        """The object at `path`.

        Raises:
            Refused: 70 there is none, 50 it is not allowed, 0 it could not be had.
        """
        return await self._ask("GET", path, params=parameters)

    async def find(self, path: str, **parameters: Any) -> Any | None:
        """The object at `path`, or None where there is none."""
        try:
            return await self.get(path, **parameters)
        except Refused as refused:
            if refused.code != NOT_FOUND:
                raise
            return None

    async def send(self, method: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """What is answered to a change. Raises Refused as `get`."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/json"} if content is not None else {}
        return await self._ask(method, path, params=parameters, content=content, headers=headers)

    async def pages(self, path: str, most: int, under: str | None = None, **more: Any) -> list[Any]:
        """The first `most` items of a list with offsets; `under`: the member that holds it."""

        async def page(offset: int) -> Any:
            found = await self.get(path, limit=min(PAGE, most), offset=offset, **more)
            return found[under] if under else found

        first = await page(0)
        items = list(first["items"])
        if first.get("next") and len(items) < most:
            offsets = range(len(items), min(most, first.get("total", most)), PAGE)
            for part in await asyncio.gather(*(page(offset) for offset in offsets)):
                items += part["items"]
        return items[:most]

    async def several(
        self, kind: str, ids: Sequence[str], at_once: int, **more: Any
    ) -> dict[str, Any]:
        """Objects by the ids asked for, those that exist."""
        wanted = list(dict.fromkeys(ids))
        parts = [wanted[at : at + at_once] for at in range(0, len(wanted), at_once)]
        answers = await asyncio.gather(
            *(self.get(f"/v1/{kind}", ids=",".join(part), **more) for part in parts)
        )
        found: dict[str, Any] = {}
        for part, answer in zip(parts, answers, strict=True):
            found |= {id: it for id, it in zip(part, answer[kind], strict=True) if it}
        return found

    async def tracks(self, ids: Sequence[str]) -> dict[str, Any]:
        """Full tracks by id."""
        return await self.several("tracks", ids, 50, **MARKET)

    async def albums(self, ids: Sequence[str]) -> dict[str, Any]:
        """Full albums by id."""
        return await self.several("albums", ids, 20, **MARKET)

    async def _ask(self, method: str, path: str, headers: Any = None, **what: Any) -> Any:
        async with self._gate:
            answer = await self._upstream.request(
                method, path, headers={**self._headers, **(headers or {})}, **what
            )
        if answer.status_code >= 400:
            raise _refusal(path, answer)
        return msgspec.json.decode(answer.content) if answer.content else None


def _refusal(path: str, answer: httpx.Response) -> Refused:
    try:
        message = str(msgspec.json.decode(answer.content)["error"]["message"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        message = "try again"
    status = answer.status_code
    if status == 404:
        return Refused(NOT_FOUND, message)
    if status == 403:
        return Refused(NOT_AUTHORIZED, message)
    if status >= 500 or status in (401, 429):
        log.warning("%s answered %s", path, status)
        return Refused(GENERIC, "try again")
    return Refused(GENERIC, message)
