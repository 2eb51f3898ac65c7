"""Commands: optimistic concurrency, events, and merges that keep every old id working."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.events import AlbumChanged, ArtistChanged, TrackChanged
from shared.ids import derived_id
from tests.functions.catalog.fakes import PUSHES, TOKENS, Catalog, code_of
from tests.web import BAD_IDS, NOT_OBJECTS, client_of

EDITOR = TOKENS.bearer("catalog:write")
READER = TOKENS.bearer("streaming")
ANY = {**EDITOR, "if-match": "*"}


async def make(client: httpx.AsyncClient, kind: str, **line: Any) -> dict[str, Any]:
    response = await client.post(f"/v1/catalog/{kind}s", json=line, headers=EDITOR)
    assert response.status_code == 201, response.text
    return response.json()


async def album_of(client: httpx.AsyncClient, artist: dict[str, Any], year: int) -> dict[str, Any]:
    line = {"title": f"Album {year}", "release_date": str(year)}
    album = await make(client, "album", **line, credits=[{"artist": artist["id"]}])
    title = f"Song {year}"
    await make(client, "track", title=title, album=album["id"], credits=album["credits"])
    return album


async def albums_of(client: httpx.AsyncClient, artist_id: str) -> list[str]:
    found: list[str] = []
    url: str | None = f"/v1/artists/{artist_id}/albums?limit=2"
    while url:
        page = (await client.get(url, headers=READER)).json()
        found += [album["id"] for album in page["items"]]
        url = page["next"]
    return found


async def test_a_change_needs_the_revision_it_was_decided_on():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = await make(client, "artist", name="Ada")
        path = f"/v1/catalog/artists/{made['id']}"
        etag = (await client.get(path, headers=EDITOR)).headers["etag"]
        unsaid = await client.patch(path, json={"name": "B"}, headers=EDITOR)
        given = {**EDITOR, "if-match": etag}
        first = await client.patch(path, json={"genres": ["jazz"]}, headers=given)
        second = await client.patch(path, json={"genres": ["rock"]}, headers=given)
    assert (etag, unsaid.status_code) == ('"r1"', 400)
    assert code_of(unsaid) == "REVISION_NEEDED"
    assert (first.status_code, first.json()["revision"]) == (200, 2)
    assert (second.status_code, code_of(second)) == (412, "REVISION_MISMATCH")
    assert [event.genres for event in catalog.told(ArtistChanged)] == [(), ("jazz",)]


async def test_of_two_editors_at_once_one_is_told_to_look_again():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = await make(client, "artist", name="Ada")
        given = {**EDITOR, "if-match": '"r1"'}
        path = f"/v1/catalog/artists/{made['id']}"
        answers = await asyncio.gather(
            *(client.patch(path, json={"name": f"N{n}"}, headers=given) for n in range(5))
        )
    assert sorted(it.status_code for it in answers) == [200, 412, 412, 412, 412]


async def test_a_rename_reaches_tracks_albums_and_events_and_keeps_the_old_name():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        artist = await make(client, "artist", name="Prinz")
        album = await album_of(client, artist, 1999)
        path = f"/v1/catalog/artists/{artist['id']}"
        after = (await client.patch(path, json={"name": "Prince"}, headers=ANY)).json()
        shown = (await client.get(f"/v1/albums/{album['id']}", headers=READER)).json()
        renamed = (await client.get(f"/v1/artists/{artist['id']}", headers=READER)).json()
    assert (after["name"], after["aliases"]) == ("Prince", ["Prinz"])
    assert shown["artists"][0]["name"] == shown["tracks"]["items"][0]["artists"][0]["name"]
    assert renamed["name"] == "Prince"
    assert catalog.told(TrackChanged)[-1].artists == ("Prince",)
    assert catalog.told(AlbumChanged)[-1].artists[0].name == "Prince"
    assert catalog.told(ArtistChanged)[-1].aliases == ("Prinz",)


async def test_after_a_merge_every_old_id_answers_for_the_survivor():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        old, mid, new = [await make(client, "artist", name=name) for name in ("A", "B", "C")]
        albums = [
            (await album_of(client, artist, 2000 + n))["id"]
            for n, artist in enumerate((old, mid, new))
        ]
        for gone, into in ((old, mid), (mid, new)):
            path = f"/v1/catalog/artists/{gone['id']}/merge"
            response = await client.post(path, json={"into": into["id"]}, headers=ANY)
            assert response.status_code == 200
        ids = f"{old['id']},{new['id']},{'a' * 22},{mid['id']}"
        found = (await client.get(f"/v1/artists?ids={ids}", headers=READER)).json()["artists"]
        one = (await client.get(f"/v1/artists/{old['id']}", headers=READER)).json()
        for artist in (old, mid, new):
            assert await albums_of(client, artist["id"]) == albums[::-1]
        again = await client.post(
            f"/v1/catalog/artists/{new['id']}/merge", json={"into": old["id"]}, headers=ANY
        )
    assert [it and it["id"] for it in found] == [new["id"], new["id"], None, new["id"]]
    assert one["name"] == "C"
    assert again.status_code == 409
    survivor = await catalog.store.artists.get(new["id"])
    assert set(survivor.absorbed) == {old["id"], mid["id"]}
    assert {"A", "B"} <= set(survivor.aliases)
    last = {track.track_id: track for track in catalog.told(TrackChanged)}
    assert {it.artist_id for track in last.values() for it in track.credits} == {new["id"]}
    told = catalog.told(ArtistChanged)
    assert mid["id"] in {it.merged_into for it in told if it.artist_id == old["id"]}


async def test_opposite_merges_at_once_lead_nobody_in_circles():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        a, b = [await make(client, "artist", name=name) for name in "AB"]
        await asyncio.gather(
            *(
                client.post(
                    f"/v1/catalog/artists/{x['id']}/merge", json={"into": y["id"]}, headers=ANY
                )
                for x, y in ((a, b), (b, a))
            )
        )
        answers = [
            (await client.get(f"/v1/artists/{it['id']}", headers=READER)).json() for it in (a, b)
        ]
    assert answers[0]["id"] == answers[1]["id"]


async def test_a_split_moves_tracks_to_a_new_artist_and_undoes_a_merge():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        one, two = [await make(client, "artist", name=name) for name in ("One", "Two")]
        album = await album_of(client, two, 2001)
        merge = f"/v1/catalog/artists/{two['id']}/merge"
        await client.post(merge, json={"into": one["id"]}, headers=ANY)
        asked = {"artist_id": two["id"], "album_ids": [album["id"]]}
        split = f"/v1/catalog/artists/{one['id']}/split"
        undone = await client.post(split, json=asked, headers=ANY)
        track_id = (await catalog.store.albums.get(album["id"])).entries[0].track_id
        asked = {"name": "Three", "track_ids": [track_id]}
        made = (await client.post(split, json=asked, headers=ANY)).json()
        track = (await client.get(f"/v1/tracks/{track_id}", headers=READER)).json()
        back = (await client.get(f"/v1/artists/{two['id']}", headers=READER)).json()
    assert undone.status_code == 201
    assert back["name"] == "Two"
    assert track["artists"][0]["id"] == made["id"]
    assert track["album"]["artists"][0]["id"] == two["id"]
    assert (await catalog.store.artists.get(one["id"])).absorbed == ()


async def test_a_takedown_hides_what_it_names_and_its_return_brings_back_just_that():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        artist = await make(client, "artist", name="Ada")
        first, second = [await album_of(client, artist, year) for year in (2001, 2002)]
        await client.delete(f"/v1/catalog/albums/{first['id']}", headers=ANY)
        assert await albums_of(client, artist["id"]) == [second["id"]]
        path = f"/v1/catalog/artists/{artist['id']}"
        await client.delete(path, headers=ANY)
        assert await albums_of(client, artist["id"]) == []
        for kind, id in (("artist", artist["id"]), ("album", second["id"])):
            assert (await client.get(f"/v1/{kind}s/{id}", headers=READER)).status_code == 200
        assert catalog.told(TrackChanged)[-1].removed
        await client.patch(path, json={"removed": False}, headers=ANY)
        assert await albums_of(client, artist["id"]) == [second["id"]]
    assert not catalog.told(TrackChanged)[-1].removed


async def test_an_errand_that_was_cut_short_is_finished_by_the_sweep():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        a, b = [await make(client, "artist", name=name) for name in "AB"]
        album = await album_of(client, a, 2001)
        changing = catalog.store.tracks.update

        async def cut(*_: Any) -> None:
            raise RuntimeError("the process dies here")

        catalog.store.tracks.update = cut  # type: ignore[method-assign]
        path = f"/v1/catalog/artists/{a['id']}/merge"
        response = await client.post(path, json={"into": b["id"]}, headers=ANY)
        assert response.status_code == 500
        catalog.store.tracks.update = changing  # type: ignore[method-assign]
        catalog.now.at += timedelta(minutes=2)
        await client.post("/_tasks/sweep-uploads", headers=PUSHES.bearer())
        track_id = (await catalog.store.albums.get(album["id"])).entries[0].track_id
    credits = (await catalog.store.tracks.get(track_id)).credits
    assert [it.artist_id for it in credits] == [b["id"]]
    assert catalog.told(TrackChanged)[-1].credits == credits


async def test_a_re_release_supersedes_and_the_old_link_still_resolves():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        artist = await make(client, "artist", name="Ada")
        old = await album_of(client, artist, 1990)
        line = {"title": "Album 1990", "version": "Remaster", "supersedes": old["id"]}
        new = await make(client, "album", **line, credits=old["credits"])
        listed = await albums_of(client, artist["id"])
        shown = (await client.get(f"/v1/albums/{old['id']}", headers=READER)).json()
    assert listed == [new["id"]]
    assert shown["id"] == old["id"]
    superseded = [it for it in catalog.told(AlbumChanged) if it.album_id == old["id"]][-1]
    assert superseded.superseded_by == new["id"]


@pytest.mark.parametrize(
    ("kind", "line", "reason"),
    [
        ("artist", {}, "INVALID_LINE"),
        ("artist", {"name": ""}, "INVALID_LINE"),
        ("artist", {"name": "x\x00"}, "INVALID_LINE"),
        ("artist", {"name": 1}, "INVALID_LINE"),
        ("artist", {"name": "x", "isni": "0000000121500901"}, "INVALID_ISNI"),
        ("artist", {"name": "x", "ipi": "00014107339"}, "INVALID_IPI"),
        ("work", {"title": "x", "iswc": "T0345246802"}, "INVALID_ISWC"),
        ("album", {"title": "x", "upc": "075678164126"}, "INVALID_UPC"),
        ("album", {"title": "x", "album_type": "box"}, "INVALID_LINE"),
        ("album", {"title": "x", "release_date": "1999-13"}, "INVALID_DATE"),
        ("album", {"title": "x", "credits": [{"artist": "nobody"}]}, "UNKNOWN_ARTIST"),
        ("album", {"title": "x", "credits": [{}]}, "UNKNOWN_ARTIST"),
        ("track", {"title": "x", "album": "nothing"}, "UNKNOWN_ALBUM"),
        ("track", {"title": "x"}, "INVALID_LINE"),
        ("track", {"title": "x", "album": "r", "work": "nothing"}, "UNKNOWN_ALBUM"),
        ("track", {"title": "x", "album": "r", "isrc": "12"}, "INVALID_ISRC"),
        ("track", {"title": "x", "duration_ms": -1}, "INVALID_LINE"),
        ("track", {"title": "x", "popularity": 101}, "INVALID_LINE"),
        ("track", {"title": "x", "id": "short"}, "INVALID_LINE"),
    ],
)
async def test_a_wrong_line_is_a_named_error(kind: str, line: dict[str, Any], reason: str):
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        response = await client.post(f"/v1/catalog/{kind}s", json=line, headers=EDITOR)
    assert (response.status_code, code_of(response)) == (400, reason)
    assert not catalog.publish.events


async def test_wrong_bodies_ids_and_scopes_are_4xx():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = await make(client, "artist", name="Ada")
        path = f"/v1/catalog/artists/{made['id']}"
        for body in (*NOT_OBJECTS, b'{"name":"\\ud800"}', b'{"a":' * 50_000):
            for method, url in (("POST", "/v1/catalog/artists"), ("PATCH", path),
                                ("POST", path + "/merge"), ("POST", path + "/split")):  # fmt: skip
                response = await client.request(method, url, content=body, headers=ANY)
                assert response.status_code == 400, (method, url, body[:20])
        for id in BAD_IDS:
            for kind in ("artists", "albums", "tracks", "works"):
                got = await client.get(f"/v1/catalog/{kind}/{id}", headers=EDITOR)
                assert got.status_code in (400, 404)
        assert (await client.get(path, headers=READER)).status_code == 403
        absent = f"/v1/catalog/artists/{derived_id('x')}"
        gone = await client.patch(absent, json={"name": "x"}, headers=ANY)
        assert (gone.status_code, code_of(gone)) == (404, "ARTIST_NOT_FOUND")
        big = await client.post("/v1/catalog/artists", content=b" " * (10 << 20), headers=EDITOR)
        assert big.status_code == 413
