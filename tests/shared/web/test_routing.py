"""An index finds what a list of routes would have found."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.web.routing import Index
from tests.web import client_of


async def say(request: Request) -> Response:
    return PlainTextResponse(f"{request.scope['path']} {dict(request.path_params)}")


ROUTES = [
    Route("/_health", say),
    Route("/v1/tracks", say),
    Route("/v1/tracks/{id}", say),
    Route("/v1/tracks/{id}", say, methods=["DELETE"]),
    Route("/v1/me", say),
    Route("/v1/me/tracks", say),
    Route("/_events/{topic}", say, methods=["POST"]),
    Route("/{anything}/else", say),
]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["/", "/_health", "/v1", "/v1/tracks", "/v1/tracks/a", "/v1/tracks/a/b", "/v1/me",
     "/v1/me/tracks", "/v1/you", "/_events/x", "/x/else", "/v1/else", "//tracks", "/v1//a"],
)  # fmt: skip
async def test_an_index_answers_as_the_list_does(method: str, path: str):
    answers = []
    for routes in (ROUTES, [Index(ROUTES)]):
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        async with client_of(app) as client:  # type: ignore[arg-type]
            response = await client.request(method, path)
            answers.append((response.status_code, response.text, response.headers.get("allow")))
    assert answers[0] == answers[1]
