"""`/v1/users/{id}/playlists` of the Web API: playlists' to answer, on a path of accounts'.

A URL map's rules end in a wildcard and hold none before, so the path leads here and is passed on,
with the caller's own token, to where playlists serves the same.
"""

import httpx
from fastapi import APIRouter, Request, Response

from shared.errors import Unavailable
from shared.ids import parse_id

TIMEOUT_S = 20
_SENT = ("authorization", "content-type", "if-none-match", "idempotency-key")
_ANSWERED = ("content-type", "etag", "cache-control", "location", "retry-after", "www-authenticate")


def routes(http: httpx.AsyncClient, public_url: str) -> APIRouter:
    """Passes requests on to `{public_url}/v1/playlists/users/{id}`."""
    router = APIRouter()

    @router.api_route(
        "/v1/users/{user_id}/playlists", methods=["GET", "POST"], include_in_schema=False
    )
    async def pass_on(user_id: str, request: Request) -> Response:
        address = f"{public_url}/v1/playlists/users/{parse_id(user_id, 'user id')}"
        try:
            answer = await http.request(
                request.method,
                address,
                params=str(request.query_params),
                content=await request.body(),
                headers={name: it for name in _SENT if (it := request.headers.get(name))},
                timeout=TIMEOUT_S,
            )
        except httpx.HTTPError as error:
            raise Unavailable(f"playlists did not answer: {error!r}") from error
        headers = {name: it for name in _ANSWERED if (it := answer.headers.get(name))}
        return Response(answer.content, answer.status_code, headers)

    return router
