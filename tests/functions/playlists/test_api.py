"""The playlist group of the Web API, in both dialects."""

import asyncio

import httpx

from tests.functions.playlists.fakes import SCOPES, TOKENS, Instance, uri
from tests.web import client_of

ME = "ada"


def bearer(user: str = ME, scopes: str = SCOPES) -> dict[str, str]:
    return TOKENS.bearer(scopes, sub=user)


async def made(client: httpx.AsyncClient, user: str = ME, **asked: object) -> str:
    body = {"name": "Mine", **asked}
    answer = await client.post("/v1/me/playlists", json=body, headers=bearer(user))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def uris_of(client: httpx.AsyncClient, id: str, user: str = ME) -> list[str]:
    answer = await client.get(f"/v1/playlists/{id}/items?limit=100", headers=bearer(user))
    assert answer.status_code == 200, answer.text
    return [it["item"]["uri"] for it in answer.json()["items"]]


async def test_made_filled_reordered_and_emptied():
    async with client_of(Instance().app()) as client:
        id = await made(client, description="d")
        at = f"/v1/playlists/{id}/items"
        five = [uri(n) for n in range(5)]
        first = await client.post(at, json=five, headers=bearer())
        assert first.status_code == 201
        assert await uris_of(client, id) == five
        answer = await client.put(
            at, json={"range_start": 0, "insert_before": 3, "range_length": 2}, headers=bearer()
        )
        assert answer.json()["snapshot_id"] != first.json()["snapshot_id"]
        assert await uris_of(client, id) == [five[2], five[0], five[1], five[3], five[4]]
        gone = {"tracks": [{"uri": five[1]}]}
        answer = await client.request("DELETE", at, json=gone, headers=bearer())
        assert answer.status_code == 200, answer.text
        assert await uris_of(client, id) == [five[2], five[0], five[3], five[4]]
        answer = await client.put(at, json={"uris": [five[1]]}, headers=bearer())
        assert await uris_of(client, id) == [five[1]]
        assert (await client.put(at, json={"uris": []}, headers=bearer())).status_code == 201
        assert await uris_of(client, id) == []
        mine = (await client.get("/v1/me/playlists", headers=bearer())).json()
        assert [it["id"] for it in mine["items"]] == [id]


async def test_what_does_not_exist_is_not_found_whatever_is_asked_of_it():
    instance = Instance()
    id = "z" * 22
    async with client_of(instance.app()) as client:
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/items", None),
            ("GET", "/images", None),
            ("GET", "/changes", None),
            ("GET", "/history", None),
            ("PUT", "", {"name": "x"}),
            ("POST", "/items", [uri(0)]),
            ("PUT", "/items", {"uris": []}),
            ("DELETE", "/items", {"items": [{"uri": uri(0)}]}),
            ("POST", "/ops", {"ops": [{"op": "remove", "ids": ["a" * 16]}]}),
            ("POST", "/undo", {}),
            ("POST", "/restore", None),
            ("POST", "/join", {"token": "a.b"}),
            ("PUT", "/followers", None),
        ):
            asked = f"/v1/playlists/{id}{path}"
            answer = await client.request(method, asked, json=body, headers=bearer())
            assert answer.status_code == 404, (method, path, answer.text)
        await asyncio.wait_for(instance.service.settle(), 5)
        bad = await client.get("/v1/playlists/nonsense", headers=bearer())
        assert bad.status_code == 400


async def test_scopes_say_what_an_application_may_do():
    async with client_of(Instance().app()) as client:
        public, private = await made(client), await made(client, public=False)

        async def status(method: str, path: str, scopes: str, body: object = None) -> int:
            headers = bearer(scopes=scopes)
            return (await client.request(method, path, json=body, headers=headers)).status_code

        items = [uri(0)]
        path = f"/v1/playlists/{private}/items"
        assert await status("POST", path, "playlist-modify-public", items) == 403
        assert await status("POST", path, "playlist-modify-private", items) == 201
        assert await status("GET", path, "playlist-modify-private") == 403
        assert await status("GET", path, "playlist-read-private") == 200
        assert await status("GET", f"/v1/playlists/{public}", "streaming") == 200
        only_public = bearer(scopes="streaming")
        mine = (await client.get("/v1/me/playlists", headers=only_public)).json()
        assert [it["id"] for it in mine["items"]] == [public]
        assert (
            await status("PUT", f"/v1/playlists/{private}/images", "playlist-modify-private") == 403
        )
        assert (await client.get(f"/v1/playlists/{public}")).status_code == 401
