"""Whatever is sent to whatever accounts serves: a page, a redirect or a named refusal, no 5xx."""

import random
from urllib.parse import quote, urlencode

import pytest
from fastapi.routing import APIRoute

from tests.functions.accounts.service import CALLBACK, SIGNER, Service, register
from tests.web import Tokens

BITS = (
    "", "\x00", "\ud800", "é", "日本", "😀" * 50, "x" * 9000, "../..", "%", "%00", "%zz",
    "\r\nx: y", "null", "[]", "{}", "-1", "1e999", "9" * 400, "' or 1=1 --", "<script>", "__x__",
    "a.b.c", ".", "operator", "web-player", CALLBACK, "code", "S256", "true", "allow",
    "refresh_token", "authorization_code", "urn:ietf:params:oauth:grant-type:device_code",
    "BCDF-GHJK",
)  # fmt: skip
NAMES = (
    "client_id", "client_secret", "redirect_uri", "response_type", "scope", "state", "code",
    "code_challenge", "code_challenge_method", "code_verifier", "grant_type", "refresh_token",
    "device_code", "user_code", "token", "token_type_hint", "next", "email", "password", "name",
    "country", "decision", "session_id", "current", "new", "show_dialog", "csrf", "\x00", "é",
)  # fmt: skip


def encoded(fields: dict[str, str]) -> str:
    return urlencode(fields, errors="surrogatepass")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
async def test_noise_never_breaks_accounts(seed: int):
    noise = random.Random(seed)
    service = Service()
    app = service.app()
    paths = sorted(
        {
            (method, it.path)
            for it in app.state.served
            if isinstance(it, APIRoute)
            for method in it.methods
        }
    )
    tokens = Tokens(SIGNER.key)
    async with service.browser(app) as person:
        await person.sign_up()
        application = await register(person.client)
        shown = await person.client.get("/authorize", params=application.asks())
        csrf = shown.text.partition('name="csrf" value="')[2].partition('"')[0]
        for _ in range(400):
            method, template = noise.choice(paths)
            path = template
            for name in ("user_id", "session_id", "device_id", "name"):
                path = path.replace(
                    "{" + name + "}", quote(noise.choice(BITS), safe="", errors="surrogatepass")
                )
            fields = {noise.choice(NAMES): noise.choice(BITS) for _ in range(noise.randrange(6))}
            if noise.random() < 0.5:
                fields |= {**application.asks(), **application.credentials, "csrf": csrf}
                fields[noise.choice(list(fields))] = noise.choice(BITS)
            body = encoded(fields).encode()
            if noise.random() < 0.2:
                body = noise.randbytes(noise.randrange(200))
            headers = {
                "content-type": noise.choice(
                    ("application/x-www-form-urlencoded", "application/json", "text/plain", "")
                ),
                "x-forwarded-for": f"9.9.{noise.randrange(250)}.{noise.randrange(250)}, 35.0.0.1",
            }
            if noise.random() < 0.5:
                headers |= tokens.bearer("user-account accounts:write user-read-private")
            response = await person.client.request(
                method,
                f"{path}?{encoded(fields)}" if noise.random() < 0.5 else path,
                content=body if method != "GET" else None,
                headers=headers,
            )
            assert response.status_code < 500, (method, path, fields, response.text)
            if response.status_code >= 400 and "json" in response.headers["content-type"]:
                assert "error" in response.json()
