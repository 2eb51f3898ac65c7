"""py-sonic from PyPI, unmodified, with an app password: browses, searches, listens, stars, resumes.

Left out: what a listener's server does not do (users, shares, chat, jukebox, ratings, videos,
scans by hand), and feeds of podcasts and radio beyond their empty lists.
"""

import hashlib
import time
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import urlsplit

import httpx
import libsonic
import libsonic.errors
import pytest

from tests.journeys.cloud import Cloud
from tests.journeys.people import Operator, Person, until

MISSING = "0" * 22

# py-sonic leaves the answers that it has read to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Sonic(libsonic.Connection):
    """py-sonic, that notes which methods it asked for. Nothing else is changed."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.seen: set[str] = set()

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not name.startswith("_") and callable(found):
            super().__getattribute__("seen").add(name)
        return found


@pytest.fixture(scope="module")
def person(operator: Operator) -> Person:
    return operator.user("Sonja")


@pytest.fixture(scope="module")
def secrets(person: Person) -> tuple[str, str]:
    return person.app_password("py-sonic")


def connect(cloud: Cloud, user: str, password: str) -> Sonic:
    address = urlsplit(cloud.host)
    return Sonic(
        f"{address.scheme}://{address.hostname}",
        user,
        password,
        port=address.port or 80,
        appName="journey",
    )


@pytest.fixture(scope="module")
def sonic(cloud: Cloud, person: Person, secrets: tuple[str, str]) -> Sonic:
    return connect(cloud, person.email, secrets[0])


@pytest.fixture(scope="module")
def album(sonic: Sonic, tracks: list[dict[str, Any]]) -> dict[str, Any]:
    return sonic.getAlbum(f"al-{tracks[0]['album']['id']}")["album"]


def test_it_signs_in_and_asks_what_there_is(
    sonic: Sonic, person: Person, tracks: list[dict[str, Any]]
) -> None:
    assert sonic.ping() is True
    assert sonic.getLicense()["license"]["valid"] is True
    assert sonic.getUser(person.email)["user"]["username"] == person.email
    assert [it["name"] for it in sonic.getMusicFolders()["musicFolders"]["musicFolder"]] == [
        "Segue"
    ]
    assert sonic.getScanStatus()["scanStatus"]["count"] >= len(tracks)


def test_it_browses_from_artists_to_songs(
    sonic: Sonic, tracks: list[dict[str, Any]], album: dict[str, Any]
) -> None:
    wanted = tracks[0]
    indexes = until(
        lambda: sonic.getArtists()["artists"]["index"],
        lambda it: any(a["name"] == wanted["artists"][0]["name"] for i in it for a in i["artist"]),
    )
    assert [it["name"] for it in indexes] == sorted(it["name"] for it in indexes)
    artist = sonic.getArtist(f"ar-{wanted['artists'][0]['id']}")["artist"]
    assert album["id"] in [it["id"] for it in artist["album"]]
    song = next(it for it in album["song"] if it["id"] == f"tr-{wanted['id']}")
    assert song["title"] == wanted["name"]
    assert song["duration"] == round(wanted["duration_ms"] / 1000)
    assert sonic.getSong(song["id"])["song"]["albumId"] == album["id"]
    assert sonic.getIndexes()["indexes"]["index"]
    children = sonic.getMusicDirectory(artist["id"])["directory"]["child"]
    assert album["id"] in [it["id"] for it in children]
    inside = sonic.getMusicDirectory(album["id"])["directory"]["child"]
    assert [it["id"] for it in inside] == [it["id"] for it in album["song"]]
    info = sonic.getArtistInfo2(artist["id"])["artistInfo2"]
    assert isinstance(info["similarArtist"], list)
    assert sonic.getAlbumInfo2(album["id"])["albumInfo"] is not None
    assert isinstance(sonic.getGenres()["genres"]["genre"], list)


def test_it_lists_albums_and_songs(sonic: Sonic, album: dict[str, Any]) -> None:
    for kind in ("newest", "random", "alphabeticalByName", "alphabeticalByArtist"):
        listed = sonic.getAlbumList2(kind, size=500)["albumList2"]["album"]
        assert album["id"] in [it["id"] for it in listed], kind
    assert sonic.getAlbumList("newest", size=1)["albumList"]["album"][0]["isDir"] is True
    assert sonic.getAlbumList2("recent")["albumList2"]["album"] == []
    assert sonic.getRandomSongs(size=2)["randomSongs"]["song"]
    assert sonic.getNowPlaying()["nowPlaying"] is not None


def test_it_searches(sonic: Sonic, tracks: list[dict[str, Any]]) -> None:
    name = tracks[0]["name"]
    found = until(
        lambda: sonic.search3(name)["searchResult3"]["song"],
        lambda it: it and it[0]["title"] == name,
    )
    assert found[0]["id"] == f"tr-{tracks[0]['id']}"
    assert sonic.search2(name)["searchResult2"]["song"][0]["id"] == found[0]["id"]
    everything = sonic.search3("", songCount=500)["searchResult3"]
    assert {f"tr-{it['id']}" for it in tracks} <= {it["id"] for it in everything["song"]}
    songs = sonic.getTopSongs(tracks[0]["artists"][0]["name"])["topSongs"]["song"]
    assert found[0]["id"] in [it["id"] for it in songs]
    assert sonic.getSimilarSongs2(found[0]["artistId"])["similarSongs2"]["song"]


def opened(answer: Any) -> Any:
    """What py-sonic gives for a file: the open answer, after every redirect."""
    return answer


def test_it_streams_the_rendition_that_fits_and_downloads_the_best(
    sonic: Sonic, album: dict[str, Any]
) -> None:
    song = album["song"][0]["id"]
    small, best = opened(sonic.stream(song, maxBitRate=96)), opened(sonic.download(song))
    with small, best:
        assert small.headers["content-type"] == best.headers["content-type"] == "audio/mpeg"
        assert "/base/mp3-96.mp3?" in small.url
        assert "/high/mp3-320.mp3?" in best.url
        head = small.read(4096)
        assert head[:3] == b"ID3" or head[0] == 0xFF
        assert int(small.headers["content-length"]) < int(best.headers["content-length"])
    with opened(sonic.stream(song, tformat="ogg")) as vorbis:
        assert vorbis.read(4) == b"OggS"


def test_it_shows_the_cover(sonic: Sonic, album: dict[str, Any]) -> None:
    for cover in (album["coverArt"], album["id"]):
        with opened(sonic.getCoverArt(cover, size=60)) as picture:
            assert picture.headers["content-type"] == "image/jpeg"
            assert picture.url.endswith("-64.jpg")


def test_it_stars_and_lets_go(sonic: Sonic, album: dict[str, Any]) -> None:
    song, artist = album["song"][0]["id"], album["artistId"]
    sonic.star([song], [album["id"]], [artist])
    starred = sonic.getStarred2()["starred2"]
    assert [it["id"] for it in starred["song"]] == [song]
    assert [it["id"] for it in starred["album"]] == [album["id"]]
    assert [it["id"] for it in starred["artist"]] == [artist]
    assert sonic.getAlbum(album["id"])["album"]["song"][0]["starred"].startswith("20")
    assert sonic.getStarred()["starred"]["album"][0]["isDir"] is True
    assert sonic.getAlbumList2("starred")["albumList2"]["album"]
    sonic.unstar([song], [album["id"]], [artist])
    starred = sonic.getStarred2()["starred2"]
    assert (starred["song"], starred["album"], starred["artist"]) == ([], [], [])


def test_plays_are_reported_and_turn_up(sonic: Sonic, album: dict[str, Any]) -> None:
    song = album["song"][0]["id"]
    assert sonic.scrobble(song, submission=False)
    assert sonic.scrobble(song, listenTime=time.time() - 300)
    until(
        lambda: sonic.getAlbumList2("recent")["albumList2"]["album"],
        lambda it: [found["id"] for found in it] == [album["id"]],
    )
    assert sonic.getAlbumList2("frequent")["albumList2"]["album"]


def test_it_goes_on_where_it_stopped(sonic: Sonic, album: dict[str, Any]) -> None:
    songs = [it["id"] for it in album["song"]]
    sonic.savePlayQueue(songs, songs[-1], 4321)
    queue = sonic.getPlayQueue()["playQueue"]
    assert [it["id"] for it in queue["entry"]] == songs
    assert (queue["current"], queue["position"], queue["changedBy"]) == (
        songs[-1],
        4321,
        "journey",
    )
    sonic.createBookmark(songs[0], 1234, "here")
    kept = sonic.getBookmarks()["bookmarks"]["bookmark"]
    assert [(it["entry"]["id"], it["position"], it["comment"]) for it in kept] == [
        (songs[0], 1234, "here")
    ]
    sonic.deleteBookmark(songs[0])
    assert sonic.getBookmarks()["bookmarks"]["bookmark"] == []


def test_it_keeps_playlists(sonic: Sonic, tracks: list[dict[str, Any]]) -> None:
    songs = [f"tr-{it['id']}" for it in tracks[:3]]
    sonic.createPlaylist(name="Morning", songIds=songs[:2])
    listed = sonic.getPlaylists()["playlists"]["playlist"]
    mine = next(it for it in listed if it["name"] == "Morning")
    shown = sonic.getPlaylist(mine["id"])["playlist"]
    assert [it["id"] for it in shown["entry"]] == songs[:2]
    assert (shown["songCount"], shown["public"]) == (2, False)
    sonic.updatePlaylist(
        mine["id"],
        name="Evening",
        comment="late",
        songIdsToAdd=[songs[2], songs[0]],
        songIndexesToRemove=[0],
    )
    shown = sonic.getPlaylist(mine["id"])["playlist"]
    assert (shown["name"], shown["comment"]) == ("Evening", "late")
    assert [it["id"] for it in shown["entry"]] == [songs[1], songs[2], songs[0]]
    sonic.createPlaylist(playlistId=mine["id"], songIds=songs[2:])
    assert [it["id"] for it in sonic.getPlaylist(mine["id"])["playlist"]["entry"]] == songs[2:]
    sonic.deletePlaylist(mine["id"])
    listed = sonic.getPlaylists()["playlists"]["playlist"]
    assert mine["id"] not in [it["id"] for it in listed]


def test_a_playlist_is_found_by_everybody_once_it_is_public(
    cloud: Cloud, sonic: Sonic, operator: Operator, secrets: tuple[str, str]
) -> None:
    name = f"Umbrellas {time.time_ns()}"

    def found() -> list[str]:
        asked = {"q": name, "type": "playlist"}
        page = operator.http.get("/v1/search", params=asked).raise_for_status().json()
        return [it["name"] for it in page["playlists"]["items"]]

    sonic.createPlaylist(name=name)
    listed = sonic.getPlaylists()["playlists"]["playlist"]
    id = next(it["id"] for it in listed if it["name"] == name)
    assert found() == []
    for public, names in (("true", [name]), ("false", [])):
        asked = {"apiKey": secrets[1], "v": "1.16.1", "c": "journey", "f": "json"}
        asked |= {"playlistId": id, "public": public}
        done = httpx.post(f"{cloud.host}/rest/updatePlaylist", data=asked).json()
        assert done["subsonic-response"]["status"] == "ok", done
        until(found, lambda it, names=names: it == names)
    sonic.deletePlaylist(id)


def test_lyrics_podcasts_and_radio_are_empty_lists_where_there_are_none(
    sonic: Sonic, tracks: list[dict[str, Any]]
) -> None:
    assert sonic.getLyrics(title=tracks[0]["name"])["lyrics"]["value"] == ""
    assert sonic.getPodcasts()["podcasts"]["channel"] == []
    assert sonic.getNewestPodcasts()["newestPodcasts"]["episode"] == []
    stations = sonic.getInternetRadioStations()["internetRadioStations"]
    assert stations["internetRadioStation"] == []


def test_what_is_wrong_is_said_in_its_own_words(cloud: Cloud, sonic: Sonic, person: Person) -> None:
    with pytest.raises(libsonic.errors.CredentialError):
        connect(cloud, person.email, "not the app password").getLicense()
    with pytest.raises(libsonic.errors.CredentialError):
        connect(cloud, person.email, "a long enough pass phrase").getLicense()  # the account's own
    with pytest.raises(libsonic.errors.DataNotFoundError):
        sonic.getAlbum(f"al-{MISSING}")
    with pytest.raises(libsonic.errors.DataNotFoundError):
        sonic.stream("tr-nonsense")


def test_an_api_key_opens_the_same_in_xml(
    cloud: Cloud, person: Person, secrets: tuple[str, str]
) -> None:
    asked = {"apiKey": secrets[1], "v": "1.16.1", "c": "journey"}
    found = httpx.get(f"{cloud.host}/rest/tokenInfo", params=asked)
    root = ET.fromstring(found.text)
    assert found.headers["content-type"] == "application/xml"
    assert root.attrib["status"] == "ok"
    assert root[0].attrib == {"username": person.email}
    known = httpx.get(f"{cloud.host}/rest/getOpenSubsonicExtensions", params={"f": "json"}).json()
    names = {it["name"] for it in known["subsonic-response"]["openSubsonicExtensions"]}
    assert names == {"apiKeyAuthentication", "formPost", "songLyrics"}


def test_what_the_page_removed_opens_nothing(cloud: Cloud, operator: Operator) -> None:
    other = operator.user("Signe")
    secret, _ = other.app_password("a phone that is lost")
    salt = "some"
    digest = hashlib.md5((secret + salt).encode(), usedforsecurity=False).hexdigest()
    asked = {"u": other.user_id, "t": digest, "s": salt, "v": "1.16.1", "c": "x", "f": "json"}
    there = httpx.get(f"{cloud.host}/rest/ping.view", params=asked).json()
    assert there["subsonic-response"]["status"] == "ok"
    wrong = httpx.get(f"{cloud.host}/rest/ping.view", params=asked | {"s": "other"}).json()
    assert wrong["subsonic-response"]["error"]["code"] == 40


def test_it_asked_for_at_least_25_methods(sonic: Sonic) -> None:
    assert len(sonic.seen) >= 25, sorted(sonic.seen)
