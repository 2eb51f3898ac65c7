"""Whatever is sent to any route of any service: a named 4xx, never a 5xx, never a stack."""

import json
import random
from functools import cache
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.events import api as events_api
from shared.web.app import create_app
from tests.functions.accounts import test_api as accounts
from tests.functions.catalog import fakes
from tests.functions.events.test_api import report
from tests.functions.playback import test_api as playback
from tests.functions.rights import test_api as rights
from tests.web import NOW, Published, Tokens, client_of

TOKENS = Tokens()


def events_app() -> FastAPI:
    router = events_api.routes(Published(), now=lambda: NOW)
    return create_app("events", router, verifier=TOKENS.verifier())


# (app, its tokens, method and path, a good body to spoil)
ROUTES: dict[str, tuple[Any, Tokens, str, dict[str, Any]]] = {
    "uploads": (
        lambda: fakes.Catalog().app(),
        fakes.TOKENS,
        "/v1/uploads",
        {"filename": "a.flac", "size_bytes": 5, "artists": ["Ada"], "isrc": "SEABC2600001"},
    ),
    "licences": (
        lambda: rights.Service().app(),
        rights.TOKENS,
        "/v1/rights/licences",
        rights.asked(starts_at="2026-01-01T00:00:00Z", ends_at=None),
    ),
    "plays": (
        lambda: playback.Service().app(),
        playback.TOKENS,
        "/v1/plays",
        {"track_id": playback.TRACK},
    ),
    "events": (events_app, TOKENS, "/v1/events", {"events": [report()]}),
    "clients": (
        accounts.app,
        Tokens(accounts.SIGNER.key),
        "/v1/clients",
        {"name": "x", "scopes": ["streaming"], "plan": "free", "territory": "SE"},
    ),
    "users": (
        accounts.app,
        Tokens(accounts.SIGNER.key),
        "/v1/users",
        {"email": "a@b.se", "display_name": "x", "password": "horse battery", "territory": "SE"},
    ),
}


@cache
def app_of(name: str) -> FastAPI:
    """One app for all examples: building it costs more than asking it."""
    return ROUTES[name][0]()


SCOPES = "uploads:write rights:write streaming accounts:write user-read-recently-played"

_text = st.text(max_size=40) | st.sampled_from(["\x00", "\ud800", "../..", "9" * 400, "😀" * 600])
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62)
    | st.floats()
    | _text
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("name", ROUTES)
async def test_unspoiled_the_request_passes(name: str):
    _, tokens, path, good = ROUTES[name]
    async with client_of(app_of(name)) as client:
        response = await client.post(path, json=good, headers=tokens.bearer(SCOPES))
    if name == "plays":
        assert response.json()["error"]["reason"] == "TRACK_NOT_FOUND"
    else:
        assert response.is_success, response.text


@pytest.mark.parametrize("name", ROUTES)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(spoil=st.dictionaries(st.integers(0, 5), _json, min_size=1), extra=_json)
async def test_spoiled_bodies_never_break_a_service(name: str, spoil: dict[int, Any], extra: Any):
    _, tokens, path, good = ROUTES[name]
    keys = list(good)
    body = {**good, **{keys[index % len(keys)]: value for index, value in spoil.items()}}
    async with client_of(app_of(name)) as client:
        for sent in (body, {**good, str(extra)[:30]: extra}, extra):
            response = await client.post(
                path,
                content=json.dumps(sent).encode(),
                headers={**tokens.bearer(SCOPES), "content-type": "application/json"},
            )
            assert response.status_code < 500, response.text
            if response.status_code >= 400:
                error = response.json()["error"]
                assert error["status"] == response.status_code
                assert (error.get("reason") or error["code"]).isupper()
                assert "Traceback" not in response.text


@pytest.mark.parametrize("name", ROUTES)
async def test_noise_never_breaks_a_service(name: str):
    _, tokens, path, good = ROUTES[name]
    noise = random.Random(name)
    whole = json.dumps(good).encode()
    async with client_of(app_of(name)) as client:
        for _ in range(100):
            cut = noise.randrange(len(whole))
            content = whole[:cut] + noise.randbytes(noise.randrange(4)) + whole[cut + 1 :]
            response = await client.post(
                path,
                content=content,
                headers={**tokens.bearer(SCOPES), "content-type": "application/json"},
            )
            assert response.status_code < 500, content


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/xml", "x", ""])
async def test_another_content_type_is_refused(name: str, kind: str):
    _, tokens, path, good = ROUTES[name]
    async with client_of(app_of(name)) as client:
        response = await client.post(
            path,
            content=json.dumps(good).encode(),
            headers={**tokens.bearer(SCOPES), "content-type": kind},
        )
    assert response.status_code == 400
