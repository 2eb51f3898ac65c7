"""One's own account by API and by page: profile, sessions, devices, export, deletion."""

import asyncio
import json

import pytest

from shared.errors import Unavailable
from tests.functions.accounts.service import (
    EMAIL,
    PASSWORD,
    Service,
    register,
    signed_in_tokens,
)
from tests.web import BAD_IDS, NOT_OBJECTS, Clock, code_of

SCOPES = "user-read-private user-read-email user-account"


@pytest.fixture
async def owner():
    service = Service()
    async with service.browser() as person:
        await person.sign_up()
        application = await register(person.client)
        tokens = await signed_in_tokens(person, application, SCOPES)
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        yield service, person, bearer, tokens, application


async def test_me_has_the_keys_that_clients_read(owner):
    _, person, bearer, _, _ = owner
    for path in ("/v1/me", "/v1/me/"):
        me = (await person.client.get(path, headers=bearer)).json()
        assert me["display_name"] == "Ada"
        assert me["email"] == EMAIL
        assert (me["country"], me["product"]) == ("SE", "open")
        assert me["explicit_content"] == {"filter_enabled": False, "filter_locked": False}
        assert me["followers"] == {"href": None, "total": 0}
        assert me["images"] == []
        assert me["uri"] == f"spotify:user:{me['id']}"
    public = (await person.client.get(f"/v1/users/{me['id']}", headers=bearer)).json()
    assert public["display_name"] == "Ada"
    assert not {"email", "country", "product"} & public.keys()


async def test_an_application_is_nobody_and_strangers_are_not_found(owner):
    _, person, bearer, _, application = owner
    token = await person.token(grant_type="client_credentials", **application.credentials)
    mine = {"authorization": f"Bearer {token.json()['access_token']}"}
    refused = await person.client.get("/v1/me", headers=mine)
    assert (refused.status_code, code_of(refused)) == (403, "USER_NEEDED")
    for id in (*BAD_IDS, "x" * 22, "operator"):
        response = await person.client.get(f"/v1/users/{id}", headers=bearer)
        assert response.status_code == 404
        assert code_of(response) in ("USER_NOT_FOUND", "NOT_FOUND")


async def test_a_profile_is_changed_and_told(owner):
    service, person, bearer, _, _ = owner
    changed = await person.client.patch(
        "/v1/me", json={"display_name": "Grace", "territory": "US"}, headers=bearer
    )
    assert changed.json()["display_name"] == "Grace"
    told = service.published.events[-1]
    assert (told.display_name, told.territory, told.revision) == ("Grace", "US", 2)
    for wrong in ({"territory": "XX"}, {"display_name": "\x00"}, {"plan": "premium"}):
        refused = await person.client.patch("/v1/me", json=wrong, headers=bearer)
        assert refused.status_code == 400


async def test_what_could_not_be_published_is_published_by_the_sweep():
    clock = Clock()
    service = Service(clock)
    async with service.browser() as person:
        service.published.broken = Unavailable("down")
        assert (await person.sign_up()).status_code == 303
        service.published.broken = None
        clock.forward(minutes=5)
        for _ in range(2):
            await person.client.post("/_tasks/republish-users", headers=service.pushes.bearer())
        assert [it.display_name for it in service.published.events] == ["Ada"]


async def test_sessions_are_listed_and_ended(owner):
    _, person, bearer, tokens, application = owner
    listed = (await person.client.get("/v1/me/sessions", headers=bearer)).json()["items"]
    assert {it["kind"] for it in listed} == {"app", "browser"}
    (app,) = [it for it in listed if it["kind"] == "app"]
    assert app["name"] == "Example App"
    gone = await person.client.delete(f"/v1/me/sessions/{app['id']}", headers=bearer)
    assert gone.status_code == 204
    refused = await person.client.get("/v1/me/sessions", headers=bearer)
    assert (refused.status_code, code_of(refused)) == (401, "SESSION_ENDED")
    refreshed = await person.token(
        grant_type="refresh_token",
        refresh_token=tokens["refresh_token"],
        **application.credentials,
    )
    assert refreshed.json()["error"] == "invalid_grant"


async def test_nobody_ends_anothers_session(owner):
    service, person, bearer, _, application = owner
    async with service.browser() as other:
        await other.sign_up("grace@example.com")
        theirs = await signed_in_tokens(other, application, SCOPES)
        mine = (await person.client.get("/v1/me/sessions", headers=bearer)).json()["items"]
        foreign = {"authorization": f"Bearer {theirs['access_token']}"}
        for session in mine:
            await other.client.delete(f"/v1/me/sessions/{session['id']}", headers=foreign)
        assert (await person.client.get("/v1/me/sessions", headers=bearer)).json()["items"] == mine


async def test_a_hundred_and_first_session_ends_the_first(owner):
    _service, person, bearer, _, application = owner
    for _ in range(100):
        await signed_in_tokens(person, application, SCOPES)
    refused = await person.client.get("/v1/me/sessions", headers=bearer)
    assert code_of(refused) == "SESSION_ENDED"


async def test_devices(owner):
    _, person, bearer, _, _ = owner
    asked = {"name": "Kitchen", "type": "speaker"}
    made = await person.client.post("/v1/me/devices", json=asked, headers=bearer)
    assert made.status_code == 201
    listed = await person.client.get("/v1/me/devices", headers=bearer)
    assert listed.json()["devices"] == [made.json()]
    for _ in range(2):
        gone = await person.client.delete(f"/v1/me/devices/{made.json()['id']}", headers=bearer)
        assert gone.status_code == 204
    assert (await person.client.get("/v1/me/devices", headers=bearer)).json()["devices"] == []


async def test_a_new_password_ends_every_session(owner):
    _, person, bearer, _, _ = owner
    wrong = {"current_password": "x", "new_password": "another good one"}
    refused = await person.client.put("/v1/me/password", json=wrong, headers=bearer)
    assert (refused.status_code, code_of(refused)) == (403, "WRONG_PASSWORD")
    right = {**wrong, "current_password": PASSWORD}
    assert (
        await person.client.put("/v1/me/password", json=right, headers=bearer)
    ).status_code == 204
    refused = await person.client.get("/v1/me/sessions", headers=bearer)
    assert code_of(refused) == "SESSION_ENDED"
    assert (await person.client.get("/account")).status_code == 303
    assert (await person.sign_in()).status_code == 403
    assert (await person.sign_in(password="another good one")).status_code == 303


async def test_an_export_has_everything_but_the_password(owner):
    _, person, bearer, _, application = owner
    export = await person.client.get("/v1/me/export", headers=bearer)
    kept = export.json()
    assert kept["account"]["email"] == EMAIL
    assert kept["account"]["plans"][0]["plan"] == "free"
    assert kept["consents"] == {application.client_id: sorted(SCOPES.split())}
    assert len(kept["sessions"]) == 2
    assert "argon2" not in export.text
    page = await person.submit("/account", action="/account/export")
    assert "attachment" in page.headers["content-disposition"]
    assert json.loads(page.text)["account"]["email"] == EMAIL


async def test_a_deleted_account_is_gone_everywhere(owner):
    service, person, bearer, tokens, application = owner
    refused = await person.client.request(
        "DELETE", "/v1/me", json={"password": "wrong"}, headers=bearer
    )
    assert refused.status_code == 403
    gone = await person.client.request(
        "DELETE", "/v1/me", json={"password": PASSWORD}, headers=bearer
    )
    assert gone.status_code == 204
    assert service.published.events[-1].removed
    me = await person.client.get("/v1/me", headers=bearer)
    assert (me.status_code, code_of(me)) == (403, "ACCOUNT_GONE")
    assert (await person.sign_in()).status_code == 403
    refreshed = await person.token(
        grant_type="refresh_token",
        refresh_token=tokens["refresh_token"],
        **application.credentials,
    )
    assert refreshed.json()["error"] == "invalid_grant"
    kept = repr([it._documents for it in service.collections.values()])
    for personal in (EMAIL, "Ada", "argon2"):
        assert personal not in kept
    again = await person.sign_up()
    assert again.status_code == 303, "the address is free again"


async def test_two_people_cannot_have_one_address(owner):
    service, _person, _, _, _ = owner
    async with service.browser() as other:
        taken = await other.sign_up("ADA@example.com")
        assert taken.status_code == 409
        assert "has an account already" in taken.text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"email": "no"}, "not an email"),
        ({"name": " "}, "1 to 60"),
        ({"password": "short"}, "at least 8"),
        ({"password": "password"}, "easy to guess"),
        ({"country": "XX"}, "no country"),
        ({"country": ""}, "no country"),
        ({"name": "\x00\x07"}, "1 to 60"),
    ],
)
async def test_the_sign_up_page_says_what_is_wrong(change: dict, text: str):
    async with Service().browser() as person:
        response = await person.sign_up(**change)
        assert response.status_code == 400
        assert text in response.text
        assert PASSWORD not in response.text


async def test_bodies_of_any_shape_have_a_named_refusal(owner):
    _, person, bearer, _, _ = owner
    for method, path in (
        ("PATCH", "/v1/me"),
        ("DELETE", "/v1/me"),
        ("PUT", "/v1/me/password"),
        ("POST", "/v1/me/devices"),
    ):
        for body in NOT_OBJECTS:
            response = await person.client.request(
                method,
                path,
                content=body,
                headers={**bearer, "content-type": "application/json"},
            )
            assert response.status_code == 400, (method, path, body[:20])
            assert code_of(response).startswith("INVALID")


async def test_of_those_who_sign_up_with_one_address_at_once_one_succeeds():
    service = Service()
    app = service.app()
    async with service.browser(app) as one, service.browser(app) as two, service.browser(app) as x:
        statuses = await asyncio.gather(*(it.sign_up() for it in (one, two, x)))
        assert sorted(it.status_code for it in statuses) == [303, 409, 409]
        assert await service.collections["users"].count() == 1


async def test_an_address_whose_sign_up_broke_off_is_free_after_a_minute():
    clock = Clock()
    service = Service(clock)
    async with service.browser() as person:
        await person.sign_up()
        service.collections["users"]._documents.clear()  # the crash in between
        assert (await person.sign_up()).status_code == 409
        clock.forward(minutes=2)
        assert (await person.sign_up()).status_code == 303
