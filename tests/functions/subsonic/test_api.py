"""OpenSubsonic's methods over the Web API's objects, and refusals with the codes it names."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from functions.subsonic.methods import METHODS
from shared.events import UserChanged
from tests.functions.subsonic.world import (
    COVER,
    KEY,
    PUBLIC_URL,
    SINCE,
    USER,
    USER_ID,
    World,
    id_of,
    signed,
)
from tests.web import NOW, client_of

TRACK, ALBUM, ARTIST = (
    f"{letters}-{id_of(kind, n)}"
    for letters, kind, n in (("tr", "track", 11), ("al", "album", 1), ("ar", "artist", 1))
)


async def ask(world: World, method: str, /, **parameters: Any) -> dict[str, Any]:
    """The inside of the answer in JSON, which must be a success."""
    async with client_of(world.app()) as client:
        answer = await client.get(f"/rest/{method}", params=signed(**parameters))
    body = answer.json()["subsonic-response"]
    assert body["status"] == "ok", body
    return body


async def refusal(world: World, name: str, parameters: dict[str, Any]) -> int:
    """The code of a refusal, which comes with HTTP status 200."""
    async with client_of(world.app()) as client:
        answer = await client.get(f"/rest/{name}", params=parameters)
    assert answer.status_code == 200
    body = answer.json()["subsonic-response"]
    assert body["status"] == "failed", body
    return body["error"]["code"]


async def location(world: World, name: str, **parameters: Any) -> str:
    async with client_of(world.app()) as client:
        answer = await client.post(f"/rest/{name}.view", data=signed(**parameters))
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def test_ping_by_query_by_form_and_with_the_old_suffix():
    async with client_of(World().app()) as client:
        for path in ("/rest/ping", "/rest/ping.view", "/rest/ping/"):
            assert (await client.get(path, params=signed())).json()["subsonic-response"]["status"]
            assert (await client.post(path, data=signed())).status_code == 200


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"f": "json"}, 10),
        ({**signed(), "v": ""}, 10),
        ({**signed(), "c": ""}, 10),
        ({**signed(), "u": ""}, 10),
        ({**signed(), "t": "0" * 32}, 40),
        ({**signed(), "u": "nobody"}, 40),
        ({**signed(secret="the account's own")}, 40),
        ({"u": USER, "p": "clear", "v": "1", "c": "x", "f": "json"}, 42),
        ({"u": USER, "p": "enc:6162", "v": "1", "c": "x", "f": "json"}, 42),
        ({**signed(), "p": "both"}, 43),
        ({**signed(), "apiKey": KEY}, 43),
        ({"apiKey": "wrong", "v": "1", "c": "x", "f": "json"}, 44),
        ({"apiKey": "", "v": "1", "c": "x", "f": "json"}, 10),
        ({"u": USER, "v": "1", "c": "x", "f": "json"}, 10),
    ],
)
async def test_who_proves_nothing_is_refused_by_its_code(parameters: dict[str, str], code: int):
    assert await refusal(World(), "ping", parameters) == code


async def test_an_api_key_needs_no_user_name():
    async with client_of(World().app()) as client:
        asked = {"apiKey": KEY, "v": "1.16.1", "c": "x", "f": "json"}
        answer = await client.get("/rest/tokenInfo", params=asked)
    assert answer.json()["subsonic-response"]["tokenInfo"] == {"username": USER}


async def test_what_was_proved_is_not_asked_again_with_the_same_salt():
    world = World()
    app = world.app()
    async with client_of(app) as client:
        for salt in ("one", "one", "two"):
            await client.get("/rest/ping", params=signed(salt=salt))
    assert [it.url.path for it in world.requests] == ["/oauth/app-password"] * 2


async def test_extensions_are_told_to_everybody():
    async with client_of(World().app()) as client:
        answer = await client.get("/rest/getOpenSubsonicExtensions", params={"f": "json"})
    found = answer.json()["subsonic-response"]["openSubsonicExtensions"]
    assert {"name": "apiKeyAuthentication", "versions": [1]} in found


async def test_artists_stand_under_their_first_letter_without_its_article():
    found = (await ask(World(), "getArtists"))["artists"]["index"]
    assert [it["name"] for it in found] == ["A"]
    assert [it["name"] for it in found[0]["artist"]] == ["Artist 1", "Artist 2", "Artist 3"]
    assert found[0]["artist"][0]["albumCount"] == 1


async def test_an_album_has_its_songs_and_knows_what_is_starred():
    world = World(saved={f"spotify:track:{TRACK[3:]}", f"spotify:album:{ALBUM[3:]}"})
    found = (await ask(world, "getAlbum", id=ALBUM))["album"]
    assert (found["name"], found["year"], found["starred"]) == ("Album 1", 1991, SINCE)
    assert (found["songCount"], found["duration"]) == (2, 122)
    song = found["song"][0]
    assert (song["id"], song["starred"], song["bitRate"]) == (TRACK, SINCE, 320)
    assert (song["coverArt"], song["genre"]) == (f"co-{COVER}", "Jazz")
    assert "starred" not in found["song"][1]


async def test_folders_are_artists_then_albums_then_songs():
    world = World()
    root = (await ask(world, "getMusicDirectory", id="1"))["directory"]["child"]
    assert (root[0]["id"], root[0]["isDir"]) == (ARTIST, True)
    albums = (await ask(world, "getMusicDirectory", id=ARTIST))["directory"]["child"]
    assert [(it["id"], it["isDir"]) for it in albums] == [(ALBUM, True)]
    songs = (await ask(world, "getMusicDirectory", id=ALBUM))["directory"]["child"]
    assert [(it["isDir"], it["parent"]) for it in songs] == [(False, ALBUM)] * 2


async def test_genres_say_how_much_there_is_of_each():
    found = (await ask(World(), "getGenres"))["genres"]["genre"]
    assert found == [{"value": "Jazz", "songCount": 6, "albumCount": 3}]


@pytest.mark.parametrize(
    ("kind", "more", "names"),
    [
        ("newest", {}, ["Album 1", "Album 2", "Album 3"]),
        ("newest", {"size": 1, "offset": 1}, ["Album 2"]),
        ("newest", {"size": 0}, []),
        ("alphabeticalByName", {"offset": 2}, ["Album 3"]),
        ("alphabeticalByArtist", {}, ["Album 1", "Album 2", "Album 3"]),
        ("byGenre", {"genre": 'Ja"zz'}, ["Album 1", "Album 2", "Album 3"]),
        ("byYear", {"fromYear": 2000, "toYear": 1990}, ["Album 3", "Album 2", "Album 1"]),
        ("starred", {}, ["Album 2"]),
        ("recent", {}, ["Album 3", "Album 1"]),
        ("frequent", {}, ["Album 1", "Album 3"]),
        ("highest", {}, []),
    ],
)
async def test_lists_of_albums(kind: str, more: dict[str, Any], names: list[str]):
    world = World(saved={f"spotify:album:{id_of('album', 2)}"})
    found = (await ask(world, "getAlbumList2", type=kind, **more))["albumList2"]["album"]
    assert [it["name"] for it in found] == names
    folders = (await ask(world, "getAlbumList", type=kind, **more))["albumList"]["album"]
    assert [it["title"] for it in folders] == names


async def test_a_random_list_is_of_the_collection():
    found = (await ask(World(), "getAlbumList2", type="random"))["albumList2"]["album"]
    assert {it["name"] for it in found} == {"Album 1", "Album 2", "Album 3"}
    songs = (await ask(World(), "getRandomSongs", size=3))["randomSongs"]["song"]
    assert len({it["id"] for it in songs}) == 3
    assert (await ask(World(), "getRandomSongs", size=2, genre="Jazz"))["randomSongs"]["song"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("getAlbumList2", {}),
        ("getAlbum", {}),
        ("createPlaylist", {}),
        ("star", {}),
        ("scrobble", {}),
        ("createBookmark", {"id": TRACK}),
        ("getSongsByGenre", {}),
    ],
)
async def test_what_is_missing_is_named(name: str, parameters: dict[str, str]):
    assert await refusal(World(), name, signed(**parameters)) == 10


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("getAlbum", {"id": "al-" + "0" * 22}),
        ("getAlbum", {"id": "nonsense"}),
        ("getAlbum", {"id": ARTIST}),
        ("getSong", {"id": "../../etc"}),
        ("getArtist", {"id": "\x00"}),
        ("stream", {"id": "co-" + COVER}),
        ("getCoverArt", {"id": "co-short"}),
        ("getMusicDirectory", {"id": "2"}),
    ],
)
async def test_what_is_not_there_is_70(name: str, parameters: dict[str, str]):
    assert await refusal(World(), name, signed(**parameters)) == 70


@pytest.mark.parametrize(
    ("asked", "file"),
    [
        ({}, "mp3-320"),
        ({"maxBitRate": 0}, "mp3-320"),
        ({"maxBitRate": 200}, "mp3-160"),
        ({"maxBitRate": 10}, "mp3-24"),
        ({"format": "ogg", "maxBitRate": 128}, "vorbis-96"),
        ({"format": "m4a"}, "aac-320"),
        ({"format": "raw"}, "mp3-320"),
        ({"format": "flac"}, "mp3-320"),
    ],
)
async def test_a_stream_is_the_best_rendition_that_fits(asked: dict[str, Any], file: str):
    found = await location(World(), "stream", id=TRACK, **asked)
    assert found == f"{PUBLIC_URL}/audio/x/{file}?signed"
    assert (await location(World(), "download", id=TRACK)).endswith("mp3-320?signed")


@pytest.mark.parametrize(("size", "px"), [(1, 64), (64, 64), (65, 300), (500, 640), (5000, 640)])
async def test_a_cover_is_no_smaller_than_asked(size: int, px: int):
    for id in (f"co-{COVER}", ALBUM, ARTIST, TRACK, ALBUM[3:]):
        found = await location(World(), "getCoverArt", id=id, size=size)
        assert found == f"{PUBLIC_URL}/images/{COVER}-{px}.jpg"


async def test_search_in_both_shapes_and_of_nothing():
    found = (await ask(World(), "search3", query="x", songCount=2))["searchResult3"]
    assert (len(found["artist"]), len(found["album"])) == (3, 3)
    assert found["song"][0]["title"] == "Track 11 & <more>"
    assert (await ask(World(), "search2", query="x"))["searchResult2"]["album"][0]["isDir"]
    everything = (await ask(World(), "search3", query='""', songCount=500))["searchResult3"]
    assert [it["id"][3:10] for it in everything["song"]] == [
        f"track{n}" for n in (11, 12, 21, 22, 31, 32)
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
async def test_pages_of_the_whole_collection_miss_nothing_and_show_nothing_twice(size: int):
    world = World()
    seen: list[str] = []
    for offset in range(0, 8, size):
        asked = {"songCount": size, "songOffset": offset, "albumCount": 0, "artistCount": 0}
        page = (await ask(world, "search3", query="", **asked))["searchResult3"]
        seen += [it["id"] for it in page["song"]]
    assert len(seen) == len(set(seen)) == 6


async def test_stars_go_to_the_library_and_come_back():
    world = World()
    await ask(world, "star", id=TRACK, albumId=ALBUM, artistId=ARTIST)
    assert len(world.saved) == 3
    found = (await ask(world, "getStarred2"))["starred2"]
    assert [it["starred"] for kind in found.values() for it in kind] == [SINCE] * 3
    assert (await ask(world, "getStarred"))["starred"]["album"][0]["isDir"] is True
    await ask(world, "unstar", id=ALBUM)
    assert len(world.saved) == 2


PLAYLIST = "pl-" + id_of("playlist", 1)


async def test_a_playlist_shows_what_can_be_played_of_it():
    listed = (await ask(World(), "getPlaylists"))["playlists"]["playlist"]
    assert [(it["id"], it["songCount"], it["public"]) for it in listed] == [(PLAYLIST, 4, True)]
    found = (await ask(World(), "getPlaylist", id=PLAYLIST))["playlist"]
    assert [it["title"][:8] for it in found["entry"]] == ["Track 11", "Track 12"]
    assert (found["songCount"], found["duration"]) == (2, 122)


async def test_songs_are_removed_by_the_numbers_that_were_shown():
    world = World()
    await ask(
        world, "updatePlaylist", playlistId=PLAYLIST, songIndexToRemove=1, songIdToAdd=TRACK,
        name="New", public="true",
    )  # fmt: skip
    # The second song shown is the fourth entry: one is gone, one does not play here.
    removal = {"items": [{"uri": f"spotify:track:{id_of('track', 12)}", "positions": [3]}],
               "snapshot_id": "seen"}  # fmt: skip
    assert world.edits == [
        ("PUT", id_of("playlist", 1), {"name": "New", "public": True}),
        ("DELETE", "items", removal),
        ("POST", "items", {"uris": [f"spotify:track:{TRACK[3:]}"]}),
    ]


@pytest.mark.parametrize("index", ["2", "-1", "x", "9" * 20])
async def test_a_number_beyond_the_last_song_changes_nothing(index: str):
    world = World()
    asked = signed(playlistId=PLAYLIST, songIndexToRemove=index)
    assert await refusal(world, "updatePlaylist", asked) == 0
    assert world.edits == []


async def test_a_playlist_is_made_replaced_and_let_go():
    world = World()
    await ask(world, "createPlaylist", name="New", songId=TRACK)
    await ask(world, "createPlaylist", playlistId=PLAYLIST, songId=TRACK)
    await ask(world, "deletePlaylist", id=PLAYLIST)
    assert [(method, where) for method, where, _ in world.edits] == [
        ("POST", "playlists"), ("POST", "items"), ("PUT", "items"), ("DELETE", "followers"),
    ]  # fmt: skip


async def test_a_scrobble_is_a_play_once():
    world = World()
    at = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)
    for _ in range(2):
        await ask(world, "scrobble", id=TRACK, time=at)
    await ask(world, "scrobble", id=TRACK, submission="false")
    first, again = world.reported
    assert first == again
    assert (first["track_id"], first["ms_played"]) == (TRACK[3:], 61_499)
    assert first["source"] == "opensubsonic"


async def test_bookmarks_move_and_the_queue_stays():
    world = World()
    await ask(world, "createBookmark", id=TRACK, position=5)
    await ask(world, "createBookmark", id=TRACK, position=7, comment="more")
    kept = (await ask(world, "getBookmarks"))["bookmarks"]["bookmark"]
    assert [(it["position"], it["comment"], it["entry"]["id"]) for it in kept] == [
        (7, "more", TRACK)
    ]
    await ask(world, "deleteBookmark", id=TRACK)
    assert (await ask(world, "getBookmarks"))["bookmarks"]["bookmark"] == []
    assert "playQueue" not in await ask(world, "getPlayQueue")
    await ask(world, "savePlayQueue", id=TRACK, current=TRACK, position=9)
    queue = (await ask(world, "getPlayQueue"))["playQueue"]
    assert (queue["current"], queue["position"], queue["changedBy"]) == (TRACK, 9, "test")
    await ask(world, "savePlayQueue")
    assert "playQueue" not in await ask(world, "getPlayQueue")


async def test_a_user_who_is_gone_leaves_nothing_behind():
    world = World()
    await ask(world, "createBookmark", id=TRACK, position=5)
    gone = UserChanged("e" * 22, NOW, USER_ID, 2, "Ada", "free", "SE", removed=True)
    async with client_of(world.app()) as client:
        assert (await world.pushes.push(client, gone)).status_code == 204
    assert await world.kept.find(USER_ID) is None


async def test_lyrics_as_text_and_with_their_times():
    lines = [{"start_ms": 500, "text": "One", "words": []}, {"start_ms": 900, "text": "Two"}]
    world = World(lyrics={"language": "sv", "sync": "line", "lines": lines})
    found = (await ask(world, "getLyricsBySongId", id=TRACK))["lyricsList"]["structuredLyrics"]
    assert (found[0]["lang"], found[0]["synced"]) == ("sv", True)
    assert found[0]["line"] == [{"start": 500, "value": "One"}, {"start": 900, "value": "Two"}]
    assert (await ask(world, "getLyrics", title="x"))["lyrics"]["value"] == "One\nTwo"
    assert (await ask(World(), "getLyrics", title="x"))["lyrics"]["value"] == ""
    none = await ask(World(), "getLyricsBySongId", id=TRACK)
    assert none["lyricsList"]["structuredLyrics"] == []


@pytest.mark.parametrize(("status", "code"), [(403, 50), (404, 70), (400, 0), (429, 0), (503, 0)])
async def test_what_other_services_refuse_is_said_in_its_words(status: int, code: int):
    assert await refusal(World(broken=status), "getSong", signed(id=TRACK)) == code


@pytest.mark.parametrize("name", ["getAlbum", "getArtists", "getStarred2", "stream", "scrobble"])
async def test_an_answer_that_cannot_be_read_is_no_crash(name: str):
    assert (
        await refusal(World(garbled=True), name, signed(id=ALBUM if "Al" in name else TRACK)) == 0
    )


async def test_another_method_is_404_in_the_envelope():
    async with client_of(World().app()) as client:
        answer = await client.get("/rest/getVideos.view", params={"f": "json"})
    assert answer.status_code == 404
    assert answer.json()["subsonic-response"]["error"]["code"] == 0


ODD = ("", "x", "-1", "9" * 30, "\x00", "é😀", "'\"<&>", "%ff", TRACK, ALBUM, "True", "a" * 4001)


@pytest.mark.parametrize("name", METHODS)
async def test_whatever_is_sent_is_answered_in_the_envelope(name: str):
    noise = random.Random(name)
    method = METHODS[name]
    async with client_of(World().app()) as client:
        for _ in range(25):
            asked = {it: noise.choice(ODD) for it in (*method.needs, *method.takes)}
            answer: httpx.Response = await client.post(
                f"/rest/{name}", data={**signed(), **asked, "f": noise.choice(("json", "xml"))}
            )
            assert answer.status_code in (200, 302), (asked, answer.text)
            if answer.status_code == 200:
                assert "subsonic-response" in answer.text
