"""App passwords: made once, proved by salted hash or as a key, and ended with the sessions."""

import base64
import hashlib
import re
from html import unescape

import httpx
import pytest

from functions.accounts.app_passwords import MAX_PASSWORDS, Seal, proves_token, spell
from tests.functions.accounts.service import EMAIL, PASSWORD, Service, register, signed_in_tokens
from tests.functions.accounts.service import reason_of as code_of


def sealing(*keys: bytes) -> Seal:
    return Seal.parse(",".join(base64.urlsafe_b64encode(it).decode() for it in keys))


def test_a_secret_has_a_hundred_bits_in_groups_that_can_be_typed():
    assert re.fullmatch(
        r"([0-9a-hjkmnp-tv-z]{4}-){4}[0-9a-hjkmnp-tv-z]{4}", spell(bytes(range(20)))
    )
    assert spell(bytes(20)) != spell(bytes(19) + b"\1")


def test_what_is_sealed_is_opened_for_its_user_alone_and_by_an_older_key_too():
    old, new = b"o" * 32, b"n" * 32
    sealed = sealing(old).close("secret", "ada")
    assert "secret" not in sealed
    assert sealing(old).open(sealed, "ada") == "secret"
    assert sealing(new, old).open(sealed, "ada") == "secret"
    assert sealing(old).open(sealed, "eve") is None
    assert sealing(new).open(sealed, "ada") is None
    assert sealing(old).open("eyJ.not.a.jwe.x", "ada") is None


@pytest.mark.parametrize("text", ["", "short", "AAAA", "!" * 44])
def test_a_key_of_another_size_stops_the_service(text: str):
    with pytest.raises(ValueError, match="APP_PASSWORD_KEY"):
        Seal.parse(text)


@pytest.mark.parametrize("token", ["", "x", "\ud800", "é" * 32, "0" * 32])
def test_no_odd_token_proves_anything(token: str):
    assert not proves_token("secret", token, "\ud800salt")


def token_form(secret: str, username: str = EMAIL, salt: str = "s4lt") -> dict[str, str]:
    digest = hashlib.md5((secret + salt).encode(), usedforsecurity=False).hexdigest()
    return {"username": username, "token": digest, "salt": salt}


async def exchange(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await client.post("/oauth/app-password", data=form)


async def own(person, **changes) -> dict[str, str]:
    """The Authorization header of an application that may see to the account."""
    application = await register(person.client)
    issued = await signed_in_tokens(person, application, "user-account")
    return {"authorization": f"Bearer {issued['access_token']}"}


async def test_it_opens_a_listeners_life_and_not_the_account():
    async with Service().browser() as person:
        await person.sign_up()
        me = await own(person)
        made = await person.client.post("/v1/me/app-passwords", json={"name": "Phone"}, headers=me)
        assert made.status_code == 201
        secret = made.json()["password"]
        issued = (await exchange(person.client, **token_form(secret))).json()
        assert issued["username"] == EMAIL
        assert {"streaming", "user-library-modify"} <= set(issued["scope"].split())
        assert "user-account" not in issued["scope"].split()
        bearer = {"authorization": f"Bearer {issued['access_token']}"}
        assert (await person.client.get("/v1/me", headers=bearer)).json()["id"] == issued["user_id"]
        refused = await person.client.get("/v1/me/app-passwords", headers=bearer)
        assert (refused.status_code, code_of(refused)) == (403, "INSUFFICIENT_SCOPE")
        listed = (await person.client.get("/v1/me/app-passwords", headers=me)).json()["items"]
        assert [(it["name"], it["last_used_at"] is not None) for it in listed] == [("Phone", True)]
        assert secret not in str(listed)


async def test_by_user_id_and_as_an_api_key_too():
    async with Service().browser() as person:
        await person.sign_up()
        me = await own(person)
        made = await person.client.post("/v1/me/app-passwords", json={"name": "Car"}, headers=me)
        secret, key = made.json()["password"], made.json()["api_key"]
        by_key = await exchange(person.client, api_key=key)
        assert by_key.status_code == 200
        by_id = token_form(secret, username=by_key.json()["user_id"])
        assert (await exchange(person.client, **by_id)).status_code == 200


async def test_the_accounts_own_password_is_none():
    async with Service().browser() as person:
        await person.sign_up()
        refused = await exchange(person.client, **token_form(PASSWORD))
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"username": EMAIL},
        {"username": "", "token": "", "salt": ""},
        {"username": "nobody@example.com", "token": "0" * 32, "salt": "x"},
        {"username": "@", "token": "é", "salt": "x"},
        {"username": "x" * 5000, "token": "0" * 32, "salt": "x" * 5000},
        {"api_key": ""},
        {"api_key": "x" * 5000},
        {"api_key": "0" * 42},
    ],
)
async def test_whatever_proves_nothing_is_refused(form: dict[str, str]):
    async with Service().browser() as person:
        await person.sign_up()
        refused = await exchange(person.client, **form)
        assert refused.status_code == 400
        assert refused.json()["error"] in ("invalid_grant", "invalid_request")


async def test_one_that_is_removed_and_all_after_signing_out_everywhere_open_nothing():
    async with Service().browser() as person:
        await person.sign_up()
        me = await own(person)
        made = [
            (await person.client.post("/v1/me/app-passwords", json={"name": n}, headers=me)).json()
            for n in ("one", "two")
        ]
        await person.client.delete(f"/v1/me/app-passwords/{made[0]['id']}", headers=me)
        gone = await exchange(person.client, **token_form(made[0]["password"]))
        there = await exchange(person.client, **token_form(made[1]["password"]))
        assert (gone.status_code, there.status_code) == (400, 200)
        await person.client.delete("/v1/me/sessions", headers=me)
        after = await exchange(person.client, **token_form(made[1]["password"]))
        assert after.status_code == 400


async def test_there_is_a_bound_and_a_name():
    async with Service().browser() as person:
        await person.sign_up()
        me = await own(person)
        for number in range(MAX_PASSWORDS):
            asked = {"name": str(number)}
            await person.client.post("/v1/me/app-passwords", json=asked, headers=me)
        full = await person.client.post("/v1/me/app-passwords", json={"name": "x"}, headers=me)
        assert (full.status_code, code_of(full)) == (409, "TOO_MANY_APP_PASSWORDS")
        nameless = await person.client.post("/v1/me/app-passwords", json={"name": " "}, headers=me)
        assert (nameless.status_code, code_of(nameless)) == (400, "INVALID_NAME")


async def test_the_account_page_makes_one_shows_it_once_and_removes_it():
    async with Service().browser() as person:
        await person.sign_up()
        made = await person.submit("/account", action="/account/app-passwords", app="Phone")
        assert made.status_code == 200
        found = re.search(r'id="app-password">([^<]+)<', made.text)
        assert found
        secret = unescape(found[1])
        assert (await exchange(person.client, **token_form(secret))).status_code == 200
        page = await person.client.get("/account")
        assert secret not in page.text
        assert "Phone" in page.text
        await person.submit("/account", action="/account/app-passwords/remove")
        assert (await exchange(person.client, **token_form(secret))).status_code == 400


async def test_the_export_tells_of_them_and_deleting_the_account_forgets_them():
    service = Service()
    async with service.browser() as person:
        await person.sign_up()
        me = await own(person)
        made = await person.client.post("/v1/me/app-passwords", json={"name": "Phone"}, headers=me)
        told = (await person.client.get("/v1/me/export", headers=me)).json()["app_passwords"]
        assert [it["name"] for it in told] == ["Phone"]
        assert "sealed" not in told[0]
        gone = await person.client.request(
            "DELETE", "/v1/me", json={"password": PASSWORD}, headers=me
        )
        assert gone.status_code == 204
        after = await exchange(person.client, **token_form(made.json()["password"]))
        assert after.status_code == 400
        kept = service.collections["app-passwords"]._documents
        assert [it["passwords"] for _, it in kept.values()] == [()]
