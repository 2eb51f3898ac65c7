"""The short way answers what FastAPI's own way answers, whatever is sent."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import NotFound
from shared.web.answers import answer
from shared.web.app import create_app
from shared.web.principal import Principal, requires
from shared.web.straight import straight
from tests.web import Tokens, client_of

TOKENS = Tokens()
Listener = Annotated[Principal, Depends(requires("streaming"))]


class Ask(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=5)]
    size: int = 0


def router(*, plain: bool) -> APIRouter:
    """The same three routes; not `plain`, each takes a parameter that only FastAPI can read."""
    routes = APIRouter()
    more: Any = None if plain else Query(None)

    async def show(thing_id: str, request: Request, listener: Listener) -> Response:
        if thing_id == "none":
            raise NotFound("no such thing")
        return answer({"id": thing_id, "of": listener.plan, "asked": str(request.query_params)})

    async def make(ask: Ask, listener: Listener) -> Response:
        return answer({"name": ask.name, "size": ask.size}, 201)

    async def slow_show(
        thing_id: str, request: Request, listener: Listener, unused: str | None = more
    ) -> Response:
        return await show(thing_id, request, listener)

    async def slow_make(ask: Ask, listener: Listener, unused: str | None = more) -> Response:
        return await make(ask, listener)

    routes.add_api_route("/v1/things/{thing_id}", show if plain else slow_show, methods=["GET"])
    routes.add_api_route("/v1/things", make if plain else slow_make, methods=["POST"])
    return routes


def test_only_what_asks_for_little_is_called_straight():
    def ways(plain: bool) -> list[bool]:
        routes = [it for it in router(plain=plain).routes if isinstance(it, APIRoute)]
        return [straight(it) is not None for it in routes]

    assert ways(plain=True) == [True, True]
    assert ways(plain=False) == [False, False]


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("GET", "/v1/things/a?x=1", b"", {}),
        ("GET", "/v1/things/a/", b"", {}),
        ("GET", "/v1/things/none", b"", {}),
        ("GET", "/v1/things/a/b", b"", {}),
        ("GET", "/v1/things/%00", b"", {}),
        ("HEAD", "/v1/things/a", b"", {}),
        ("PUT", "/v1/things/a", b"{}", JSON),
        ("POST", "/v1/things", b'{"name":"abc","size":3}', JSON),
        ("POST", "/v1/things/", b'{"name":"abc"}', {"content-type": "application/json; v=1"}),
        ("POST", "/v1/things", b'{"name":"abc"}', {"content-type": "text/plain"}),
        ("POST", "/v1/things", b'{"name":"abc"}', {}),
        ("POST", "/v1/things", b'{"name":"abcdef"}', JSON),
        ("POST", "/v1/things", b'{"name":"abc","more":1}', JSON),
        ("POST", "/v1/things", b'{"name":', JSON),
        ("POST", "/v1/things", b"", JSON),
        ("POST", "/v1/things", b"[" * 5000, JSON),
        ("POST", "/v1/things", b'{"name":"\\ud800"}', JSON),
        ("POST", "/v1/things", b'{"name":"\xff"}', JSON),
        ("POST", "/v1/things", b'{"name":"a","size":"7"}', JSON),
        ("POST", "/v1/things", b'{"name":"a","size":1e3}', JSON),
    ],
)
@pytest.mark.parametrize("scope", ["streaming", "other", None])
async def test_the_short_way_answers_as_the_long_one(
    method: str, path: str, body: bytes, headers: dict[str, str], scope: str | None
):
    bearer = TOKENS.bearer(scope) if scope else {}
    answers = []
    for plain in (True, False):
        app = create_app("things", router(plain=plain), verifier=TOKENS.verifier())
        async with client_of(app) as client:
            got = await client.request(method, path, content=body, headers={**headers, **bearer})
        kept = {k: v for k, v in got.headers.items() if k != "x-request-id"}
        assert len(got.headers["x-request-id"]) == 32
        answers.append((got.status_code, got.content, kept))
    assert answers[0] == answers[1]
