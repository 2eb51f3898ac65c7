"""Signing up, signing in, and every grant, as people and applications go through them."""

from joserfc import jwt

from tests.functions.accounts.service import (
    EMAIL,
    PASSWORD,
    SIGNER,
    Service,
    answer_of,
    operator,
    pkce,
    register,
    signed_in_tokens,
)
from tests.web import PUBLIC_URL, Clock


def claims_of(token: str) -> dict:
    return jwt.decode(token, SIGNER.key, ["ES256"]).claims


async def test_a_stranger_signs_up_while_an_application_waits_and_is_sent_back_to_it():
    async with Service().browser() as person:
        application = await register(person.client)
        verifier, challenge = pkce()
        asks = application.asks(code_challenge=challenge, code_challenge_method="S256")
        first = await person.client.get("/authorize", params=asks)
        assert first.headers["location"].startswith("/login?next=%2Fauthorize")
        login = await person.client.get(first.headers["location"])
        assert "Example App" in login.text
        link = login.text.partition('href="/signup?')[2].partition('"')[0]
        made = await person.submit(
            f"/signup?{link}", email=EMAIL, name="Ada", password=PASSWORD, country="SE"
        )
        assert made.headers["location"].startswith("/authorize?")
        consent = await person.client.get(made.headers["location"])
        assert "See your country, your plan" in consent.text
        answer = answer_of(await person.submit("/authorize", page=consent, decision="allow"))
        assert (answer["state"], answer["iss"]) == ("xyz", PUBLIC_URL)
        tokens = await person.token(
            grant_type="authorization_code",
            code=answer["code"],
            redirect_uri=application.redirect_uri,
            code_verifier=verifier,
            **application.credentials,
        )
        claims = claims_of(tokens.json()["access_token"])
        assert (claims["plan"], claims["territory"]) == ("free", "SE")
        assert claims["client_id"] == application.client_id
        assert claims["exp"] - claims["iat"] == tokens.json()["expires_in"] == 900
        me = await person.client.get(
            "/v1/me", headers={"authorization": f"Bearer {tokens.json()['access_token']}"}
        )
        assert me.json()["id"] == claims["sub"]
        assert me.json()["product"] == "open"
        assert "email" not in me.json(), "user-read-email was not asked for"


async def test_a_confidential_client_needs_no_pkce():
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        code = answer_of(await person.authorize(**application.asks()))["code"]
        tokens = await person.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=application.redirect_uri,
            **application.credentials,
        )
        assert tokens.json()["scope"] == "user-read-private"


async def test_saying_no_tells_the_application():
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        answer = answer_of(await person.authorize("deny", **application.asks()))
        assert (answer["error"], answer["iss"]) == ("access_denied", PUBLIC_URL)
        assert "code" not in answer


async def test_consent_is_asked_once_of_a_client_that_proves_itself_and_always_of_a_public_one():
    async with Service().browser() as person:
        await person.sign_up()
        known = await register(person.client)
        await person.authorize(**known.asks())
        assert "code" in answer_of(await person.client.get("/authorize", params=known.asks()))
        more = await person.client.get("/authorize", params=known.asks("user-read-email"))
        assert more.status_code == 200, "more than was allowed before"
        again = await person.client.get("/authorize", params=known.asks(show_dialog="true"))
        assert again.status_code == 200
        public = await register(person.client, public=True)
        pair = {"code_challenge": pkce()[1], "code_challenge_method": "S256"}
        await person.authorize(**public.asks(**pair))
        shown = await person.client.get("/authorize", params=public.asks(**pair))
        assert shown.status_code == 200


async def test_the_player_is_registered_already_and_never_asks():
    async with Service().browser() as person:
        await person.sign_up()
        query = {
            "client_id": "web-player",
            "response_type": "code",
            "redirect_uri": f"{PUBLIC_URL}/",
            "scope": "streaming user-library-read",
            "code_challenge": pkce()[1],
            "code_challenge_method": "S256",
        }
        assert "code" in answer_of(await person.client.get("/authorize", params=query))


async def test_refreshing_rotates_and_may_narrow_the_scope():
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        tokens = await signed_in_tokens(person, application, "user-read-private user-read-email")
        form = {"grant_type": "refresh_token", **application.credentials}
        second = await person.token(
            refresh_token=tokens["refresh_token"], scope="user-read-email", **form
        )
        assert second.json()["scope"] == "user-read-email"
        assert second.json()["refresh_token"] != tokens["refresh_token"]
        third = await person.token(refresh_token=second.json()["refresh_token"], **form)
        assert third.json()["scope"] == "user-read-private user-read-email"
        wider = await person.token(
            refresh_token=third.json()["refresh_token"], scope="streaming", **form
        )
        assert wider.json()["error"] == "invalid_scope"


async def test_a_television_is_connected():
    clock = Clock()
    service = Service(clock)
    async with service.browser() as person:
        await person.sign_up()
        television = await register(person.client, public=True, name="TV", redirect_uris=[])
        started = (
            await person.client.post(
                "/oauth/device_authorization",
                data={"client_id": television.client_id, "scope": "streaming"},
            )
        ).json()
        assert started["verification_uri"] == f"{PUBLIC_URL}/device"
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": started["device_code"],
            "client_id": television.client_id,
        }
        assert (await person.token(**form)).json()["error"] == "authorization_pending"
        assert (await person.token(**form)).json()["error"] == "slow_down"
        confirm = await person.submit("/device", user_code=started["user_code"].lower())
        assert "TV" in confirm.text
        assert started["user_code"] in confirm.text
        done = await person.submit("/device", page=confirm, decision="allow")
        assert "is connected" in done.text
        clock.forward(seconds=10)
        tokens = await person.token(**form)
        assert tokens.json()["scope"] == "streaming"
        assert (await person.token(**form)).json()["error"] == "expired_token"
        late = await person.submit("/device", user_code=started["user_code"])
        assert late.status_code == 400


async def test_a_device_code_expires_and_a_refusal_is_told():
    clock = Clock()
    async with Service(clock).browser() as person:
        await person.sign_up()
        television = await register(person.client, public=True, name="TV", redirect_uris=[])
        for forward, decision, error in (
            (0, "deny", "access_denied"),
            (601, None, "expired_token"),
        ):
            started = (
                await person.client.post(
                    "/oauth/device_authorization", data={"client_id": television.client_id}
                )
            ).json()
            if decision:
                confirm = await person.submit("/device", user_code=started["user_code"])
                await person.submit("/device", page=confirm, decision=decision)
            clock.forward(seconds=forward)
            answer = await person.token(
                grant_type="urn:ietf:params:oauth:grant-type:device_code",
                device_code=started["device_code"],
                client_id=television.client_id,
            )
            assert answer.json()["error"] == error


async def test_revocation_ends_the_session_and_introspection_tells():
    async with Service().browser() as person:
        await person.sign_up()
        application = await register(person.client)
        tokens = await signed_in_tokens(person, application)

        async def active(token: str) -> bool:
            form = {"token": token, **application.credentials}
            return (await person.client.post("/oauth/introspect", data=form)).json()["active"]

        assert await active(tokens["access_token"])
        assert await active(tokens["refresh_token"])
        gone = await person.client.post(
            "/oauth/revoke", data={"token": tokens["refresh_token"], **application.credentials}
        )
        assert (gone.status_code, gone.json()) == (200, {})
        assert not await active(tokens["access_token"])
        assert not await active(tokens["refresh_token"])
        refused = await person.token(
            grant_type="refresh_token",
            refresh_token=tokens["refresh_token"],
            **application.credentials,
        )
        assert refused.json()["error"] == "invalid_grant"
        unknown = await person.client.post(
            "/oauth/revoke", data={"token": "nonsense", **application.credentials}
        )
        assert unknown.status_code == 200, "RFC 7009 §2.2: no token needs no ending"


async def test_the_metadata_names_endpoints_that_are_there():
    async with Service().browser() as person:
        metadata = (await person.client.get("/.well-known/oauth-authorization-server")).json()
        assert metadata["issuer"] == PUBLIC_URL
        assert metadata["code_challenge_methods_supported"] == ["S256"]
        for name, url in metadata.items():
            if name.endswith("_endpoint") and name != "authorization_endpoint":
                assert (await person.client.post(url)).status_code in (400, 401), name
        assert (await person.client.get(metadata["jwks_uri"])).status_code == 200


async def test_a_session_that_is_not_used_for_ninety_days_is_over():
    clock = Clock()
    async with Service(clock).browser() as person:
        await person.sign_up()
        application = await register(person.client)
        tokens = await signed_in_tokens(person, application)
        form = {"grant_type": "refresh_token", **application.credentials}
        clock.forward(days=89)
        second = await person.token(refresh_token=tokens["refresh_token"], **form)
        assert second.status_code == 200
        clock.forward(days=91)
        third = await person.token(refresh_token=second.json()["refresh_token"], **form)
        assert third.json()["error"] == "invalid_grant"


async def test_an_operator_makes_users_and_plans():
    async with Service().browser() as person:
        bearer = await operator(person.client)
        asked = {
            "email": "Grace@Example.com",
            "display_name": "Grace",
            "password": PASSWORD,
            "territory": "US",
        }
        made = await person.client.post("/v1/users", json=asked, headers=bearer)
        assert made.status_code == 201
        user_id = made.json()["user_id"]
        plan = await person.client.post(
            f"/v1/users/{user_id}/plans", json={"plan": "family"}, headers=bearer
        )
        assert [it["plan"] for it in plan.json()["plans"]] == ["free", "family"]
        assert (await person.sign_in("grace@example.com")).status_code == 303
        tokens = await signed_in_tokens(person, await register(person.client))
        assert claims_of(tokens["access_token"])["plan"] == "premium"
