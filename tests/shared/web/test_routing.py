"""An index finds what a list of routes would have found."""

import pytest
from fastapi import APIRouter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from shared.web.app import create_app
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


class Counted(Route):
    asked = 0

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        self.asked += 1
        return super().matches(scope)


@pytest.mark.parametrize(("path", "status"), [("/v1/tracks/a", 200), ("/v1/tracks/a/b", 404)])
async def test_a_request_that_nothing_answers_straight_is_matched_once(path: str, status: int):
    route = Counted("/v1/tracks/{id}", say)
    router = APIRouter()
    router.routes.append(route)
    async with client_of(create_app("x", router)) as client:
        response = await client.get(path)
    assert (response.status_code, route.asked) == (status, 1)
