"""What every service does with any request: paths, bounds, errors, ids."""

import json
import logging
from typing import Annotated

import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel, Field

from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotLicensed,
    SegueError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from shared.web.app import create_app
from shared.web.logs import JsonFormatter
from shared.web.paging import Page, page_view
from tests.web import NOT_OBJECTS, client_of

RAISES: dict[str, Exception] = {
    "unauthenticated": Unauthenticated("m"),
    "large": TooLarge("m"),
    "invalid": Invalid("m", code="INVALID_ID"),
    "forbidden": Forbidden("m"),
    "licence": NotLicensed("m"),
    "missing": NotFound("m"),
    "conflict": Conflict("m"),
    "unavailable": Unavailable("secret detail"),
    "root": SegueError("secret detail"),
    "bug": ZeroDivisionError("secret detail"),
    "surrogate": Invalid("\ud800"),
}


class Body(BaseModel):
    name: Annotated[str, Field(max_length=1000)]
    size: int = 0


def app() -> FastAPI:
    app = create_app("test", max_body_bytes=1000)

    @app.get("/raise/{what}")
    async def fail(what: str) -> dict:
        raise RAISES[what]

    @app.post("/things")
    async def things(body: Body) -> dict:
        return {"name": body.name}

    @app.get("/things")
    async def listed(limit: Annotated[int, Query(ge=1, le=50)] = 20) -> dict:
        return {"limit": limit}

    return app


@pytest.mark.parametrize(
    ("what", "status", "reason"),
    [
        ("unauthenticated", 401, "UNAUTHENTICATED"),
        ("large", 413, "TOO_LARGE"),
        ("invalid", 400, "INVALID_ID"),
        ("forbidden", 403, "FORBIDDEN"),
        ("licence", 403, "NOT_LICENSED"),
        ("missing", 404, "NOT_FOUND"),
        ("conflict", 409, "CONFLICT"),
        ("unavailable", 503, "UNAVAILABLE"),
        ("root", 500, "INTERNAL"),
        ("bug", 500, "INTERNAL"),
        ("surrogate", 400, "INVALID"),
    ],
)
async def test_each_error_has_its_status_and_shape(what: str, status: int, reason: str):
    async with client_of(app()) as client:
        response = await client.get(f"/raise/{what}")
    assert response.status_code == status
    error = response.json()["error"]
    assert (error["status"], error["reason"]) == (status, reason)
    assert "secret" not in response.text


async def test_an_unexpected_error_is_logged_whole(caplog: pytest.LogCaptureFixture):
    async with client_of(app()) as client:
        await client.get("/raise/bug")
    assert any(
        record.exc_info and "secret detail" in str(record.exc_info[1]) for record in caplog.records
    )


@pytest.mark.parametrize("path", ["/things/", "/things//", "/_health/", "/_health"])
async def test_a_trailing_slash_is_answered_without_redirect(path: str):
    async with client_of(app()) as client:
        response = await client.get(path)
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/nothing", "/"])
async def test_no_documentation_and_no_other_path_is_served(path: str):
    async with client_of(app()) as client:
        response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["reason"] == "NOT_FOUND"


async def test_another_method_is_405_with_those_allowed():
    async with client_of(app()) as client:
        response = await client.put("/raise/bug", content=b"{}")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET"
    assert response.json()["error"]["reason"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("body", NOT_OBJECTS)
async def test_a_body_that_is_no_object_is_400(body: bytes):
    async with client_of(create_app_with_room()) as client:
        response = await client.post(
            "/things", content=body, headers={"content-type": "application/json"}
        )
    assert response.status_code == 400
    assert response.json()["error"]["reason"] == "INVALID"


def create_app_with_room() -> FastAPI:
    app = create_app("test")

    @app.post("/things")
    async def things(body: Body) -> dict:
        return {"name": body.name}

    return app


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ('{"name": 1}', "body.name"),
        ('{"name": "\\ud800"}', "body.name"),
        ('{"name": "x", "size": "many"}', "body.size"),
        ('{"name": "x", "size": 1e400}', "body.size"),
        ('{"name": "x", "size": ' + "9" * 5000 + "}", ""),
        ('{"size": NaN, "name": "x"}', "body.size"),
        ("{}", "body.name"),
    ],
)
async def test_a_wrong_field_is_named_by_its_path(body: str, path: str):
    async with client_of(create_app_with_room()) as client:
        response = await client.post(
            "/things", content=body.encode(), headers={"content-type": "application/json"}
        )
    assert response.status_code == 400
    assert path in response.json()["error"]["message"]


async def test_a_body_above_the_limit_is_413_whether_announced_or_not():
    async def chunks():
        for _ in range(20):
            yield b"x" * 100

    async with client_of(app()) as client:
        for content in (b"x" * 1001, chunks()):
            response = await client.post("/things", content=content)
            assert response.status_code == 413
            assert response.json()["error"]["reason"] == "TOO_LARGE"
        fits = json.dumps({"name": "x" * 900}).encode()
        response = await client.post(
            "/things", content=fits, headers={"content-type": "application/json"}
        )
        assert response.status_code == 200


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=51", "limit=x", "limit=%00", "limit=" + "9" * 5000]
)
async def test_a_wrong_query_is_400(query: str):
    async with client_of(app()) as client:
        response = await client.get(f"/things?{query}")
    assert response.status_code == 400
    assert "query.limit" in response.json()["error"]["message"]


async def test_the_callers_trace_is_the_requests_id():
    trace = "0af7651916cd43dd8448eb211c80319c"
    async with client_of(app()) as client:
        for headers in (
            {"traceparent": f"00-{trace}-b7ad6b7169203331-01"},
            {"x-cloud-trace-context": f"{trace}/123;o=1"},
        ):
            response = await client.get("/_health", headers=headers)
            assert response.headers["x-request-id"] == trace
        for bad in ("", "x", "00-xyz-1-1", "00-" + "g" * 32 + "-1-1", "\r"):
            response = await client.get("/_health", headers={"traceparent": bad})
            assert len(response.headers["x-request-id"]) == 32


def test_a_log_line_is_one_json_object_with_the_stack():
    try:
        raise ValueError("line one\nline two")
    except ValueError as error:
        record = logging.LogRecord(
            "segue",
            logging.ERROR,
            __file__,
            1,
            "failed: %s",
            ("\ud800",),
            (ValueError, error, None),
        )
    line = JsonFormatter("project").format(record)
    entry = json.loads(line)
    assert "\n" not in line
    assert entry["severity"] == "ERROR"
    assert "line two" in entry["stack_trace"]
    line.encode()


def test_pages_link_to_their_neighbours():
    first = page_view("https://h/v1/tracks", Page(2, 0), ["a", "b"], 5)
    assert first["previous"] is None
    assert first["next"] == "https://h/v1/tracks?offset=2&limit=2"
    last = page_view("https://h/v1/tracks", Page(2, 4), ["e"], 5)
    assert last["next"] is None
    assert last["previous"] == "https://h/v1/tracks?offset=2&limit=2"
