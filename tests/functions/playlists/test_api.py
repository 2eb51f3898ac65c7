"""The playlist group of the Web API, in both dialects."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.functions.playlists.fakes import SCOPES, TOKENS, Instance, uri
from tests.web import NOT_OBJECTS, client_of, code_of

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


P = "/v1/playlists/{id}"


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/v1/me/playlists", {}, "INVALID_NAME"),
        ("POST", "/v1/me/playlists", {"name": " "}, "INVALID_NAME"),
        ("POST", "/v1/me/playlists", {"name": "x" * 201}, "INVALID_NAME"),
        ("POST", "/v1/me/playlists", {"name": "x", "visibility": "z"}, "INVALID_VISIBILITY"),
        ("POST", "/v1/me/playlists", {"name": "x", "public": True, "collaborative": True},
         "COLLABORATIVE_PUBLIC"),
        ("PUT", P, {}, "INVALID"),
        ("PUT", P, {"description": "x" * 1_001}, "INVALID_DESCRIPTION"),
        ("POST", f"{P}/tracks", {"uris": []}, "INVALID"),
        ("POST", f"{P}/tracks", {"uris": ["spotify:album:x"]}, "INVALID_URI"),
        ("POST", f"{P}/tracks", {"uris": [uri(0)] * 101}, "TOO_MANY_IDS"),
        ("POST", f"{P}/tracks", {"uris": [uri(0)], "position": -1}, "INVALID_POSITION"),
        ("PUT", f"{P}/tracks", {"range_start": 9, "insert_before": 0}, "INVALID_POSITION"),
        ("PUT", f"{P}/tracks", {"range_start": 0}, "INVALID"),
        ("DELETE", f"{P}/tracks", {"positions": [7]}, "INVALID_POSITION"),
        ("DELETE", f"{P}/tracks", {"positions": [0], "snapshot_id": "zz"}, "INVALID_SNAPSHOT_ID"),
        ("DELETE", f"{P}/tracks", {}, "INVALID"),
        ("GET", f"{P}/tracks?limit=101", None, "INVALID_LIMIT"),
        ("GET", f"{P}/diff", None, "INVALID_FROM"),
        ("GET", f"{P}/diff?from=9", None, "REVISION_NOT_FOUND"),
        ("GET", f"{P}/revisions?at=yesterday", None, "INVALID_INSTANT"),
        ("GET", f"{P}/revisions?at=2001-01-01T00:00:00", None, "INVALID_INSTANT"),
        ("GET", f"{P}/revisions?at=2001-01-01T00:00:00Z", None, "REVISION_NOT_FOUND"),
        ("GET", f"{P}/revisions/0", None, "REVISION_NOT_FOUND"),
        ("POST", f"{P}/ops", {"ops": []}, "NO_OPS"),
        ("POST", f"{P}/ops", {"ops": [{"op": "create", "owner": "eve"}]}, "INVALID"),
        ("POST", f"{P}/ops", {"ops": [{"op": "set", "deleted": True}]}, "INVALID"),
        ("POST", f"{P}/ops", {"ops": [{"op": "add", "items": [{"uri": uri(0), "id": "!"}]}]},
         "INVALID_ITEM_ID"),
        ("POST", f"{P}/ops", {"ops": [{"op": "set", "name": "y"}], "nonce": ""}, "INVALID_NONCE"),
        ("POST", f"{P}/undo", {"revision": 1}, "NOT_UNDOABLE"),
        ("POST", f"{P}/redo", {}, "REVISION_NOT_FOUND"),
        ("POST", f"{P}/merges", {"branch_id": "x"}, "INVALID_ID"),
        ("POST", f"{P}/invites", {"hours": 0}, "INVALID_HOURS"),
        ("POST", f"{P}/invites", {"role": "owner"}, "INVALID"),
        ("POST", f"{P}/join", {"token": "x"}, "INVITE_NOT_FOUND"),
        ("PUT", f"{P}/collaborators", {ME: "viewer"}, "OWNER_NEEDED"),
        ("PUT", f"{P}/collaborators", {"a/b": "viewer"}, "INVALID_ID"),
        ("PUT", f"{P}/rule", {"rule": {}}, "INVALID_RULE"),
        ("GET", f"{P}/export?format=pdf", None, "UNKNOWN_FORMAT"),
        ("POST", "/v1/playlists/import?format=xspf", {}, "INVALID_FILE"),
        ("PUT", "/v1/me/playlists/folders", {"revision": 4, "items": []}, "STALE"),
        ("PUT", "/v1/me/playlists/folders", {"revision": 0, "items": [{}]}, "INVALID_FOLDERS"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(method: str, path: str, body: Any, code: str):
    async with client_of(Instance().app()) as client:
        id = await made(client)
        url = path.replace("{id}", id)
        answer = await client.request(method, url, json=body, headers=bearer())
        assert answer.status_code in (400, 404, 409, 412), answer.text
        assert code_of(answer) == code, answer.text
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize("body", NOT_OBJECTS[1:], ids=lambda it: repr(it[:9]))
async def test_bodies_of_another_shape_are_refused_and_change_nothing(body: bytes):
    async with client_of(Instance().app()) as client:
        id = await made(client)
        for method, path in (
            ("POST", "/v1/me/playlists"), ("PUT", P), ("DELETE", f"{P}/tracks"),
            ("POST", f"{P}/ops"), ("PUT", f"{P}/collaborators"),
            ("POST", f"{P}/invites"), ("POST", f"{P}/merges"), ("POST", "/v1/playlists/smart"),
            ("PUT", "/v1/me/playlists/folders"),
        ):  # fmt: skip
            url = path.replace("{id}", id)
            answer = await client.request(method, url, content=body, headers=bearer())
            assert answer.status_code == 400, (method, path, answer.text)
        missing = await client.put(f"/v1/playlists/{id}", headers=bearer())
        assert "has no body" in missing.json()["error"]["message"]
        history = await client.get(f"/v1/playlists/{id}/history", headers=bearer())
        assert len(history.json()["items"]) == 1


async def test_a_full_playlist_says_so_and_takes_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("functions.playlists.deciding.MAX_ITEMS", 10)
    async with client_of(Instance().app()) as client:
        id = await made(client)
        url = f"/v1/playlists/{id}/tracks"
        assert (await client.post(url, json=[uri(0)] * 8, headers=bearer())).status_code == 201
        full = await client.post(url, json=[uri(1)] * 3, headers=bearer())
        assert (full.status_code, code_of(full)) == (409, "PLAYLIST_FULL")
        assert (await client.post(url, json=[uri(1)] * 2, headers=bearer())).status_code == 201
        assert len(await uris_of(client, id)) == 10
