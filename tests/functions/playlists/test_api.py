"""The playlist group of the Web API, in both dialects."""

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
