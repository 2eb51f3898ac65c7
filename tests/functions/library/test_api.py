"""The library over HTTP, in both dialects: what clients get, and what they are refused."""

import json
from typing import Any

import httpx
import pytest

from shared.errors import Unavailable
from shared.events import LibraryChanged
from shared.ids import derived_id
from tests.functions.library.fakes import (
    PUSHES,
    SCOPES,
    TOKENS,
    Service,
    album_changed,
    artist_changed,
    ids,
    track_changed,
    user_changed,
)
from tests.web import BAD_IDS, NOT_OBJECTS, PUBLIC_URL, client_of, code_of

ME = TOKENS.bearer(SCOPES)
LISTS = ("tracks", "albums", "shows", "episodes")


async def listed(client: httpx.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    response = await client.get(path, params=params, headers=ME)
    assert response.status_code == 200, response.text
    return response.json()


async def saved_ids(client: httpx.AsyncClient, kind: str) -> list[str]:
    page = await listed(client, f"/v1/me/{kind}s", limit=50)
    return [item[kind]["id"] for item in page["items"]]


@pytest.mark.parametrize("path", LISTS)
async def test_every_kind_is_saved_listed_asked_for_and_removed(path: str):
    service, kind = Service(), path[:-1]
    one, two, three = ids(kind, 3)
    async with client_of(service.app()) as client:
        url = f"/v1/me/{path}"
        assert (await client.put(f"{url}/?ids={one},{two}", headers=ME)).status_code == 200
        asked = await client.get(f"{url}/contains?ids={two},{three},{one}", headers=ME)
        assert asked.json() == [True, False, True]
        page = await listed(client, url)
        assert page["total"] == 2
        assert [item[kind]["id"] for item in page["items"]] == [one, two]
        assert page["items"][0]["added_at"] == "2026-03-01T12:00:00Z"
        assert page["items"][0][kind]["uri"] == f"spotify:{kind}:{one}"
        assert page["href"] == f"{PUBLIC_URL}/v1/me/{path}?offset=0&limit=20"
        assert (page["next"], page["previous"]) == (None, None)
        removed = await client.request("DELETE", url, params={"ids": f"{one},{three}"}, headers=ME)
        assert removed.status_code == 200
        assert await saved_ids(client, kind) == [two]


@pytest.mark.parametrize("body", [{"ids": ids("track", 2)}, ids("track", 2)])
async def test_ids_may_come_in_the_body(body: Any):
    service = Service()
    async with client_of(service.app()) as client:
        for method, left in (("PUT", ids("track", 2)), ("DELETE", [])):
            response = await client.request(method, "/v1/me/tracks", json=body, headers=ME)
            assert response.status_code == 200
            assert await saved_ids(client, "track") == left


async def test_the_new_dialect_saves_any_kind_by_uri():
    service = Service()
    things = [f"spotify:{kind}:{ids(kind, 1)[0]}" for kind in ("track", "album", "show", "artist")]
    things += ["spotify:user:some-one.else", f"spotify:user:x:playlist:{ids('playlist', 1)[0]}"]
    uris = ",".join(things)
    async with client_of(service.app()) as client:
        put = await client.put("/v1/me/library", params={"uris": uris}, headers=ME)
        assert put.status_code == 200
        asked = await client.get("/v1/me/library/contains", params={"uris": uris}, headers=ME)
        assert asked.json() == [True] * 6
        assert await saved_ids(client, "track") == ids("track", 1)
        for kind, id in (("artist", ids("artist", 1)[0]), ("user", "some-one.else")):
            followed = await listed(client, "/v1/me/following", type=kind)
            assert [item["id"] for item in followed[f"{kind}s"]["items"]] == [id]
        response = await client.request(
            "DELETE", "/v1/me/library", json={"uris": things[:3]}, headers=ME
        )
        assert response.status_code == 200
        asked = await client.get("/v1/me/library/contains", params={"uris": uris}, headers=ME)
        assert asked.json() == [False] * 3 + [True] * 3


async def test_following_next_while_others_save_shows_each_once():
    service = Service()
    tracks, later = ids("track", 45), ids("later", 30)
    async with client_of(service.app()) as client:
        for id in tracks:
            await client.put("/v1/me/tracks", params={"ids": id}, headers=ME)
            service.now.forward(seconds=0.3)
        page = await listed(client, "/v1/me/tracks", limit=10, market="SE")
        seen = [item["track"]["id"] for item in page["items"]]
        while page["next"]:
            await client.put("/v1/me/tracks", params={"ids": later.pop()}, headers=ME)
            await client.request("DELETE", f"/v1/me/tracks?ids={seen[0]}", headers=ME)
            assert "market=SE" in page["next"]
            page = (await client.get(page["next"], headers=ME)).json()
            seen += [item["track"]["id"] for item in page["items"]]
        assert seen == tracks[::-1]
        assert page["previous"] is not None
        assert page["total"] == 48  # 45 and four of the later ones, one of the first gone


async def test_offsets_count_from_the_newest():
    service = Service()
    tracks = ids("track", 30)
    async with client_of(service.app()) as client:
        await client.put("/v1/me/tracks", json=tracks, headers=ME)
        page = await listed(client, "/v1/me/tracks", limit=10, offset=15)
        assert [item["track"]["id"] for item in page["items"]] == tracks[15:25]
        assert page["previous"].endswith("offset=5&limit=10")
        beyond = await listed(client, "/v1/me/tracks", offset=1000)
        assert (beyond["items"], beyond["next"], beyond["total"]) == ([], None, 30)


async def test_saved_tracks_are_full_objects():
    service = Service()
    track, album = ids("track", 1)[0], ids("album", 1)[0]
    app = service.app()
    async with client_of(app) as client:
        await PUSHES.push(client, track_changed(track, blocked_markets=("DE",)))
        await PUSHES.push(client, album_changed(album, track_ids=(track,)))
        await client.put("/v1/me/tracks", params={"ids": track}, headers=ME)
        await client.put("/v1/me/albums", params={"ids": album}, headers=ME)
        (item,) = (await listed(client, "/v1/me/tracks"))["items"]
        view = item["track"]
        assert view["name"] == "Title 1"
        assert [it["name"] for it in view["artists"]] == ["Ada", "Bo"]
        assert view["album"]["name"] == "First (Deluxe)"
        assert view["album"]["album_type"] == "single"
        assert view["album"]["total_tracks"] == 1
        assert view["album"]["images"][0]["width"] == 640
        assert "DE" not in view["available_markets"]
        assert len(view["available_markets"]) > 200
        assert view["external_ids"] == {"isrc": "SEABC2600001"}
        for market, plays in (("SE", True), ("de", False), ("from_token", True)):
            (item,) = (await listed(client, "/v1/me/tracks", market=market))["items"]
            assert item["track"]["is_playable"] is plays
            assert "available_markets" not in item["track"]
        (item,) = (await listed(client, "/v1/me/albums", market="SE"))["items"]
        assert item["album"]["tracks"]["total"] == 1
        assert item["album"]["tracks"]["items"][0]["id"] == track
        assert item["album"]["release_date_precision"] == "month"
        assert item["album"]["copyrights"] == [{"text": "2026 Own", "type": "P"}]


async def test_removed_tracks_stay_as_unplayable_entries():
    service = Service()
    track = ids("track", 1)[0]
    async with client_of(service.app()) as client:
        await PUSHES.push(client, track_changed(track))
        await client.put("/v1/me/tracks", params={"ids": track}, headers=ME)
        await PUSHES.push(client, track_changed(track, 2, removed=True))
        for params in ({}, {"market": "SE"}):
            (item,) = (await listed(client, "/v1/me/tracks", **params))["items"]
            assert item["track"]["name"] == "Title 2"
            assert item["track"]["is_playable"] is False


async def test_what_the_catalog_has_not_told_of_is_whole_and_unplayable():
    service = Service()
    async with client_of(service.app()) as client:
        for path in LISTS:
            await client.put(f"/v1/me/{path}", params={"ids": derived_id("x")}, headers=ME)
            for params in ({}, {"market": "SE"}):
                (item,) = (await listed(client, f"/v1/me/{path}", **params))["items"]
                assert item[path[:-1]]["name"] == ""
                if path == "tracks":
                    assert item["track"]["is_playable"] is False


async def test_older_news_never_replaces_newer():
    service = Service()
    track = ids("track", 1)[0]
    async with client_of(service.app()) as client:
        await client.put("/v1/me/tracks", params={"ids": track}, headers=ME)
        for revision in (3, 2, 3):
            assert (await PUSHES.push(client, track_changed(track, revision))).status_code == 204
        (item,) = (await listed(client, "/v1/me/tracks"))["items"]
        assert item["track"]["name"] == "Title 3"


async def test_followed_artists_page_by_cursor():
    service = Service()
    artists = ids("artist", 25)
    async with client_of(service.app()) as client:
        put = await client.put(
            "/v1/me/following", params={"type": "artist"}, json={"ids": artists}, headers=ME
        )
        assert put.status_code == 204
        page = (await listed(client, "/v1/me/following", type="artist", limit=10))["artists"]
        assert page["total"] == 25
        assert page["cursors"]["after"] == artists[9]
        by_id = (
            await listed(client, "/v1/me/following", type="artist", limit=10, after=artists[9])
        )["artists"]
        assert [it["id"] for it in by_id["items"]] == artists[10:20]
        # Another client lets go of the very anchor: `next` still knows the place.
        await client.request("DELETE", f"/v1/me/following?type=artist&ids={artists[9]}", headers=ME)
        seen = [it["id"] for it in page["items"]]
        while page["next"]:
            page = (await client.get(page["next"], headers=ME)).json()["artists"]
            seen += [it["id"] for it in page["items"]]
        assert seen == artists
        assert page["cursors"] == {"after": None}
        gone = await listed(client, "/v1/me/following", type="artist", after=artists[9])
        assert gone["artists"]["items"][0]["id"] == artists[0]


async def test_a_merged_artist_is_followed_by_either_name():
    service = Service()
    old, new, other = ids("artist", 3)
    async with client_of(service.app()) as client:

        async def follows(*asked: str) -> list[bool]:
            params = {"type": "artist", "ids": ",".join(asked)}
            return (await client.get("/v1/me/following/contains", params=params, headers=ME)).json()

        await client.put(f"/v1/me/following?type=artist&ids={old},{other}", headers=ME)
        await PUSHES.push(client, artist_changed(old, 2, merged_into=new))
        assert await follows(old, new, other) == [True, True, True]
        await PUSHES.push(client, artist_changed(new, 1, name="Ada L."))
        service.elapsed_s = 60
        page = (await listed(client, "/v1/me/following", type="artist"))["artists"]
        assert [(it["id"], it["name"]) for it in page["items"]] == [(new, "Ada L."), (other, "")]
        await client.put(f"/v1/me/following?type=artist&ids={new}", headers=ME)
        assert (await listed(client, "/v1/me/following", type="artist"))["artists"]["total"] == 2
        await client.request("DELETE", f"/v1/me/following?type=artist&ids={new}", headers=ME)
        assert await follows(old, new, other) == [False, False, True]


async def test_merges_in_a_ring_end():
    service = Service()
    one, two = ids("artist", 2)
    async with client_of(service.app()) as client:
        await PUSHES.push(client, artist_changed(one, 1, merged_into=two))
        await PUSHES.push(client, artist_changed(two, 1, merged_into=one))
        put = await client.put(f"/v1/me/following?type=artist&ids={one},{two}", headers=ME)
        assert put.status_code == 204
        assert (await client.get("/v1/me/following?type=artist", headers=ME)).status_code == 200


async def test_every_change_is_published_once_and_what_changes_nothing_is_not():
    service = Service()
    one, two = ids("track", 2)
    async with client_of(service.app()) as client:
        await client.put(f"/v1/me/tracks?ids={one},{two}", headers=ME)
        await client.put(f"/v1/me/tracks?ids={one}", headers=ME)
        await client.request("DELETE", f"/v1/me/tracks?ids={one},{derived_id('x')}", headers=ME)
        await client.put("/v1/me/library?uris=spotify:user:friend", headers=ME)
    told = [(it.user_id, it.kind, it.item_id, it.saved) for it in service.published.events]
    assert sorted(told[:2]) == sorted(("listener", "track", it, True) for it in (one, two))
    assert told[2:] == [("listener", "track", one, False), ("listener", "user", "friend", True)]
    assert len({it.event_id for it in service.published.events}) == 4


async def test_a_save_stands_while_nobody_can_be_told_and_the_sweep_tells_them():
    service = Service()
    track = ids("track", 1)[0]
    async with client_of(service.app()) as client:
        service.published.broken = Unavailable("away", code="NOT_PUBLISHED")
        put = await client.put(f"/v1/me/tracks?ids={track}", headers=ME)
        assert put.status_code == 200
        assert await saved_ids(client, "track") == [track]
        service.published.broken = None
        for forward_s, told in ((10, 0), (30, 1), (300, 1)):
            service.now.forward(seconds=forward_s)
            swept = await client.post("/_tasks/republish-library", headers=PUSHES.bearer())
            assert swept.status_code == 204
            assert len(service.published.events) == told
        assert isinstance(service.published.events[0], LibraryChanged)


async def test_a_user_who_is_gone_leaves_nothing():
    service = Service()
    async with client_of(service.app()) as client:
        await client.put(f"/v1/me/tracks?ids={','.join(ids('track', 40))}", headers=ME)
        await client.put(f"/v1/me/following?type=artist&ids={ids('artist', 1)[0]}", headers=ME)
        other = TOKENS.bearer(SCOPES, sub="other")
        await client.put("/v1/me/library?uris=spotify:user:listener", headers=other)
        await PUSHES.push(client, user_changed("listener", 1))
        for _ in range(2):
            gone = await PUSHES.push(client, user_changed("listener", 2, removed=True))
            assert gone.status_code == 204
        for method in ("GET", "PUT"):
            response = await client.request(
                method, f"/v1/me/tracks?ids={ids('track', 1)[0]}", headers=ME
            )
            assert response.status_code == 403
            assert code_of(response) == "USER_GONE"
        followed = await client.get("/v1/me/following?type=user", headers=other)
        (user,) = followed.json()["users"]["items"]
        assert (user["id"], user["display_name"]) == ("listener", None)
        service.now.forward(minutes=5)
        swept = await client.post("/_tasks/finish-erasures", headers=PUSHES.bearer())
        assert swept.status_code == 204
    left = [*service.shelving.entries(), *service.shelving.runs._documents]
    assert [id for id in left if id.startswith("listener~")] == []
    for _, shelf in service.shelving.shelves._documents.values():
        if shelf["shelf_id"].startswith("listener~"):
            assert shelf["front"] == b"\x90"
            assert shelf["expires_at"] is not None


async def test_an_unchanged_page_is_not_sent_again():
    service = Service()
    async with client_of(service.app()) as client:
        await client.put(f"/v1/me/tracks?ids={','.join(ids('track', 3))}", headers=ME)
        first = await client.get("/v1/me/tracks", headers=ME)
        tag = {"if-none-match": first.headers["etag"]}
        assert (await client.get("/v1/me/tracks", headers={**ME, **tag})).status_code == 304
        await client.put(f"/v1/me/tracks?ids={ids('track', 9)[8]}", headers=ME)
        assert (await client.get("/v1/me/tracks", headers={**ME, **tag})).status_code == 200


T = ids("track", 1)[0]
REFUSED = [
    ("GET", "/v1/me/tracks?limit=0", "INVALID_LIMIT"),
    ("GET", "/v1/me/tracks?limit=51", "INVALID_LIMIT"),
    ("GET", "/v1/me/tracks?limit=x", "INVALID_LIMIT"),
    ("GET", "/v1/me/tracks?limit=%D9%A1", "INVALID_LIMIT"),
    ("GET", "/v1/me/albums?offset=-1", "INVALID_OFFSET"),
    ("GET", "/v1/me/albums?offset=100001", "INVALID_OFFSET"),
    ("GET", "/v1/me/shows?before=x", "INVALID_BEFORE"),
    ("GET", "/v1/me/shows?before=99999999999999999999999", "INVALID_BEFORE"),
    ("GET", "/v1/me/episodes?market=XX", "INVALID_MARKET"),
    ("GET", "/v1/me/episodes?market=sverige", "INVALID_MARKET"),
    ("GET", "/v1/me/tracks/contains", "INVALID"),
    ("GET", "/v1/me/tracks/contains?ids=", "INVALID"),
    ("PUT", "/v1/me/tracks?ids=", "INVALID"),
    ("PUT", f"/v1/me/tracks?ids={T},", "INVALID_ID"),
    ("PUT", f"/v1/me/tracks?ids=spotify:track:{T}", "INVALID_ID"),
    ("PUT", "/v1/me/tracks?ids=" + ",".join([T] * 51), "TOO_MANY_IDS"),
    ("DELETE", "/v1/me/shows?ids=" + "," * 60_000, "TOO_MANY_IDS"),
    ("PUT", "/v1/me/library", "INVALID"),
    ("PUT", "/v1/me/library?uris=" + ",".join([f"spotify:track:{T}"] * 41), "TOO_MANY_IDS"),
    ("PUT", "/v1/me/library?uris=spotify:track:x", "INVALID_ID"),
    ("PUT", f"/v1/me/library?uris=spotify:chapter:{T}", "INVALID_URI"),
    ("PUT", f"/v1/me/library?uris=urn:track:{T}", "INVALID_URI"),
    ("GET", f"/v1/me/library/contains?uris=spotify:track:{T}:x", "INVALID_URI"),
    ("PUT", "/v1/me/library?uris=spotify:user:a~track", "INVALID_ID"),
    ("PUT", f"/v1/me/following?ids={T}", "INVALID_TYPE"),
    ("GET", "/v1/me/following?type=playlist", "INVALID_TYPE"),
    ("GET", "/v1/me/following?type=artist&after=x", "INVALID_ID"),
    ("GET", "/v1/me/following?type=artist&limit=99", "INVALID_LIMIT"),
    ("DELETE", "/v1/me/following?type=artist", "INVALID"),
]


@pytest.mark.parametrize(("method", "path", "reason"), REFUSED)
async def test_bad_requests_are_named(method: str, path: str, reason: str):
    async with client_of(Service().app()) as client:
        response = await client.request(method, path, headers=ME)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["status"], error.get("code")) == (400, reason)
    assert error["message"]


@pytest.mark.parametrize("bad", BAD_IDS)
async def test_bad_ids_are_refused_everywhere(bad: str):
    async with client_of(Service().app()) as client:
        for path in ("tracks?ids=", "following?type=artist&ids=", "library?uris=spotify:album:"):
            for method in ("PUT", "DELETE"):
                response = await client.request(method, f"/v1/me/{path}{bad}", headers=ME)
                assert response.status_code == 400, path


@pytest.mark.parametrize(
    "body",
    [
        *(it for it in NOT_OBJECTS if it),
        b"{}",
        b'{"ids": null}',
        b'{"ids": [1]}',
        b'{"ids": {"a": 1}}',
        b'{"ids": ["\\ud800"]}',
        b'{"ids": ["' + T.encode() + b'"], "x": ' + b"[" * 5000,
        b'{"x": ' + b"[" * 50_000 + b"]" * 50_000 + b', "ids": ["x"]}',
        json.dumps([T] * 51).encode(),
        json.dumps({"ids": ["a" * 100_000]}).encode(),
    ],
    ids=range(len(NOT_OBJECTS) + 8),
)
async def test_bodies_of_another_shape_are_refused(body: bytes):
    async with client_of(Service().app()) as client:
        for method in ("PUT", "DELETE"):
            for path in ("tracks", "following?type=user", "library"):
                response = await client.request(method, f"/v1/me/{path}", content=body, headers=ME)
                assert response.status_code == 400, response.text


async def test_a_body_of_ten_megabytes_is_too_large():
    async with client_of(Service().app()) as client:
        response = await client.put("/v1/me/tracks", content=b"[" * (10 << 20), headers=ME)
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "tracks", "user-library-read"),
        ("PUT", f"albums?ids={T}", "user-library-modify"),
        ("GET", f"shows/contains?ids={T}", "user-library-read"),
        ("GET", "following?type=artist", "user-follow-read"),
        ("DELETE", f"following?type=user&ids={T}", "user-follow-modify"),
        ("PUT", f"library?uris=spotify:track:{T}", "user-library-modify"),
        ("PUT", f"library?uris=spotify:artist:{T}", "user-follow-modify"),
        ("DELETE", f"library?uris=spotify:playlist:{T}", "playlist-modify-public"),
        ("GET", f"library/contains?uris=spotify:user:{T}", "user-follow-read"),
        ("GET", f"library/contains?uris=spotify:episode:{T}", "user-library-read"),
    ],
)
async def test_each_scope_opens_its_own_door_only(method: str, path: str, scope: str):
    others = " ".join(it for it in SCOPES.split() if it != scope and "playlist" not in it)
    if "playlist" in scope:
        others = others.replace("user-library-modify", "")
    async with client_of(Service().app()) as client:
        url = f"/v1/me/{path}"
        refused = await client.request(method, url, headers=TOKENS.bearer(others))
        assert refused.status_code == 403
        assert code_of(refused) == "INSUFFICIENT_SCOPE"
        passed = await client.request(method, url, headers=TOKENS.bearer(scope))
        assert passed.status_code < 300
        assert (await client.request(method, url)).status_code == 401
