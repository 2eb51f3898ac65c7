"""`/v1/search` as clients see it."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.search.kinds import KINDS
from functions.search.shapes import ANSWERS
from tests.functions.search.catalog import album, artist, credits, id_of, playlist, track, user
from tests.functions.search.fakes import PUSHES, TOKENS, Cloud, app_of
from tests.web import PUBLIC_URL, client_of

BEARER = TOKENS.bearer("")
COVER = "ab" * 32
CATALOG = (
    artist("queen", "Queen", popularity=90, genres=("rock",), cover_id=COVER),
    album("opera", "A Night at the Opera", "Queen", release_date="1975-11-21", cover_id=COVER),
    track(
        "rhapsody", "Bohemian Rhapsody", "Queen", album="Opera", album_id=id_of("opera"),
        isrc="GBUM71029604", popularity=88, disc_number=1, track_number=11, explicit=True,
        blocked_markets=("NO",),
    ),
    track("other", "Rhapsody in Blue", "George Gershwin", popularity=30),
    track("duet", "Under Pressure", album_id="x" * 22, credits=credits("Queen", "David Bowie")),
    user("fan", "Queen Fan"),
    user("ada", "Ada"),
    playlist("best", "Best of Queen", track_ids=(id_of("rhapsody"),), item_count=7),
    playlist("secret", "Queen in secret", visibility="private"),
)  # fmt: skip


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    live = Cloud(tmp_path).instance()
    async with client_of(app_of(live)) as client:
        for event in CATALOG:
            assert (await PUSHES.push(client, event)).status_code == 204
        yield client
    await live.stop()


async def ask(client: httpx.AsyncClient, path: str = "/v1/search", **params) -> httpx.Response:
    return await client.get(path, params=params, headers=BEARER)


async def test_a_track_is_shown_as_the_web_api_does(client: httpx.AsyncClient):
    body = (await ask(client, q="bohemian rhapsody", type="track")).json()
    (found,) = body["tracks"]["items"]
    id = id_of("rhapsody")
    assert found["id"] == id
    assert found["uri"] == f"spotify:track:{id}"
    assert found["href"] == f"{PUBLIC_URL}/v1/tracks/{id}"
    assert found["external_urls"] == {"spotify": f"{PUBLIC_URL}/#/track/{id}"}
    assert found["artists"][0]["name"] == "Queen"
    assert found["artists"][0]["id"] == id_of("Queen")
    assert found["external_ids"] == {"isrc": "GBUM71029604"}
    assert (found["disc_number"], found["track_number"]) == (1, 11)
    assert found["explicit"] is True
    assert "NO" not in found["available_markets"]
    assert "SE" in found["available_markets"]
    assert "is_playable" not in found
    # The album as it is known now, not as the track remembers it.
    assert found["album"]["name"] == "A Night at the Opera"
    assert found["album"]["total_tracks"] == 2
    assert found["album"]["release_date_precision"] == "day"
    assert found["album"]["images"][0]["url"] == f"{PUBLIC_URL}/images/{COVER}-640.jpg"


@pytest.mark.parametrize("built", [False, True], ids=["changed since", "in a generation"])
async def test_a_preview_is_shown_where_it_may_be_heard(tmp_path: Path, built: bool):
    cloud = Cloud(tmp_path)
    told, live = cloud.instance("told"), cloud.instance("asked")
    document = KINDS["track"].document
    for name, clips in (("everywhere", ("*",)), ("nordic", ("NO", "SE")), ("nowhere", ())):
        await told.append(document(track(name, f"Song {name}", clip_markets=clips)))
    if built:
        await cloud.build()
    async with client_of(app_of(live)) as client:
        for market, expected in (
            (None, {"everywhere": ""}),
            ("SE", {"everywhere": "?market=SE", "nordic": "?market=SE"}),
            ("DE", {"everywhere": "?market=DE"}),
        ):
            given = {} if market is None else {"market": market}
            found = (await ask(client, q="song", type="track", **given)).json()["tracks"]["items"]
            assert {it["id"]: it["preview_url"] for it in found} == {
                id_of(name): f"{PUBLIC_URL}/v1/previews/{id_of(name)}{expected[name]}"
                if name in expected
                else None
                for name in ("everywhere", "nordic", "nowhere")
            }
    await told.stop()
    await live.stop()


async def test_answers_are_of_the_documented_shape(client: httpx.AsyncClient):
    for path, params in (
        ("/v1/search", {"q": "queen", "type": "artist,album,track,user,show,episode,playlist"}),
        ("/v1/search", {"q": "rapsody", "type": "track", "include": "highlights,did_you_mean"}),
        ("/v1/search", {"q": "opera", "type": "album", "market": "SE"}),
        ("/v1/search/suggestions", {"q": "que"}),
    ):
        shape = ANSWERS[f"GET {path}"][200]
        assert isinstance(shape, dict)
        jsonschema_rs.validate(shape, (await ask(client, path, **params)).json())


async def test_popularity_out_of_bounds_does_no_harm(client: httpx.AsyncClient):
    done = await PUSHES.push(client, track("odd", "Odd", popularity=-5))
    assert done.status_code == 204
    assert (await ask(client, q="odd", type="track")).json()["tracks"]["total"] == 1


async def test_several_kinds_come_in_the_order_asked_for(client: httpx.AsyncClient):
    body = (await ask(client, q="queen", type="artist,track,playlist,user")).json()
    assert list(body) == ["artists", "tracks", "playlists", "users"]
    assert body["artists"]["items"][0]["genres"] == ["rock"]
    assert {it["name"] for it in body["tracks"]["items"]} == {"Bohemian Rhapsody", "Under Pressure"}
    assert body["users"]["items"][0]["display_name"] == "Queen Fan"
    assert [it["name"] for it in body["playlists"]["items"]] == ["Best of Queen"]


async def test_a_playlist_is_shown_with_its_owner_and_a_cover(client: httpx.AsyncClient):
    body = (await ask(client, q="best of", type="playlist")).json()["playlists"]
    (found,) = body["items"]
    assert found["uri"] == f"spotify:playlist:{id_of('best')}"
    assert (found["owner"]["id"], found["owner"]["display_name"]) == (id_of("ada"), "Ada")
    assert (found["items"]["total"], found["public"]) == (7, True)
    assert found["snapshot_id"]
    own = playlist("best", "Best of Queen", revision=2, image_id=COVER, track_ids=())
    assert (await PUSHES.push(client, own)).status_code == 204
    body = (await ask(client, q="best of", type="playlist")).json()["playlists"]
    assert body["items"][0]["images"][0]["url"] == f"{PUBLIC_URL}/images/{COVER}-640.jpg"


async def test_only_public_playlists_are_found_and_only_as_long_as_they_are(
    client: httpx.AsyncClient,
):
    assert (await ask(client, q="secret", type="playlist")).json()["playlists"]["total"] == 0
    for revision, visibility, total in ((2, "public", 1), (3, "unlisted", 0), (4, "public", 1)):
        changed = playlist("secret", "In secret", revision=revision, visibility=visibility)
        assert (await PUSHES.push(client, changed)).status_code == 204
        found = (await ask(client, q="in secret", type="playlist")).json()["playlists"]
        assert found["total"] == total, visibility
    gone = playlist("secret", "In secret", revision=5, removed=True)
    assert (await PUSHES.push(client, gone)).status_code == 204
    assert (await ask(client, q="in secret", type="playlist")).json()["playlists"]["total"] == 0


async def test_a_page_has_absolute_links_that_lead_through_all(client: httpx.AsyncClient):
    body = (await ask(client, q="rhapsody", type="track", limit=1, market="SE")).json()
    page = body["tracks"]
    assert set(page) == {"href", "limit", "next", "offset", "previous", "total", "items"}
    assert page["next"].startswith(f"{PUBLIC_URL}/v1/search?")
    assert page["previous"] is None
    seen = [page["items"][0]["id"]]
    while page["next"]:
        page = (await client.get(page["next"], headers=BEARER)).json()["tracks"]
        seen += [it["id"] for it in page["items"]]
    assert sorted(seen) == sorted([id_of("rhapsody"), id_of("other")])
    assert parse_qs(urlsplit(page["previous"]).query)["offset"] == ["0"]


async def test_a_market_hides_what_is_blocked_there(client: httpx.AsyncClient):
    for market, names in (("NO", ["Rhapsody in Blue"]), ("from_token", None)):
        body = (await ask(client, q="rhapsody", type="track", market=market)).json()
        items = body["tracks"]["items"]
        assert all(it["is_playable"] and "available_markets" not in it for it in items)
        assert names is None or [it["name"] for it in items] == names


async def test_no_extension_appears_unless_it_is_asked_for(client: httpx.AsyncClient):
    plain = (await ask(client, q="bohemain rapsody", type="track")).json()["tracks"]
    assert "did_you_mean" not in plain
    assert "highlights" not in plain["items"][0]
    extended = (
        await ask(client, q="bohemain rapsody", type="track", include="did_you_mean,highlights")
    ).json()["tracks"]
    assert extended["did_you_mean"] == "bohemian rhapsody"
    assert extended["items"][0]["highlights"] == {"name": [[0, 8], [9, 17]]}


async def test_suggestions_come_as_one_types(client: httpx.AsyncClient):
    body = (await ask(client, "/v1/search/suggestions", q="que")).json()
    first = body["suggestions"][0]
    assert (first["text"], first["type"], first["highlights"]) == ("Queen", "artist", [[0, 3]])
    assert first["uri"] == f"spotify:artist:{id_of('queen')}"


async def test_the_trailing_slash_and_external_audio_are_taken(client: httpx.AsyncClient):
    done = await ask(client, "/v1/search/", q="queen", type="artist", include_external="audio")
    assert done.status_code == 200


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"type": "track"}, "INVALID"),
        ({"q": "a"}, "INVALID"),
        ({"q": "", "type": "track"}, "QUERY_MISSING"),
        ({"q": "a" * 251, "type": "track"}, "QUERY_TOO_LONG"),
        ({"q": "a " * 60, "type": "track"}, "QUERY_TOO_COMPLEX"),
        ({"q": "a\x00", "type": "track"}, "QUERY_MALFORMED"),
        ({"q": "year:x", "type": "track"}, "FILTER_INVALID"),
        ({"q": "a", "type": "song"}, "TYPE_INVALID"),
        ({"q": "a", "type": ""}, "TYPE_INVALID"),
        ({"q": "a", "type": "track", "market": "XX"}, "INVALID_MARKET"),
        ({"q": "a", "type": "track", "limit": "51"}, "INVALID"),
        ({"q": "a", "type": "track", "limit": "-1"}, "INVALID"),
        ({"q": "a", "type": "track", "limit": "x"}, "INVALID"),
        ({"q": "a", "type": "track", "offset": "1001"}, "INVALID"),
        ({"q": "a", "type": "track", "offset": "990"}, "OFFSET_TOO_LARGE"),
        ({"q": "a", "type": "track", "include": "all"}, "INCLUDE_INVALID"),
    ],
)
async def test_bad_requests_have_a_name(client: httpx.AsyncClient, params: dict, reason: str):
    done = await ask(client, **params)
    assert done.status_code == 400
    # What FastAPI itself refuses has no code of its own.
    error = done.json()["error"]
    assert error.get("code", error.get("reason", "INVALID")) == reason
    assert done.json()["error"]["status"] == 400


async def test_a_token_is_needed(client: httpx.AsyncClient):
    assert (await client.get("/v1/search?q=a&type=track")).status_code == 401


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    q=st.text(max_size=260),
    kinds=st.lists(st.sampled_from(["track", "album", "artist", "user", "show", "x"]), max_size=3),
    market=st.sampled_from([None, "SE", "se", "??", "from_token"]),
    include=st.sampled_from([None, "highlights", "did_you_mean,highlights", "x"]),
)
async def test_nothing_that_is_typed_breaks_the_service(
    client: httpx.AsyncClient, q: str, kinds: list[str], market: str | None, include: str | None
):
    text = q.encode("utf-8", "surrogatepass")
    params = {"q": text, "type": ",".join(kinds), "market": market, "include": include}
    given = {name: value for name, value in params.items() if value is not None}
    done = await client.get("/v1/search", params=given, headers=BEARER)
    assert done.status_code in (200, 400), done.text
    if done.status_code == 400:
        error = done.json()["error"]
        assert error.get("code", error.get("reason", "INVALID")).isupper()
