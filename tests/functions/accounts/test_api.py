"""The token endpoint (RFC 6749), the keys, and registering clients."""

import base64
import time
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey

from functions.accounts import domain
from functions.accounts.signing import Signer
from shared.web.keys import StaticKeys, parse_jwks
from shared.web.principal import Verifier
from tests.functions.accounts.service import SECRET, SIGNER, Service
from tests.web import NOT_OBJECTS, PUBLIC_URL, Tokens, client_of


def app() -> FastAPI:
    return Service().app()


def basic(client_id: str, secret: str) -> dict[str, str]:
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


async def token(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    data = {"grant_type": "client_credentials", "client_id": "operator", "client_secret": SECRET}
    return await client.post("/api/token", data={**data, **form})


async def test_a_token_by_form_and_by_header_verifies_with_the_published_key():
    async with client_of(app()) as client:
        keys = parse_jwks((await client.get("/oauth/jwks.json")).json(), "ES256")
        by_header = await client.post(
            "/api/token",
            data={"grant_type": "client_credentials"},
            headers=basic("operator", SECRET),
        )
        for response in (await token(client), by_header):
            assert response.status_code == 200
            assert response.headers["cache-control"] == "no-store"
            body = response.json()
            assert body["token_type"] == "Bearer"
            assert body["expires_in"] == 3600
            verifier = Verifier(StaticKeys(keys), PUBLIC_URL)
            principal = await verifier.verify(body["access_token"])
            assert principal.user_id == "operator"
            assert principal.scopes == domain.SCOPES == set(body["scope"].split())


async def test_the_key_id_is_the_thumbprint_and_nothing_private_is_published():
    async with client_of(app()) as client:
        (key,) = (await client.get("/oauth/jwks.json")).json()["keys"]
        issued = (await token(client)).json()["access_token"]
    assert key["kid"] == SIGNER.key.thumbprint()
    assert "d" not in key
    assert jwt.decode(issued, SIGNER.key, ["ES256"]).header["kid"] == key["kid"]


async def test_a_scope_may_be_narrowed():
    async with client_of(app()) as client:
        response = await token(client, scope="streaming")
        assert response.json()["scope"] == "streaming"
        refused = await token(client, scope="streaming everything")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("form", "error", "status"),
    [
        ({"client_secret": "wrong"}, "invalid_client", 401),
        ({"client_secret": ""}, "invalid_client", 401),
        ({"client_id": "nobody"}, "invalid_client", 401),
        ({"client_id": "../operator"}, "invalid_client", 401),
        ({"client_id": "a\x00b"}, "invalid_client", 401),
        ({"client_id": "__x__"}, "invalid_client", 401),
        ({"client_id": "x" * 5000}, "invalid_client", 401),
        ({"client_id": "日本"}, "invalid_client", 401),
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"grant_type": ""}, "invalid_request", 400),
    ],
)
async def test_errors_are_oauths(form: dict[str, str], error: str, status: int):
    async with client_of(app()) as client:
        response = await token(client, **form)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.json()["error_description"]
    assert ("www-authenticate" in response.headers) == (status == 401)


@pytest.mark.parametrize("body", [*NOT_OBJECTS, b"grant_type=%ff", b"a=1&a=2", b"&" * 100, b"a&b"])
async def test_a_body_that_is_no_form_is_refused_by_name(body: bytes):
    async with client_of(app()) as client:
        for content_type in ("application/json", "application/x-www-form-urlencoded", ""):
            response = await client.post(
                "/api/token", content=body, headers={"content-type": content_type}
            )
            assert response.status_code in (400, 401)
            assert response.json()["error"] in ("invalid_request", "invalid_client")


@pytest.mark.parametrize(
    "header", ["Basic", "Basic ***", "Basic " + base64.b64encode(b"\xff:\xfe").decode(), "Digest x"]
)
async def test_a_malformed_header_is_an_invalid_client(header: str):
    async with client_of(app()) as client:
        response = await client.post(
            "/api/token",
            data={"grant_type": "client_credentials"},
            headers={"authorization": header},
        )
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


async def test_two_ways_of_authentication_are_refused():
    async with client_of(app()) as client:
        response = await client.post(
            "/api/token",
            data={"grant_type": "client_credentials", "client_secret": SECRET},
            headers=basic("operator", SECRET),
        )
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_guessing_is_slowed_for_the_guesser_only():
    async with client_of(app()) as client:
        guesser = {"x-forwarded-for": "9.9.9.9, 35.0.0.1"}
        data = {"grant_type": "client_credentials", "client_id": "operator", "client_secret": "x"}
        statuses = [
            (await client.post("/api/token", data=data, headers=guesser)).status_code
            for _ in range(12)
        ]
        assert statuses == [401] * 10 + [429] * 2
        assert (await token(client)).status_code == 200


async def test_a_registered_client_gets_its_own_tokens():
    async with client_of(app()) as client:
        issued = (await token(client)).json()["access_token"]
        bearer = {"authorization": f"Bearer {issued}"}
        asked = {"name": "Player é", "scopes": ["streaming"], "plan": "free", "territory": "DE"}
        made = await client.post("/v1/clients", json=asked, headers=bearer)
        assert made.status_code == 201
        assert made.headers["cache-control"] == "no-store"
        response = await token(client, **made.json())
        assert response.status_code == 200
        claims = jwt.decode(response.json()["access_token"], SIGNER.key, ["ES256"]).claims
        assert (claims["plan"], claims["territory"], claims["scope"]) == ("free", "DE", "streaming")
        mine = {"authorization": f"Bearer {response.json()['access_token']}"}
        assert (await client.post("/v1/clients", json=asked, headers=mine)).status_code == 403


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "a\x00b"},
        {"name": "x" * 201},
        {"name": 1},
        {"scopes": "streaming"},
        {"scopes": ["x"]},
        {"scopes": [1]},
        {"plan": "gold"},
        {"territory": "Sweden"},
        {"territory": None},
        {"client_id": "mine"},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": "https://a.example/"},
        {"public": True, "scopes": ["rights:write"]},
    ],
)
async def test_a_wrong_registration_is_400(changes: dict):
    asked = {"name": "x", "scopes": ["streaming"], "plan": "free", "territory": "SE"}
    async with client_of(app()) as client:
        issued = (await token(client)).json()["access_token"]
        response = await client.post(
            "/v1/clients",
            json={**asked, **changes},
            headers={"authorization": f"Bearer {issued}"},
        )
    assert response.status_code == 400
    assert response.json()["error"]["reason"].startswith("INVALID")


async def test_a_foreign_token_registers_nothing():
    foreign = Tokens()
    for headers in ({}, foreign.bearer("accounts:write")):
        async with client_of(app()) as client:
            response = await client.post("/v1/clients", json={}, headers=headers)
        assert response.status_code == 401


@pytest.mark.parametrize(
    "pem", ["", "x", ECKey.generate_key("P-384").as_pem(private=True).decode()]
)
def test_a_wrong_signing_key_is_refused_at_start(pem: str):
    with pytest.raises(ValueError):  # noqa: PT011 - joserfc's own errors derive from it
        Signer.from_pem(pem)


def test_signing_is_quick():
    claims = {"exp": int(time.time())}
    began = time.process_time()
    for _ in range(50):
        SIGNER.sign(claims)
    assert (time.process_time() - began) / 50 < 0.005
