"""The Web API's catalog group, as its clients ask for it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from PIL import Image

from shared.events import Features, RelatedArtistsChanged, TrackChanged
from shared.ids import derived_id
from tests.functions.catalog.fakes import PUSHES, TOKENS, Catalog, code_of, transcoded
from tests.functions.catalog.test_editing import ANY, EDITOR, READER, make
from tests.rights import deal, rights_changed
from tests.web import BAD_IDS, NOW, PUBLIC_URL, client_of


async def played(catalog: Catalog, client: httpx.AsyncClient, number: int, **tags: Any) -> str:
    """A track with audio, uploaded."""
    uploads = TOKENS.bearer("uploads:write")
    asked = {"filename": "a.flac", "size_bytes": 500}
    made = (await client.post("/v1/uploads", json=asked, headers=uploads)).json()
    event = transcoded(made, audio=f"audio {number}", track_number=number, **tags)
    assert (await PUSHES.push(client, event)).status_code == 204
    return made["track_id"]


async def get(client: httpx.AsyncClient, path: str) -> Any:
    response = await client.get(path, headers=READER)
    assert response.status_code == 200, response.text
    return response.json()


async def test_several_are_answered_in_order_with_nulls_and_doubles():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        one, two = [await played(catalog, client, number) for number in (1, 2)]
        absent = "a" * 22
        for slash in ("", "/"):
            path = f"/v1/tracks{slash}?ids={two},{absent},{one},{two}"
            tracks = (await get(client, path))["tracks"]
            assert [it and it["id"] for it in tracks] == [two, None, one, two]
        album = tracks[0]["album"]["id"]
        albums = (await get(client, f"/v1/albums?ids={absent},{album}"))["albums"]
        artists = (await get(client, f"/v1/artists?ids={tracks[0]['artists'][0]['id']}"))["artists"]
    assert albums[0] is None
    assert albums[1]["total_tracks"] == albums[1]["tracks"]["total"] == 2
    assert [it["track_number"] for it in albums[1]["tracks"]["items"]] == [1, 2]
    assert artists[0]["name"] == "Tagged artist"


KEYS = {
    "artist": "external_urls followers genres href id images name popularity type uri",
    "album": "album_type artists available_markets copyrights external_ids external_urls genres "
    "href id images label name popularity release_date release_date_precision total_tracks "
    "tracks type uri",
    "track": "album artists available_markets disc_number duration_ms explicit external_ids "
    "external_urls href id is_local name popularity preview_url track_number type uri",
}


async def test_objects_have_every_key_that_clients_require():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        track = await get(client, f"/v1/tracks/{await played(catalog, client, 1)}")
        album = await get(client, track["album"]["href"])
        artist = await get(client, track["artists"][0]["href"])
    for kind, view in (("track", track), ("album", album), ("artist", artist)):
        assert set(view) == set(KEYS[kind].split())
        assert view["external_urls"] == {"spotify": f"{PUBLIC_URL}/#/{kind}/{view['id']}"}
    only_full = {"copyrights", "external_ids", "genres", "label", "popularity", "tracks"}
    assert set(track["album"]) == set(KEYS["album"].split()) - only_full
    assert (album["release_date"], album["release_date_precision"]) == ("0000", "year")


async def test_a_preview_has_an_address_where_a_deal_grants_it_and_only_while_it_does():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        id = await played(catalog, client, 1, preview_path="audio/x/preview/preview.m4a")

        async def address(market: str | None = "SE") -> str | None:
            query = f"?market={market}" if market else ""
            track = await get(client, f"/v1/tracks/{id}{query}")
            (item,) = (await get(client, f"{track['album']['href']}{query}"))["tracks"]["items"]
            (page,) = (await get(client, f"/v1/tracks{query}"))["items"]
            assert track["preview_url"] == item["preview_url"] == page["preview_url"]
            return track["preview_url"]

        ends_at = catalog.now() + timedelta(hours=1)
        everywhere = f"{PUBLIC_URL}/v1/previews/{id}"
        await PUSHES.push(client, rights_changed(id, 10, deal(ends_at=ends_at)))
        assert (await address(), await address(None)) == (f"{everywhere}?market=SE", everywhere)
        assert catalog.told(TrackChanged)[-1].clip_markets == ("*",)
        catalog.now.at = ends_at
        await client.post("/_tasks/sweep-uploads", headers=PUSHES.bearer())
        assert await address() is None
        await PUSHES.push(client, rights_changed(id, 11, deal(territories=("NO",))))
        assert (await address(), await address(None)) == (None, None)
        assert await address("NO") == f"{everywhere}?market=NO"
        await PUSHES.push(client, rights_changed(id, 12, deal(clips=False)))
        assert await address("NO") is None
        await PUSHES.push(client, rights_changed(id, 13, deal(clips_from="2999-01-01T00:00:00Z")))
        assert await address() is None


async def test_markets_follow_licences_windows_and_withdrawal():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        id = derived_id("early")
        ends_at = NOW + timedelta(hours=1)
        nordic = deal(territories=("SE", "NO"), plans=("free",), ends_at=ends_at)
        await PUSHES.push(client, rights_changed(id, 1, nordic))  # before the track is known
        uploads = TOKENS.bearer("uploads:write")
        asked = {"filename": "a.flac", "size_bytes": 500}
        made = (await client.post("/v1/uploads", json=asked, headers=uploads)).json()
        id = made["track_id"]
        await PUSHES.push(client, transcoded(made))
        assert (await get(client, f"/v1/tracks/{id}"))["available_markets"] == []
        for _ in range(2):
            await PUSHES.push(client, rights_changed(id, 2, nordic))
        track = await get(client, f"/v1/tracks/{id}")
        assert track["available_markets"] == track["album"]["available_markets"] == ["NO", "SE"]
        swedish = await get(client, f"/v1/tracks/{id}?market=SE")
        token = await get(client, f"/v1/tracks/{id}?market=from_token")
        danish = await get(client, f"/v1/tracks/{id}?market=DK")
        assert "DK" in catalog.told(TrackChanged)[-1].blocked_markets
        assert "SE" not in catalog.told(TrackChanged)[-1].blocked_markets
        catalog.now.at = ends_at
        await client.post("/_tasks/sweep-uploads", headers=PUSHES.bearer())
        assert (await get(client, f"/v1/tracks/{id}"))["available_markets"] == []
        await PUSHES.push(client, rights_changed(id, 3, deal()))
        assert len((await get(client, f"/v1/tracks/{id}"))["available_markets"]) > 200
        await PUSHES.push(client, rights_changed(id, 4))
        assert (await get(client, f"/v1/tracks/{id}"))["available_markets"] == []
    assert swedish["is_playable"] is token["is_playable"] is True
    assert "available_markets" not in swedish
    assert (danish["is_playable"], danish["restrictions"]) == (False, {"reason": "market"})


async def test_a_market_opens_with_the_clock_on_its_wall():
    catalog = Catalog()
    there = deal(territories=("SE", "JP"), starts="2026-03-02T00:00:00")
    async with client_of(catalog.app()) as client:
        id = await played(catalog, client, 1)
        await PUSHES.push(client, rights_changed(id, 1, there))
        seen = []
        for hours in (0, 3, 11):  # from 12:00 UTC: midnight in Tokyo, then in Stockholm
            catalog.now.at = NOW + timedelta(hours=hours)
            for _ in range(3):
                await client.post("/_tasks/sweep-uploads", headers=PUSHES.bearer())
            seen.append((await get(client, f"/v1/tracks/{id}"))["available_markets"])
    assert seen == [[], ["JP"], ["JP", "SE"]]


async def test_another_release_of_the_same_recording_stands_in():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        one = await played(catalog, client, 1, album="Here")
        two = await played(catalog, client, 2, album="There")
        await PUSHES.push(client, rights_changed(one, 1, deal(territories=("SE",))))
        await PUSHES.push(client, rights_changed(two, 1, deal(territories=("DK",))))
        found = (await get(client, f"/v1/tracks?ids={one}&market=DK"))["tracks"][0]
        own = await get(client, f"/v1/tracks/{one}?market=SE")
        nowhere = await get(client, f"/v1/tracks/{one}?market=FI")
    assert (found["id"], found["is_playable"]) == (two, True)
    assert found["linked_from"]["id"] == one
    assert "linked_from" not in own
    assert (nowhere["id"], nowhere["is_playable"]) == (one, False)


async def test_an_artists_albums_by_group_top_tracks_and_relatives():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        ada = await make(client, "artist", name="Ada", genres=["jazz"])
        bo = await make(client, "artist", name="Bo", genres=["jazz"])
        own = {"artist": ada["id"]}
        guest = {"artist": bo["id"], "role": "featured"}
        lp = await make(client, "album", title="LP", credits=[own], release_date="2001")
        ep = await make(client, "album", title="EP", album_type="ep", credits=[own],
                        release_date="2002-02-02")  # fmt: skip
        for number, album in enumerate((lp, ep)):
            await make(client, "track", title=f"Song {number}", album=album["id"],
                       credits=[own, guest], popularity=number)  # fmt: skip
        path = f"/v1/artists/{ada['id']}"
        every = await get(client, f"{path}/albums")
        singles = await get(client, f"{path}/albums?include_groups=single&limit=1")
        guests = await get(client, f"/v1/artists/{bo['id']}/albums?include_groups=appears_on")
        top = await get(client, f"{path}/top-tracks?country=SE")
        related = await get(client, f"{path}/related-artists")
        new = await get(client, "/v1/browse/new-releases?limit=1")
        after = await get(client, new["albums"]["next"])
        for query in ("include_groups=live", "after=zzz", "limit=51", "market=ZZ", "offset=-1"):
            bad = await client.get(f"{path}/albums?{query}", headers=READER)
            assert (bad.status_code, bad.json()["error"]["status"]) == (400, 400)
    assert [it["name"] for it in every["items"]] == ["EP", "LP"]
    assert (every["total"], every["next"]) == (2, None)
    assert [(it["name"], it["album_type"]) for it in singles["items"]] == [("EP", "single")]
    assert {it["album_group"] for it in guests["items"]} == {"appears_on"}
    assert [it["name"] for it in top["tracks"]] == ["Song 1", "Song 0"]
    assert [it["name"] for it in related["artists"]] == ["Bo"]
    assert new["albums"]["items"][0]["name"] == "EP"
    assert after["albums"]["items"][0]["name"] == "LP"


async def test_markets_genres_and_categories_are_listed_and_features_are_not_made_up():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        await make(client, "artist", name="Ada", genres=["Drum & Bass"])
        assert "SE" in (await get(client, "/v1/markets"))["markets"]
        seeds = await get(client, "/v1/recommendations/available-genre-seeds")
        categories = (await get(client, "/v1/browse/categories"))["categories"]
        one = await get(client, "/v1/browse/categories/drum-bass")
        playlists = await get(client, "/v1/browse/categories/drum-bass/playlists")
        featured = await get(client, "/v1/browse/featured-playlists")
        features = await get(client, f"/v1/audio-features?ids={'a' * 22},{'b' * 22}")
        for path in (f"/v1/audio-features/{'a' * 22}", f"/v1/audio-analysis/{'a' * 22}",
                     "/v1/browse/categories/polka"):  # fmt: skip
            assert (await client.get(path, headers=READER)).status_code == 404
    assert seeds == {"genres": ["drum-bass"]}
    assert categories["items"] == [one]
    assert one["name"] == "Drum & Bass"
    assert playlists["playlists"]["items"] == featured["playlists"]["items"] == []
    assert features == {"audio_features": [None, None]}


async def test_what_did_not_change_is_304_and_everything_needs_a_token():
    catalog = Catalog(fresh_s=2.0)
    async with client_of(catalog.app()) as client:
        id = await played(catalog, client, 1)
        paths = (f"/v1/tracks?ids={id}", f"/v1/tracks/{id}", "/v1/markets",
                 "/v1/browse/new-releases", "/v1/browse/categories")  # fmt: skip
        for path in paths:
            first = await client.get(path, headers=READER)
            etag = first.headers["etag"]
            again = await client.get(path, headers={**READER, "if-none-match": etag})
            assert (again.status_code, again.content) == (304, b"")
            assert first.headers["cache-control"].startswith("private, max-age=")
            assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize("kind", ["tracks", "albums", "artists"])
async def test_malformed_ids_are_400_and_too_many_too(kind: str):
    async with client_of(Catalog().app()) as client:
        for id in (*BAD_IDS, "a" * 22 + ",", "," + "a" * 22, "%ed%a0%80" * 8, "a" * 30_000):
            if len(id) < 1000:
                one = await client.get(f"/v1/{kind}/{id}", headers=READER)
                assert one.status_code in (400, 404)
            many = await client.get(f"/v1/{kind}?ids={id}", headers=READER)
            assert (many.status_code, code_of(many)) in (
                (400, "INVALID_ID"),
                (400, "TOO_MANY_IDS"),
            )
        ids = ",".join(["a" * 22] * (21 if kind == "albums" else 51))
        many = await client.get(f"/v1/{kind}?ids={ids}", headers=READER)
        assert code_of(many) == "TOO_MANY_IDS"
        for market in ("ZZ", "S", "SWE", "\x00\x00", "%00%00", "ÅÄ"):
            bad = await client.get(
                f"/v1/{kind}/{'a' * 22}", params={"market": market}, headers=READER
            )
            assert bad.status_code in ((404,) if kind == "artists" else (400,))


async def test_cover_art_is_re_encoded_in_every_size():
    import io

    catalog = Catalog()
    png = io.BytesIO()
    Image.new("RGB", (900, 900), "teal").save(png, "PNG")
    async with client_of(catalog.app()) as client:
        album = await make(client, "album", title="LP")
        path = f"/v1/catalog/albums/{album['id']}/image"
        for content, status in (
            (b"no picture", 400),
            (b"", 400),
            (b"\x89PNG" + b"x" * (3 << 20), 413),
            (b"x" * (10 << 20), 413),
        ):
            bad = await client.put(path, content=content, headers=ANY)
            assert bad.status_code == status
        unsaid = await client.put(path, content=png.getvalue(), headers=EDITOR)
        good = await client.put(path, content=png.getvalue(), headers=ANY)
        images = (await get(client, f"/v1/albums/{album['id']}"))["images"]
    assert code_of(unsaid) == "REVISION_NEEDED"
    assert good.status_code == 200
    assert [it["width"] for it in images] == [640, 300, 64]
    names = {it["url"].removeprefix(f"{PUBLIC_URL}/") for it in images}
    assert names == set(catalog.images.kept)
    assert all(it.startswith(b"\xff\xd8") for it in catalog.images.kept.values())


async def test_audio_features_are_what_transcoding_measured():
    heard = Features(
        120.0, 5, 0, 4, 0.7, 0.8, 0.3, 0.1, 0.9, 0.1, 0.05, -9.5, confidence=0.6, timbre=(0.1, 0.2)
    )
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        id = await played(catalog, client, 1, features=heard)
        (many,) = (await get(client, f"/v1/audio-features?ids={id}"))["audio_features"]
        one = await get(client, f"/v1/audio-features/{id}")
    assert many == one
    assert (one["id"], one["tempo"], one["key"], one["mode"]) == (id, 120.0, 5, 0)
    assert one["loudness"] == -9.5
    assert "timbre" not in one
    assert catalog.told(TrackChanged)[-1].features == heard


async def test_related_artists_are_those_that_recommendations_found_first():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        ids = []
        for n in range(3):
            id = await played(catalog, client, n, artists=(f"Artist {n}",))
            track = await get(client, f"/v1/tracks/{id}")
            ids.append(track["artists"][0]["id"])
        event = RelatedArtistsChanged("e", NOW, ids[0], (ids[2], "gone" + "0" * 18), "2026-W47")
        await PUSHES.push(client, event)
        late = replace(event, occurred_at=NOW - timedelta(days=7), artist_ids=(ids[1],))
        await PUSHES.push(client, late)
        told = await get(client, f"/v1/artists/{ids[0]}/related-artists")
    assert [it["id"] for it in told["artists"]] == [ids[2]]
