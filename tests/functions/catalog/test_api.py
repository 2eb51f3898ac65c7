"""Uploads and tracks over HTTP."""

import json
from typing import Any

import httpx
import pytest

from shared.ids import derived_id
from tests.functions.catalog.fakes import (
    MAX_BYTES,
    PUSHES,
    TOKENS,
    UPLOADS,
    Catalog,
    transcoded,
)
from tests.web import BAD_IDS, NOT_OBJECTS, PUBLIC_URL, client_of, code_of


async def upload(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    asked = {"filename": "a.flac", "size_bytes": 500, **changes}
    return await client.post("/v1/uploads", json=asked, headers=UPLOADS)


async def test_an_upload_gets_a_session_for_an_opaque_object():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        headers = {**UPLOADS, "origin": "https://page.test"}
        asked = {"filename": "../../ünï\u202ecode.flac", "size_bytes": 500}
        response = await client.post("/v1/uploads", json=asked, headers=headers)
        body = response.json()
        status = (await client.get(f"/v1/uploads/{body['upload_id']}", headers=UPLOADS)).json()
    assert response.status_code == 201
    assert body["status"] == "awaiting_master"
    assert body["upload_url"].startswith("https://storage.test/")
    assert body["expires_at"] == "2026-03-08T12:00:00Z"
    assert catalog.masters.sessions == {body["upload_id"]: (500, "https://page.test")}
    assert status["filename"] == asked["filename"]
    assert (status["status"], status["reason"], status["message"]) == (
        "awaiting_master",
        None,
        None,
    )


async def test_a_master_that_arrived_is_noticed_by_whoever_asks():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        id = (await upload(client)).json()["upload_id"]
        catalog.masters.arrived.add(id)
        for _ in range(2):
            response = await client.get(f"/v1/uploads/{id}", headers=UPLOADS)
            assert response.json()["status"] == "transcoding"


async def test_when_the_storage_refuses_the_client_is_told_to_retry():
    catalog = Catalog()
    catalog.masters.broken = True
    async with client_of(catalog.app()) as client:
        response = await upload(client)
    assert response.status_code == 503
    assert code_of(response) == "UNAVAILABLE"


async def test_an_upload_is_answered_for_while_the_storage_is_away():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        id = (await upload(client)).json()["upload_id"]
        catalog.masters.broken = True
        response = await client.get(f"/v1/uploads/{id}", headers=UPLOADS)
    assert (response.status_code, response.json()["status"]) == (200, "awaiting_master")


async def test_a_known_master_is_not_sent_again():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        first = (await upload(client, sha256="a" * 64)).json()
        # The client's word alone settles nothing.
        assert (await upload(client, sha256="a" * 64)).status_code == 201
        await PUSHES.push(client, transcoded(first))
        response = await upload(client, sha256="a" * 64)
    assert response.status_code == 200
    assert response.json() == {
        "upload_id": first["upload_id"],
        "track_id": first["track_id"],
        "status": "duplicate",
        "upload_url": None,
        "expires_at": None,
    }


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"size_bytes": MAX_BYTES + 1}, 413, "TOO_LARGE"),
        ({"size_bytes": 2**60}, 400, "INVALID"),
        ({"size_bytes": 0}, 400, "EMPTY_MASTER"),
        ({"size_bytes": -1}, 400, "INVALID"),
        ({"size_bytes": "many"}, 400, "INVALID"),
        ({"filename": ""}, 400, "INVALID"),
        ({"filename": "a\x00b"}, 400, "INVALID"),
        ({"filename": "x" * 501}, 400, "INVALID"),
        ({"filename": None}, 400, "INVALID"),
        ({"sha256": "A" * 64}, 400, "INVALID"),
        ({"sha256": "a" * 63}, 400, "INVALID"),
        ({"sha256": "../" + "a" * 61}, 400, "INVALID"),
        ({"title": "\x07"}, 400, "INVALID"),
        ({"artists": "Ada"}, 400, "INVALID"),
        ({"artists": ["x"] * 51}, 400, "INVALID"),
        ({"artists": [None]}, 400, "INVALID"),
        ({"isrc": "nonsense"}, 400, "INVALID_ISRC"),
        ({"upload_id": "mine"}, 400, "INVALID"),
    ],
)
async def test_a_wrong_upload_is_a_named_error(changes: dict, status: int, reason: str):
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        response = await upload(client, **changes)
    assert (response.status_code, code_of(response)) == (status, reason)
    assert not catalog.masters.sessions
    assert await catalog.store.uploads.count() == 0


@pytest.mark.parametrize("body", [*NOT_OBJECTS, json.dumps({"filename": "\ud800"}).encode()])
async def test_a_body_that_is_no_upload_is_400(body: bytes):
    headers = {**UPLOADS, "content-type": "application/json"}
    async with client_of(Catalog().app()) as client:
        response = await client.post("/v1/uploads", content=body, headers=headers)
    assert response.status_code == 400


@pytest.mark.parametrize("id", [*BAD_IDS, "a" * 22])
@pytest.mark.parametrize("kind", ["uploads", "tracks"])
async def test_what_is_not_there_is_a_named_error(kind: str, id: str):
    async with client_of(Catalog().app()) as client:
        response = await client.get(f"/v1/{kind}/{id}", headers=UPLOADS)
    assert response.status_code in (400, 404)
    reasons = ("INVALID_ID", "NOT_FOUND", f"{kind[:-1].upper()}_NOT_FOUND")
    assert code_of(response) in reasons


async def test_a_ready_track_is_an_object_of_the_web_api():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        first = (await upload(client)).json()
        await PUSHES.push(client, transcoded(first))
        path = f"/v1/tracks/{first['track_id']}"
        response = await client.get(path, headers=TOKENS.bearer("streaming"))
        track = response.json()
    assert track["id"] == first["track_id"]
    assert track["uri"] == f"spotify:track:{track['id']}"
    assert track["href"] == f"{PUBLIC_URL}{path}"
    (artist,) = track["artists"]
    assert (artist["name"], artist["type"]) == ("Tagged artist", "artist")
    assert artist["href"] == f"{PUBLIC_URL}/v1/artists/{artist['id']}"
    assert track["album"]["name"] == "Tagged album"
    assert [image["width"] for image in track["album"]["images"]] == [640, 300, 64]
    assert track["album"]["images"][0]["url"] == f"{PUBLIC_URL}/images/{'c' * 64}-640.jpg"
    assert track["external_ids"] == {"isrc": "SEABC2600001"}
    assert (track["type"], track["duration_ms"]) == ("track", 200_000)
    assert track["available_markets"] == [], "no licence, no market"
    assert track["preview_url"] is None


async def test_a_track_that_did_not_change_is_not_sent_again():
    catalog = Catalog()
    reader = TOKENS.bearer("streaming")
    async with client_of(catalog.app()) as client:
        first = (await upload(client)).json()
        await PUSHES.push(client, transcoded(first))
        for path in (f"/v1/tracks/{first['track_id']}", "/v1/tracks"):
            etag = (await client.get(path, headers=reader)).headers["etag"]
            for given in (etag, f"W/{etag}", f'"x", {etag}', "*"):
                again = await client.get(path, headers={**reader, "if-none-match": given})
                assert (again.status_code, again.content) == (304, b"")
            other = await client.get(path, headers={**reader, "if-none-match": '"x"'})
            assert other.status_code == 200


async def test_lists_are_pages_newest_first():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = []
        for number in range(3):
            made.append((await upload(client, title=f"Title {number}")).json())
            await PUSHES.push(client, transcoded(made[-1], audio=f"audio {number}"))
            catalog.now.forward(seconds=1)
        await upload(client)
        first = (await client.get("/v1/tracks/?limit=2", headers=UPLOADS)).json()
        second = (await client.get(first["next"], headers=UPLOADS)).json()
        listed = (await client.get("/v1/uploads?limit=1", headers=UPLOADS)).json()
    assert [track["name"] for track in first["items"]] == ["Title 2", "Title 1"]
    assert [track["name"] for track in second["items"]] == ["Title 0"]
    assert (first["total"], first["previous"], second["next"]) == (3, None, None)
    assert (listed["total"], listed["items"][0]["status"]) == (4, "awaiting_master")


async def test_a_client_sees_its_own_uploads_and_whoever_edits_the_catalog_sees_all():
    catalog = Catalog()
    own = TOKENS.bearer("uploads:write", client_id="studio")
    other = TOKENS.bearer("uploads:write", client_id="rival")
    editor = TOKENS.bearer("uploads:write catalog:write", client_id="operator")

    async def listed(headers: dict[str, str], query: str = "") -> list[str]:
        page = await client.get(f"/v1/uploads{query}", headers=headers)
        return [it["filename"] for it in page.json()["items"]]

    async with client_of(catalog.app()) as client:
        made: list[dict[str, Any]] = []
        for number, who in enumerate((own, other, own, own)):
            asked = {"filename": f"{number}.flac", "size_bytes": 5}
            made.append((await client.post("/v1/uploads", json=asked, headers=who)).json())
            catalog.now.forward(seconds=1)
        assert await listed(own) == ["3.flac", "2.flac", "0.flac"]
        assert await listed(other) == await listed(other, "?created_by=me") == ["1.flac"]
        assert await listed(editor) == ["3.flac", "2.flac", "1.flac", "0.flac"]
        assert await listed(editor, "?created_by=rival") == ["1.flac"]
        assert await listed(editor, "?created_by=me") == []
        page = (await client.get("/v1/uploads?created_by=me&limit=2", headers=own)).json()
        assert (page["total"], len(page["items"])) == (3, 2)
        assert "created_by=me" in page["next"]
        rest = (await client.get(page["next"], headers=own)).json()
        assert [it["filename"] for it in rest["items"]] == ["0.flac"]
        refused = await client.get("/v1/uploads?created_by=studio", headers=other)
        assert (refused.status_code, code_of(refused)) == (403, "INSUFFICIENT_SCOPE")
        path = f"/v1/uploads/{made[0]['upload_id']}"
        answers = [await client.get(path, headers=who) for who in (own, other, editor)]
        assert [it.status_code for it in answers] == [200, 404, 200]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=51", "offset=-1", "offset=x", "offset=10000000"]
)
async def test_a_wrong_page_is_400(query: str):
    async with client_of(Catalog().app()) as client:
        for kind in ("tracks", "uploads"):
            response = await client.get(f"/v1/{kind}?{query}", headers=UPLOADS)
            assert response.status_code == 400


async def test_scopes_are_needed():
    id = derived_id("x")
    async with client_of(Catalog().app()) as client:
        for path in ("/v1/uploads", f"/v1/uploads/{id}", "/v1/tracks", f"/v1/tracks/{id}"):
            assert (await client.get(path)).status_code == 401
        for path in ("/v1/uploads", f"/v1/uploads/{id}"):
            response = await client.get(path, headers=TOKENS.bearer("streaming"))
            assert response.status_code == 403
        response = await client.post("/v1/uploads", json={}, headers=TOKENS.bearer("streaming"))
        assert response.status_code == 403
