"""What attackers of an authorization server try (RFC 9700, OWASP), each refused by name."""

import asyncio
import base64
import json
import re
import time
from urllib.parse import urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from functions.accounts.attempts import ACCOUNT, ADDRESS, PAIR
from tests.functions.accounts.service import (
    CALLBACK,
    EMAIL,
    KEY,
    PASSWORD,
    SIGNER,
    Person,
    Service,
    answer_of,
    pkce,
    register,
    signed_in_tokens,
)
from tests.web import PUBLIC_URL, Clock, b64url

OTHER = ECKey.generate_key("P-256")


async def code_for(person: Person, application, **more: str) -> str:
    return answer_of(await person.authorize(**application.asks(**more)))["code"]


async def redeemed(person: Person, application, value: str, **more: str):
    return await person.token(
        **{
            "grant_type": "authorization_code",
            "code": value,
            "redirect_uri": CALLBACK,
            **application.credentials,
            **more,
        }
    )


# Redirects


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/callback",
        "https://app.example/callback/",
        "https://app.example/callback?x=1",
        "https://app.example/callback#x",
        "https://app.example/callback/../evil",
        "https://app.example:443/callback",
        "https://APP.example/callback",
        "https://app.example@evil.example/callback",
        "https://app.example/CALLBACK",
        "http://app.example/callback",
        "javascript:alert(1)",
        "//app.example/callback",
        "https://app.example/callback\r\nx: y",
        "https://app.example/callback%0d%0a",
        "",
        " https://app.example/callback",
        "https://app.example/callback\x00",
        "日本",
    ],
)
async def test_only_the_registered_redirect_uri_is_ever_redirected_to(uri: str):
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        asked = {**application.asks(), "redirect_uri": uri}
        response = await person.client.get("/authorize", params=asked)
        assert response.status_code == 400
        assert "location" not in response.headers
        assert "not right" in response.text


async def test_an_unknown_or_missing_client_is_told_to_the_person_only():
    async with Service().browser() as person:
        for client_id in ("", "nobody", "../x", "a" * 5000, "\x00", "operator"):
            asked = {"client_id": client_id, "response_type": "code", "redirect_uri": CALLBACK}
            response = await person.client.get("/authorize", params=asked)
            assert response.status_code == 400
            assert "location" not in response.headers


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": '"\x01é'}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": "rights:write"}, "invalid_scope"),
        ({"scope": "user-library-read"}, "invalid_scope"),
        ({"scope": "\x00"}, "invalid_request"),
        ({"state": "x" * 3000}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"request": "eyJ"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
    ],
)
async def test_errors_go_back_to_the_application_with_state_and_issuer(change: dict, error: str):
    async with Service().browser() as person:
        application = await register(person.client)
        asked = {**application.asks(), **change}
        response = await person.client.get("/authorize", params=asked)
        answer = answer_of(response)
        assert (answer["error"], answer["iss"]) == (error, PUBLIC_URL)
        assert answer["state"] == asked["state"]
        assert response.headers["location"].startswith(CALLBACK + "?")


async def test_a_parameter_given_twice_is_no_request():
    async with Service().browser() as person:
        application = await register(person.client)
        query = "&".join(f"{name}={value}" for name, value in application.asks().items())
        for doubled in ("redirect_uri=https://evil.example", "client_id=web-player", "scope="):
            response = await person.client.get(f"/authorize?{query}&{doubled}")
            assert response.status_code == 400
            assert "location" not in response.headers


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/authorize@evil.example",
        "/authorize/../..//evil.example",
        "javascript:alert(1)",
        "/account\r\nset-cookie: a=b",
        "/account/delete",
        "\x00",
        "/%2f/evil.example",
    ],
)
async def test_signing_in_leads_to_our_own_pages_only(where: str):
    async with Service().browser() as person:
        await person.sign_up()
        await person.submit("/account", action="/logout")
        shown = await person.client.get("/login", params={"next": where})
        response = await person.submit(
            "/login", page=shown, email=EMAIL, password=PASSWORD, next=where
        )
        assert response.headers["location"] == "/account"
        again = await person.client.get("/login", params={"next": where})
        assert again.headers["location"] == "/account"


# Codes


async def test_a_code_replayed_is_refused_and_ends_the_session_it_began():
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        code = await code_for(person, application)
        tokens = (await redeemed(person, application, code)).json()
        replayed = await redeemed(person, application, code)
        assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
        refreshed = await person.token(
            grant_type="refresh_token",
            refresh_token=tokens["refresh_token"],
            **application.credentials,
        )
        assert refreshed.json()["error"] == "invalid_grant"
        told = await person.client.post(
            "/oauth/introspect", data={"token": tokens["access_token"], **application.credentials}
        )
        assert told.json() == {"active": False}


async def test_of_many_who_redeem_a_code_at_once_at_most_one_gets_tokens_and_they_do_not_last():
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        code = await code_for(person, application)
        answers = await asyncio.gather(*(redeemed(person, application, code) for _ in range(5)))
        good = [it for it in answers if it.status_code == 200]
        assert len(good) <= 1
        assert all(it.json()["error"] == "invalid_grant" for it in answers if it not in good)
        for it in good:
            refreshed = await person.token(
                grant_type="refresh_token",
                refresh_token=it.json()["refresh_token"],
                **application.credentials,
            )
            assert refreshed.json()["error"] == "invalid_grant"


async def test_a_code_is_good_for_its_client_its_redirect_and_a_minute():
    clock = Clock()
    async with Service(clock).browser() as person:
        await person.sign_up()
        mine = await register(person.client)
        other = await register(person.client, name="Other")
        code = await code_for(person, mine)
        for change in (
            other.credentials,
            {"redirect_uri": "https://app.example/other"},
            {"redirect_uri": ""},
            {"code": code[:-1]},
            {"code": ""},
        ):
            refused = await redeemed(person, mine, code, **change)
            assert refused.status_code == 400
            assert refused.json()["error"] in ("invalid_grant", "invalid_request")
        clock.forward(seconds=61)
        assert (await redeemed(person, mine, code)).json()["error"] == "invalid_grant"
        fresh = await code_for(person, mine)
        assert (await redeemed(person, mine, fresh)).status_code == 200


# PKCE


async def test_a_public_client_cannot_do_without_pkce_nor_with_plain():
    async with Service().browser() as person:
        await person.sign_up()
        public = await register(person.client, public=True)
        verifier, challenge = pkce()
        for pair in (
            {},
            {"code_challenge": verifier},
            {"code_challenge": verifier, "code_challenge_method": "plain"},
            {"code_challenge": challenge, "code_challenge_method": "s256"},
            {"code_challenge": ""},
        ):
            answer = answer_of(await person.client.get("/authorize", params=public.asks(**pair)))
            assert answer["error"] == "invalid_request"


async def test_a_code_bound_to_a_challenge_needs_its_verifier():
    async with Service().browser() as person:
        await person.sign_up()
        for public in (True, False):
            application = await register(person.client, public=public)
            verifier, challenge = pkce()
            pair = {"code_challenge": challenge, "code_challenge_method": "S256"}
            code = await code_for(person, application, **pair)
            for wrong in (
                {},
                {"code_verifier": pkce()[0]},
                {"code_verifier": challenge},
                {"code_verifier": "x"},
                {"code_verifier": ""},
            ):
                refused = await redeemed(person, application, code, **wrong)
                assert refused.status_code == 400, wrong
            good = await redeemed(person, application, code, code_verifier=verifier)
            assert good.status_code == 200


async def test_a_verifier_without_a_challenge_betrays_a_downgrade():
    """RFC 9700 §4.8.2: someone removed the challenge from the authorization request."""
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        code = await code_for(person, application)
        refused = await redeemed(person, application, code, code_verifier=pkce()[0])
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


# Clients


async def test_no_client_uses_what_was_issued_to_another():
    async with Service().browser() as person:
        await person.sign_up()
        mine, other = await register(person.client), await register(person.client, name="Other")
        tokens = await signed_in_tokens(person, mine)
        refused = await person.token(
            grant_type="refresh_token",
            refresh_token=tokens["refresh_token"],
            **other.credentials,
        )
        assert refused.json()["error"] == "invalid_grant"
        for token in (tokens["access_token"], tokens["refresh_token"]):
            told = await person.client.post(
                "/oauth/introspect", data={"token": token, **other.credentials}
            )
            assert told.json() == {"active": False}
            denied = await person.client.post(
                "/oauth/revoke", data={"token": token, **other.credentials}
            )
            assert denied.json()["error"] == "invalid_grant"
        kept = await person.token(
            grant_type="refresh_token", refresh_token=tokens["refresh_token"], **mine.credentials
        )
        assert kept.status_code == 200, "and nothing happened to its owner"


async def test_a_confidential_client_without_its_secret_is_nobody():
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        public = await register(person.client, public=True)
        code = await code_for(person, application)
        bare = await person.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=CALLBACK,
            client_id=application.client_id,
        )
        assert (bare.status_code, bare.json()["error"]) == (401, "invalid_client")
        for secret in ("", "x", "0" * 64):
            pretended = await person.token(
                grant_type="client_credentials", client_id=public.client_id, client_secret=secret
            )
            assert pretended.status_code == 401
        app_only = await person.token(grant_type="client_credentials", client_id=public.client_id)
        assert app_only.json()["error"] == "unauthorized_client"
        told = await person.client.post(
            "/oauth/introspect", data={"token": "x", "client_id": public.client_id}
        )
        assert told.status_code == 401


@pytest.mark.parametrize("grant", ["password", "implicit", "urn:x", "a\x00b", "é", "x" * 9999])
async def test_other_grants_do_not_exist(grant: str):
    async with Service().browser() as person:
        application = await register(person.client)
        refused = await person.token(grant_type=grant, **application.credentials)
        assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")


# Refresh tokens


async def test_a_refresh_token_used_twice_ends_the_session_for_both():
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        first = await signed_in_tokens(person, application)
        form = {"grant_type": "refresh_token", **application.credentials}
        second = (await person.token(refresh_token=first["refresh_token"], **form)).json()
        thief = await person.token(refresh_token=first["refresh_token"], **form)
        assert thief.json()["error"] == "invalid_grant"
        owner = await person.token(refresh_token=second["refresh_token"], **form)
        assert owner.json()["error"] == "invalid_grant"


async def test_a_race_between_thief_and_owner_ends_the_session():
    service = Service()
    async with service.browser() as person, service.browser(service.app()) as elsewhere:
        await person.sign_up()
        application = await register(person.client)
        tokens = await signed_in_tokens(person, application)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": tokens["refresh_token"],
            **application.credentials,
        }
        answers = await asyncio.gather(
            *(it.token(**form) for it in (person, elsewhere, person, elsewhere))
        )
        good = [it.json() for it in answers if it.status_code == 200]
        assert len(good) <= 1
        for it in good:
            again = await person.token(**{**form, "refresh_token": it["refresh_token"]})
            assert again.json()["error"] == "invalid_grant"


async def test_a_made_up_token_ends_nobodys_session():
    """The session's id is in every access token; it must not help to end the session."""
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        tokens = await signed_in_tokens(person, application)
        sid = jwt.decode(tokens["access_token"], SIGNER.key, ["ES256"]).claims["sid"]
        form = {"grant_type": "refresh_token", **application.credentials}
        for guess in (sid, f"{sid}.x", f"{sid}.{'x' * 43}", ".", "x.y", "é", "\x00", "x" * 1999):
            refused = await person.token(refresh_token=guess, **form)
            assert refused.status_code == 400
        kept = await person.token(refresh_token=tokens["refresh_token"], **form)
        assert kept.status_code == 200


# Access tokens


def forged(claims: dict, header: dict, key=SIGNER.key) -> str:
    return jwt.encode({"alg": "ES256", "kid": SIGNER.kid, **header}, claims, key)


async def test_forged_foreign_and_expired_tokens_are_refused():
    async with Service().browser() as person:
        await person.sign_up()
        tokens = await signed_in_tokens(person, await register(person.client))
        claims = dict(jwt.decode(tokens["access_token"], SIGNER.key, ["ES256"]).claims)
        head, body, signature = tokens["access_token"].split(".")
        none = b64url(json.dumps({"alg": "none", "kid": SIGNER.kid}).encode())
        public_pem = SIGNER.key.as_pem(private=False)
        hmac_key = OctKey.import_key(base64.b64encode(public_pem))
        hs256 = jwt.encode({"alg": "HS256", "kid": SIGNER.kid}, claims, hmac_key)
        raised = b64url(json.dumps({**claims, "scope": "accounts:write"}).encode())
        for token in (
            f"{none}.{body}.",
            f"{none}.{body}.{signature}",
            hs256,
            f"{head}.{raised}.{signature}",
            f"{head}.{body}.{signature[:-4]}AAAA",
            f"{head}.{body}",
            forged({**claims, "aud": "another-service"}, {}),
            forged({**claims, "aud": ["segue", "x"]}, {}),
            forged({**claims, "iss": "https://evil.example"}, {}),
            forged({**claims, "exp": int(time.time()) - 1}, {}),
            forged({k: v for k, v in claims.items() if k != "exp"}, {}),
            forged(claims, {}, OTHER),
            forged(claims, {"kid": OTHER.thumbprint()}, OTHER),
            jwt.encode({"alg": "ES256", "kid": "x", "jku": "https://evil.example"}, claims, OTHER),
            tokens["refresh_token"],
            "x" * 10_000,
            "a.b.c",
            "",
        ):
            refused = await person.client.get(
                "/v1/me", headers={"authorization": f"Bearer {token}"}
            )
            assert refused.status_code == 401, token[:60]
            assert "error" in refused.json()


async def test_two_keys_are_live_while_one_replaces_the_other_and_then_the_old_one_is_not():
    old = Service()
    async with old.browser() as person:
        await person.sign_up()
        tokens = await signed_in_tokens(person, await register(person.client))
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    new_key = OTHER.as_pem(private=True).decode()
    old_public = SIGNER.key.as_pem(private=False).decode()
    for key, other, status, live in (
        (KEY, OTHER.as_pem(private=False).decode(), 200, 2),  # the next one is published first
        (new_key, old_public, 200, 2),  # it signs; the old one still verifies
        (new_key, "", 401, 1),  # the old one is gone
    ):
        turned = Service(key=key, other_key=other, collections=old.collections)
        async with turned.browser() as person:
            assert (await person.client.get("/v1/me", headers=bearer)).status_code == status
            keys = (await person.client.get("/oauth/jwks.json")).json()["keys"]
            assert len(keys) == live
            assert not any("d" in key for key in keys)


# Forms


async def test_a_form_from_another_site_does_nothing():
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        shown = await person.client.get("/authorize", params=application.asks())
        for headers in (
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ):
            refused = await person.submit(
                "/authorize", page=shown, headers=headers, decision="allow"
            )
            assert refused.status_code == 403
        for field in ({"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "é"}):
            refused = await person.submit("/authorize", page=shown, decision="allow", **field)
            assert refused.status_code == 403
        good = await person.submit(
            "/authorize", page=shown, headers={"origin": PUBLIC_URL}, decision="allow"
        )
        assert "code" in answer_of(good)


@pytest.mark.parametrize(
    "path",
    [
        "/login",
        "/signup",
        "/logout",
        "/authorize",
        "/device",
        "/account/profile",
        "/account/password",
        "/account/end-session",
        "/account/sign-out-everywhere",
        "/account/export",
        "/account/delete",
    ],
)
async def test_every_form_needs_its_hidden_field(path: str):
    async with Service().browser() as person:
        await person.sign_up()
        assert (await person.client.post(path, data={"password": PASSWORD})).status_code == 403
        assert (await person.client.post(path, content=b"[")).status_code == 400
        assert (await person.client.get("/account")).status_code == 200


async def test_another_visitors_hidden_field_is_worth_nothing():
    service = Service()
    async with service.browser() as person, service.browser() as attacker:
        await person.sign_up()
        theirs = await attacker.client.get("/login")
        refused = await person.submit("/login", page=theirs, email=EMAIL, password=PASSWORD)
        assert refused.status_code == 403


async def test_signing_in_begins_a_new_session_whatever_cookie_was_planted():
    async with Service().browser() as person:
        await person.sign_up()
        await person.submit("/account", action="/logout")
        planted = "x" * 43
        person.client.cookies.set("__Host-segue_session", planted)
        before = await person.client.get("/login")
        await person.submit("/login", page=before, email=EMAIL, password=PASSWORD)
        cookies = [it.value for it in person.client.cookies.jar if it.name.endswith("_session")]
        assert any(value != planted for value in cookies)
        async with Service(collections={}).browser() as attacker:
            attacker.client.cookies.set("__Host-segue_session", planted)
            assert (await attacker.client.get("/account")).status_code == 303


async def test_cookies_are_out_of_reach_of_scripts_and_other_hosts():
    async with Service().browser() as person:
        response = await person.sign_up()
        for header in response.headers.get_list("set-cookie"):
            assert header.startswith("__Host-")
            for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
                assert attribute in header
            assert "domain" not in header.lower()


@pytest.mark.parametrize("path", ["/login", "/signup", "/account", "/device", "/authorize?x=1"])
async def test_no_page_can_be_framed_scripted_or_cached(path: str):
    async with Service().browser() as person:
        if path in ("/account", "/device"):
            await person.sign_up()
        response = await person.client.get(path)
        policy = response.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "same-origin"
        assert response.headers["strict-transport-security"]
        assert "<script" not in response.text
        assert not re.search(r"\son\w+=|style=", response.text)


async def test_a_name_with_markup_is_shown_as_text():
    bad = '<img src=x onerror="alert(1)">'
    async with Service().browser() as person:
        await person.sign_up(name=bad)
        application = await register(person.client, name=bad)
        for response in (
            await person.client.get("/authorize", params=application.asks(state=bad)),
            await person.client.get("/account"),
        ):
            assert response.status_code == 200
            assert "<img" not in response.text
            assert "&lt;img" in response.text


async def test_forms_may_end_at_the_application_and_nowhere_else():
    async with Service().browser() as person:
        application = await register(person.client)
        first = await person.client.get("/authorize", params=application.asks())
        login = await person.client.get(first.headers["location"])
        assert "form-action 'self' https://app.example;" in login.headers["content-security-policy"]
        for query in (
            "client_id=x&redirect_uri=https://evil.example",
            "%ff",
            "client_id=a&client_id=b",
        ):
            page = await person.client.get("/login", params={"next": f"/authorize?{query}"})
            assert "form-action 'self';" in page.headers["content-security-policy"]


# Guessing


async def test_guessing_a_password_is_stopped_on_every_instance_for_the_guesser_only():
    service = Service()
    async with service.browser() as person:
        await person.sign_up()
    async with service.browser(service.app()) as one, service.browser(service.app()) as two:
        bad = {"x-forwarded-for": "6.6.6.6, 35.0.0.1"}
        for guesser in (one, two):
            guesser.client.headers.update(bad)
        statuses = [
            (await (one, two)[number % 2].sign_in(password=f"guess {number}")).status_code
            for number in range(PAIR.failures + 4)
        ]
        assert statuses[: PAIR.failures] == [403] * PAIR.failures
        assert set(statuses[PAIR.failures :]) == {429}
        right = await one.sign_in()
        assert right.status_code == 429
        assert int(right.headers["retry-after"]) > 0
    async with service.browser(service.app()) as elsewhere:
        elsewhere.client.headers["x-forwarded-for"] = "7.7.7.7, 35.0.0.1"
        assert (await elsewhere.sign_in()).status_code == 303, "its owner still gets in"


async def test_limits_end_by_themselves_even_if_nothing_deletes_their_documents():
    clock = Clock()
    service = Service(clock)
    async with service.browser() as person:
        await person.sign_up()
        await person.submit("/account", action="/logout")
        for number in range(PAIR.failures):
            await person.sign_in(password=f"guess {number}")
    async with service.browser(service.app()) as person:
        assert (await person.sign_in()).status_code == 429
        clock.forward(minutes=16)
        assert (await person.sign_in()).status_code == 303


@pytest.mark.slow
async def test_one_address_against_many_accounts_and_many_addresses_against_one_are_stopped():
    service = Service()
    async with service.browser() as person:
        await person.sign_up()
    async with service.browser(service.app()) as sprayer:
        sprayer.client.headers["x-forwarded-for"] = "6.6.6.6, 35.0.0.1"
        statuses = [
            (await sprayer.sign_in(f"user{number}@example.com")).status_code
            for number in range(ADDRESS.failures + 2)
        ]
        assert statuses[-2:] == [429, 429]
        assert 429 not in statuses[: ADDRESS.failures]
    async with service.browser(service.app()) as botnet:
        statuses = []
        for number in range(ACCOUNT.failures + 2):
            botnet.client.headers["x-forwarded-for"] = f"8.8.{number}.1, 35.0.0.1"
            statuses.append((await botnet.sign_in(password=f"guess {number}")).status_code)
        assert statuses[-2:] == [429, 429]
        assert 429 not in statuses[: ACCOUNT.failures]


async def test_guessing_a_television_code_is_stopped():
    async with Service().browser() as person:
        await person.sign_up()
        statuses = [
            (await person.submit("/device", user_code=f"BBBB-BB{a}{b}")).status_code
            for a in "BCD"
            for b in "BCDF"
        ]
        assert statuses == [400] * PAIR.failures + [429] * 2


async def test_who_has_an_account_is_not_told_by_the_sign_in_page():
    async with Service().browser() as person:
        await person.sign_up()
        await person.submit("/account", action="/logout")
        known = await person.sign_in(password="wrong password")
        unknown = await person.sign_in("nobody@example.com", "wrong password")
        assert known.status_code == unknown.status_code == 403

        def shape(text: str) -> str:
            return re.sub(r'value="[^"]*"', "", text)

        assert shape(known.text) == shape(unknown.text)


async def test_every_place_that_is_left_after_signing_out_everywhere_is_closed():
    service = Service()
    async with service.browser() as person, service.browser() as laptop:
        await person.sign_up()
        await laptop.sign_in()
        application = await register(person.client)
        tokens = await signed_in_tokens(person, application)
        pending = await code_for(person, application)
        done = await person.submit("/account", action="/account/sign-out-everywhere")
        assert done.headers["location"] == "/login"
        for browser in (person, laptop):
            assert (await browser.client.get("/account")).status_code == 303
        refreshed = await person.token(
            grant_type="refresh_token",
            refresh_token=tokens["refresh_token"],
            **application.credentials,
        )
        assert refreshed.json()["error"] == "invalid_grant"
        late = await redeemed(person, application, pending)
        assert late.json()["error"] == "invalid_grant", "a code from before opens nothing"


async def test_redirects_carry_the_code_to_the_registered_host_only():
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client, redirect_uris=["com.example.app:/cb"])
        response = await person.authorize(**application.asks())
        assert urlsplit(response.headers["location"]).scheme == "com.example.app"
