"""spotipy from PyPI, unmodified but for its addresses, signs in, browses, searches, saves, follows.

spotipy 2.26 speaks the dialect of February 2026: `me/library?uris=` for whatever is saved or
followed. Its addresses are set as its own documentation of proxies has it: the prefix of the API
on the client, the addresses of the authorization server on the auth managers.

Left out, because they belong to parts of Segue that do not exist yet: podcasts' and audiobooks'
own objects (`show*`, `episode*`, `get_audiobook*`), `recommendations` and `current_user_top_*`.
`search_markets` is `search` in a loop.
The player has a journey of its own, `test_delivery.py`.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import spotipy
from spotipy.cache_handler import MemoryCacheHandler
from spotipy.oauth2 import SpotifyClientCredentials, SpotifyOAuth, SpotifyPKCE

from tests.journeys.cloud import Cloud
from tests.journeys.people import PICTURE, REDIRECT, SCOPES, Operator, Person, until

# spotipy marks what Spotify has deprecated; it works with us.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:spotipy.*")

MISSING = "0" * 22


class Calls:
    """Counts what spotipy sends; `session` is what it sends with."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.session = requests.Session()
        self.session.hooks["response"].append(self._count)

    def _count(self, answer: requests.Response, *_: Any, **__: Any) -> None:
        path = answer.request.path_url.partition("?")[0]
        self.seen.append(f"{answer.request.method} {path} {answer.status_code}")


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    made = Calls()
    yield made
    made.session.close()


@pytest.fixture(scope="module")
def person(operator: Operator) -> Person:
    return operator.user("Ada")


def at(manager: Any, cloud: Cloud) -> Any:
    """An auth manager that talks to our authorization server."""
    manager.OAUTH_TOKEN_URL = f"{cloud.host}/api/token"
    manager.OAUTH_AUTHORIZE_URL = f"{cloud.host}/authorize"
    return manager


def client(cloud: Cloud, manager: Any, calls: Calls) -> spotipy.Spotify:
    made = spotipy.Spotify(auth_manager=manager, requests_session=calls.session)
    made.prefix = f"{cloud.host}/v1/"
    return made


@pytest.fixture(scope="module")
def app(cloud: Cloud, operator: Operator, calls: Calls) -> spotipy.Spotify:
    """An application in its own name: client credentials."""
    registered = operator.application()
    manager = SpotifyClientCredentials(
        registered["client_id"],
        registered["client_secret"],
        cache_handler=MemoryCacheHandler(),
        requests_session=calls.session,
    )
    return client(cloud, at(manager, cloud), calls)


@pytest.fixture(scope="module")
def oauth(cloud: Cloud, operator: Operator, calls: Calls, person: Person) -> SpotifyOAuth:
    """An application that Ada has allowed: authorization code, with a secret."""
    registered = operator.application()
    manager = SpotifyOAuth(
        registered["client_id"],
        registered["client_secret"],
        REDIRECT,
        state="a state",
        scope=SCOPES,
        cache_handler=MemoryCacheHandler(),
        requests_session=calls.session,
        open_browser=False,
    )
    at(manager, cloud)
    state, code = manager.parse_auth_response_url(person.allow(manager.get_authorize_url()))
    assert state == "a state"
    manager.get_access_token(code, as_dict=False, check_cache=False)
    return manager


@pytest.fixture(scope="module")
def me(cloud: Cloud, oauth: SpotifyOAuth, calls: Calls) -> spotipy.Spotify:
    return client(cloud, oauth, calls)


def ids(objects: list[dict[str, Any]]) -> list[str]:
    return [it["id"] for it in objects]


def test_an_application_browses_the_catalog(
    app: spotipy.Spotify, tracks: list[dict[str, Any]]
) -> None:
    wanted = ids(tracks)[:3]
    one = app.track(wanted[0])
    assert one["uri"] == f"spotify:track:{wanted[0]}"
    assert app.track(f"spotify:track:{wanted[0]}", market="SE")["is_playable"] is True
    many = app.tracks([*reversed(wanted), MISSING])["tracks"]
    assert [it and it["id"] for it in many] == [*reversed(wanted), None]
    assert ids(app.tracks(wanted, market="SE")["tracks"]) == wanted

    album, artist = one["album"]["id"], one["artists"][0]["id"]
    assert app.album(album)["name"] == one["album"]["name"]
    assert app.album(album, market="SE")["tracks"]["total"] >= 1
    assert ids(app.albums([album])["albums"]) == [album]
    page = app.album_tracks(album, limit=1)
    found = ids(page["items"])
    while page["next"]:
        page = app.next(page)
        found += ids(page["items"])
    assert wanted[0] in found
    assert len(found) == page["total"] == len(set(found))

    assert app.artist(artist)["name"] == one["artists"][0]["name"]
    assert ids(app.artists([artist])["artists"]) == [artist]
    assert album in ids(app.artist_albums(artist)["items"])
    assert album in ids(
        app.artist_albums(artist, include_groups="album,single,compilation", limit=50)["items"]
    )
    assert wanted[0] in ids(app.artist_top_tracks(artist, country="SE")["tracks"])
    assert artist not in ids(app.artist_related_artists(artist)["artists"])


def test_an_application_browses_what_there_is(
    app: spotipy.Spotify, tracks: list[dict[str, Any]]
) -> None:
    assert {"SE", "US", "JP"} <= set(app.available_markets()["markets"])
    fresh = app.new_releases(country="SE", limit=2)["albums"]
    assert fresh["items"]
    if fresh["next"]:
        second = app.next(fresh)["albums"]
        assert not set(ids(fresh["items"])) & set(ids(second["items"]))
    assert app.featured_playlists()["playlists"]["items"] == []
    categories = app.categories(limit=5)["categories"]["items"]
    for category in categories[:1]:
        assert app.category(category["id"])["name"] == category["name"]
        assert "playlists" in app.category_playlists(category["id"])
    assert isinstance(app.recommendation_genre_seeds()["genres"], list)
    (features,) = app.audio_features([tracks[0]["id"]])
    assert features["id"] == tracks[0]["id"]
    assert 0 <= features["energy"] <= 1
    with pytest.raises(spotipy.SpotifyException) as absent:
        app.audio_analysis(tracks[0]["id"])
    assert absent.value.http_status == 404


def test_an_application_searches(app: spotipy.Spotify, tracks: list[dict[str, Any]]) -> None:
    track = tracks[0]
    artist = track["artists"][0]["name"]
    found = until(
        lambda: app.search(track["name"])["tracks"]["items"], lambda it: track["id"] in ids(it)
    )
    assert found[0]["name"] == track["name"]
    assert track["id"] in ids(app.search(track["name"], market="SE")["tracks"]["items"])
    mixed = app.search(artist, limit=5, type="artist,album,track")
    assert track["artists"][0]["id"] in ids(mixed["artists"]["items"])
    assert set(mixed) >= {"artists", "albums", "tracks"}
    fielded = app.search(f'track:"{track["name"]}" artist:"{artist}"', type="track")
    assert track["id"] in ids(fielded["tracks"]["items"])
    assert app.search("zzqxj wvvkq", type="album")["albums"]["items"] == []


def test_errors_are_those_that_spotipy_knows(app: spotipy.Spotify) -> None:
    for wrong, status in (
        (lambda: app.track(MISSING), 404),
        (lambda: app.artist(MISSING), 404),
        (lambda: app.tracks([MISSING], market="XX"), 400),
        (lambda: app.search("x", limit=51), 400),
        (lambda: app.search("x", type="nonsense"), 400),
        (lambda: app.me(), 403),
    ):
        with pytest.raises(spotipy.SpotifyException) as refused:
            wrong()
        assert refused.value.http_status == status
        assert refused.value.msg


def test_a_user_signs_in_by_code_and_stays_signed_in(
    me: spotipy.Spotify, oauth: SpotifyOAuth, person: Person
) -> None:
    profile = me.me()
    assert (profile["id"], profile["display_name"]) == (person.user_id, "Ada")
    assert (profile["email"], profile["country"]) == (person.email, "SE")
    assert profile["product"] == "premium"
    kept = oauth.cache_handler.get_cached_token()
    fresh = oauth.refresh_access_token(kept["refresh_token"])
    assert fresh["access_token"] != kept["access_token"]
    assert me.current_user()["id"] == person.user_id
    assert me.user(person.user_id)["display_name"] == "Ada"


def test_a_user_saves_tracks_and_albums(me: spotipy.Spotify, tracks: list[dict[str, Any]]) -> None:
    wanted = ids(tracks)[:2]
    album = tracks[0]["album"]["id"]
    assert me.current_user_saved_tracks_contains(wanted) == [False, False]
    me.current_user_saved_tracks_add(wanted)
    assert me.current_user_saved_tracks_contains([*wanted, MISSING]) == [True, True, False]
    shown = until(
        lambda: [it["track"]["id"] for it in me.current_user_saved_tracks()["items"]],
        lambda it: set(it) == set(wanted),
    )
    assert len(shown) == 2
    first = me.current_user_saved_tracks(limit=1, market="SE")
    second = me.next(first)
    assert first["items"][0]["track"]["id"] != second["items"][0]["track"]["id"]
    assert first["total"] == 2
    me.current_user_saved_tracks_delete(wanted[:1])
    assert me.current_user_saved_tracks_contains(wanted) == [False, True]

    me.current_user_saved_albums_add([album])
    assert me.current_user_saved_albums_contains([album]) == [True]
    saved = until(lambda: me.current_user_saved_albums()["items"], bool)
    assert ids([it["album"] for it in saved]) == [album]
    assert saved[0]["added_at"]
    assert me.current_user_saved_items(
        [f"spotify:album:{album}", f"spotify:track:{wanted[0]}"]
    ) == [True, False]
    me.current_user_saved_albums_delete([album])
    assert me.current_user_saved_albums_contains([album]) == [False]
    assert me.current_user_saved_shows()["items"] == []
    assert me.current_user_saved_episodes()["items"] == []


def test_a_user_follows_artists_and_users(
    me: spotipy.Spotify, operator: Operator, tracks: list[dict[str, Any]]
) -> None:
    artist = tracks[0]["artists"][0]["id"]
    other = operator.user("Grace")
    me.user_follow_artists([artist])
    assert me.current_user_following_artists([artist, MISSING]) == [True, False]
    followed = until(lambda: me.current_user_followed_artists()["artists"]["items"], bool)
    assert ids(followed) == [artist]
    me.user_unfollow_artists([artist])
    assert me.current_user_following_artists([artist]) == [False]
    me.user_follow_users([other.user_id])
    assert me.current_user_following_users([other.user_id]) == [True]
    me.user_unfollow_users([other.user_id])
    assert me.current_user_following_users([other.user_id]) == [False]
    assert me.current_user_recently_played()["items"] == []


def test_a_user_keeps_playlists(me: spotipy.Spotify, tracks: list[dict[str, Any]]) -> None:
    uris = [it["uri"] for it in tracks[:3]]
    id = me.current_user_playlist_create("Mornings", public=False, description="d")["id"]
    other = me.user_playlist_create(me.me()["id"], "Evenings")["id"]
    first = me.playlist_add_items(id, uris)["snapshot_id"]
    me.playlist_add_items(id, [uris[2]], position=0)
    me.playlist_remove_specific_occurrences_of_items(
        id, [{"uri": uris[0], "positions": [0]}], snapshot_id=first
    )
    me.playlist_reorder_items(id, range_start=0, insert_before=3)
    shown = me.playlist_items(id, market="SE")["items"]
    assert [it["item"]["uri"] for it in shown] == [uris[1], uris[2], uris[2]]
    assert shown[0]["item"]["name"] == tracks[1]["name"]
    me.playlist_change_details(id, name="Noons")
    me.playlist_remove_all_occurrences_of_items(id, [uris[2]])
    me.playlist_replace_items(id, uris[:2])
    assert me.playlist(id, fields="name,items(total)") == {"name": "Noons", "items": {"total": 2}}
    me.playlist_upload_cover_image(id, PICTURE)
    cover = me.playlist_cover_image(id)[0]["url"]
    assert httpx.get(cover).headers["content-type"] == "image/jpeg"
    until(lambda: me.current_user_playlists()["items"], lambda it: ids(it)[:2] == [other, id])
    assert id in ids(me.user_playlists(me.me()["id"])["items"])
    me.current_user_follow_playlist(other)
    for it in (id, other):
        me.current_user_unfollow_playlist(it)
    assert not set(ids(me.current_user_playlists()["items"])) & {id, other}


def test_a_public_application_signs_a_user_in_by_pkce(
    cloud: Cloud, operator: Operator, calls: Calls, person: Person, tracks: list[dict[str, Any]]
) -> None:
    registered = operator.application(public=True)
    assert "client_secret" not in registered
    manager = SpotifyPKCE(
        registered["client_id"],
        REDIRECT,
        state="another state",
        scope="user-library-read user-library-modify",
        cache_handler=MemoryCacheHandler(),
        requests_session=calls.session,
        open_browser=False,
    )
    at(manager, cloud)
    code = manager.parse_response_code(person.allow(manager.get_authorize_url()))
    manager.get_access_token(code, check_cache=False)
    listener = client(cloud, manager, calls)
    assert listener.me()["id"] == person.user_id
    assert "email" not in listener.me()
    listener.current_user_saved_tracks_add([tracks[2]["id"]])
    assert listener.current_user_saved_tracks_contains([tracks[2]["id"]]) == [True]
    kept = manager.cache_handler.get_cached_token()
    manager.refresh_access_token(kept["refresh_token"])
    assert listener.me()["id"] == person.user_id
    with pytest.raises(spotipy.SpotifyException) as refused:
        listener.user_follow_artists([tracks[0]["artists"][0]["id"]])
    assert refused.value.http_status == 403


def test_enough_was_called_and_nothing_broke(calls: Calls) -> None:
    print(f"\nspotipy: {len(calls.seen)} calls")
    assert len(calls.seen) >= 60
    assert not [it for it in calls.seen if it.rpartition(" ")[2].startswith("5")]
