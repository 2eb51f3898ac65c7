"""`GET /v1/plays/manifests/…`: a manifest for players that cannot add a query to addresses.

The signature is all that is asked for: such a player sends no token. The manifest is fetched from
the edge with it, so the edge decides, and every live key counts.
"""

from collections.abc import Iterable

import httpx
from fastapi import APIRouter, Request, Response

from functions.playback.delivery import MANIFESTS
from functions.playback.edges import Edge
from functions.playback.manifests import Source, absolute, source_of
from shared.errors import Forbidden, NotFound, Unavailable

TIMEOUT_S = 5.0
MAX_BYTES = 2 << 20
TYPES = {"m3u8": "application/vnd.apple.mpegurl", "mpd": "application/dash+xml"}


class Manifests:
    """Fetches manifests from our own edges."""

    def __init__(
        self,
        public_url: str,
        edges: Iterable[Edge],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = public_url + MANIFESTS
        self.edges = frozenset({public_url, *(edge.url for edge in edges)})
        self._client = httpx.AsyncClient(transport=transport, timeout=TIMEOUT_S)

    async def get(self, source: Source) -> str:
        """The manifest's text.

        Raises:
            Forbidden, NotFound: the edge says so.
            Unavailable: it does not answer as an edge does.
        """
        try:
            response = await self._client.get(source.url)
        except httpx.HTTPError as error:
            raise Unavailable(f"{source.base} does not answer: {error!r}") from error
        if response.status_code == 403:
            raise Forbidden("the signature is refused", code="CDN_SIGNATURE_REFUSED")
        if response.status_code == 404:
            raise NotFound("there is no such manifest", code="MANIFEST_NOT_FOUND")
        if response.status_code != 200 or len(response.content) > MAX_BYTES:
            raise Unavailable(f"{source.base} answers {response.status_code}")
        return response.text

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def routes(manifests: Manifests) -> APIRouter:
    """`GET /v1/plays/manifests/{path}?{signature}`."""
    router = APIRouter()

    @router.get(MANIFESTS + "/{path:path}")
    async def get_manifest(path: str, request: Request) -> Response:
        query = request.scope["query_string"].decode("latin-1")
        source = source_of(path, query, manifests.edges)
        text = absolute(await manifests.get(source), source, manifests.url)
        headers = {"cache-control": "private, max-age=60", "access-control-allow-origin": "*"}
        return Response(text, 200, headers, TYPES[path.rpartition(".")[2]])

    return router
