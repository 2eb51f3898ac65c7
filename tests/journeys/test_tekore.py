"""tekore from PyPI, unmodified but for its addresses, signs in, browses, searches, saves, follows.

tekore 6.2 speaks the dialect before February 2026 (`me/tracks?ids=`, `me/following?type=`), and
checks every field of every answer with pydantic: an object that lacks one fails the call. Its
addresses are module variables (`tekore._client.base.prefix`, `…auth.expiring.client.OAUTH_*`).

Left out, because they belong to parts of Segue that do not exist yet:
podcasts' and audiobooks' own objects (`show*`, `episode*`, `audiobook*`, `chapter*`, and
`saved_shows_add` and `saved_episodes_add`, which name them), `recommendations` and
`current_user_top_*`.
The player has a journey of its own, `test_delivery.py`.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import tekore
from tekore._auth.expiring import client as auth
from tekore._client import base

from tests.journeys.cloud import Cloud
from tests.journeys.people import PICTURE, REDIRECT, SCOPES, Operator, Person, until

MISSING = "0" * 22


class Calls:
    """Counts what tekore sends; `sender` is what it sends with."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.http = httpx.Client(timeout=30, event_hooks={"response": [self._count]})
        self.sender = tekore.SyncSender(self.http)

    def _count(self, answer: httpx.Response) -> None:
        request = answer.request
        self.seen.append(f"{request.method} {request.url.path} {answer.status_code}")


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    made = Calls()
    yield made
    made.http.close()


@pytest.fixture(scope="module", autouse=True)
def pointed(cloud: Cloud) -> Iterator[None]:
    """tekore talks to our host."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "prefix", f"{cloud.host}/v1/")
        patch.setattr(auth, "OAUTH_AUTHORIZE_URL", f"{cloud.host}/authorize")
        patch.setattr(auth, "OAUTH_TOKEN_URL", f"{cloud.host}/api/token")
        yield


@pytest.fixture(scope="module")
def person(operator: Operator) -> Person:
    return operator.user("Hedy")


def credentials(operator: Operator, calls: Calls, *, public: bool = False) -> tekore.Credentials:
    made = operator.application(public=public)
    secret = made.get("client_secret")
    return tekore.Credentials(made["client_id"], secret, REDIRECT, sender=calls.sender)


@pytest.fixture(scope="module")
def app(operator: Operator, calls: Calls) -> tekore.Spotify:
    """An application in its own name: client credentials."""
    token = credentials(operator, calls).request_client_token()
    return tekore.Spotify(token, sender=calls.sender)


@pytest.fixture(scope="module")
def me(operator: Operator, calls: Calls, person: Person) -> tekore.Spotify:
    """An application that Hedy has allowed: authorization code, with a secret, refreshed once."""
    known = credentials(operator, calls)
    back = person.allow(known.user_authorisation_url(SCOPES, state="a state"))
    assert tekore.parse_state_from_url(back) == "a state"
    token = known.request_user_token(tekore.parse_code_from_url(back))
    assert set(SCOPES.split()) == set(token.scope)
    fresh = known.refresh_user_token(token.refresh_token)
    assert fresh.access_token != token.access_token
    return tekore.Spotify(fresh, sender=calls.sender)


def ids(objects: Any) -> list[str]:
    return [it.id for it in objects]


def test_an_application_browses_the_catalog(
    app: tekore.Spotify, tracks: list[dict[str, Any]]
) -> None:
    wanted = [it["id"] for it in tracks[:3]]
    one = app.track(wanted[0])
    assert (one.id, one.name) == (wanted[0], tracks[0]["name"])
    assert app.track(wanted[0], market="SE").is_playable
    assert ids(app.tracks(wanted)) == wanted
    assert ids(app.tracks(wanted, market="SE")) == wanted
    album, artist = one.album.id, one.artists[0].id
    assert app.album(album).name == one.album.name
    assert app.album(album, market="SE").tracks.total >= 1
    assert ids(app.albums([album])) == [album]
    assert ids(app.albums([album], market="SE")) == [album]
    page = app.album_tracks(album, limit=1)
    assert len(list(app.all_items(page))) == page.total
    assert app.album_tracks(album, market="SE").items
    assert app.artist(artist).name == one.artists[0].name
    assert ids(app.artists([artist])) == [artist]
    assert album in ids(app.artist_albums(artist).items)
    assert album in ids(app.artist_albums(artist, include_groups=["album", "single"]).items) or (
        app.artist_albums(artist, include_groups=["compilation", "appears_on"]).items
    )
    assert wanted[0] in ids(app.artist_top_tracks(artist, "SE"))
    assert artist not in ids(app.artist_related_artists(artist))


def test_an_application_browses_what_there_is(
    app: tekore.Spotify, tracks: list[dict[str, Any]]
) -> None:
    assert {"SE", "US", "JP"} <= set(app.markets())
    page = app.new_releases(limit=1)
    assert page.items
    fresh = ids(app.all_items(page))
    assert len(fresh) == len(set(fresh))
    message, playlists = app.featured_playlists()
    assert (message, playlists.items) == ("", [])
    categories = app.categories(limit=3)
    for category in categories.items[:1]:
        assert app.category(category.id).name == category.name
        assert app.category_playlists(category.id).total == 0
    assert isinstance(app.recommendation_genre_seeds(), list)
    features = app.track_audio_features(tracks[0]["id"])
    assert (features.id, 0 <= features.key <= 11) == (tracks[0]["id"], True)
    with pytest.raises(tekore.NotFound):
        app.track_audio_analysis(tracks[0]["id"])


def test_an_application_searches(app: tekore.Spotify, tracks: list[dict[str, Any]]) -> None:
    track = tracks[0]
    (found,) = until(lambda: app.search(track["name"]), lambda it: track["id"] in ids(it[0].items))
    assert found.items[0].name == track["name"]
    artists, albums, songs = app.search(
        track["artists"][0]["name"], types=("artist", "album", "track"), market="SE", limit=5
    )
    assert track["artists"][0]["id"] in ids(artists.items)
    assert (albums.limit, songs.limit) == (5, 5)
    (none,) = app.search("zzqxj wvvkq", types=("artist",))
    assert none.total == 0


def test_errors_are_those_that_tekore_knows(app: tekore.Spotify) -> None:
    with pytest.raises(tekore.NotFound):
        app.track(MISSING)
    with pytest.raises(tekore.BadRequest):
        app.track("not an id")
    with pytest.raises(tekore.BadRequest):
        app.tracks([MISSING], market="XX")
    with pytest.raises(tekore.BadRequest):
        app.search("x", limit=51)
    with pytest.raises(tekore.Forbidden):
        app.current_user()
    with app.token_as("not a token"), pytest.raises(tekore.Unauthorised):
        app.track(MISSING)


def test_what_has_not_changed_is_not_sent_again(
    app: tekore.Spotify, calls: Calls, tracks: list[dict[str, Any]]
) -> None:
    address = base.prefix + "tracks/" + tracks[0]["id"]
    headers = {"Authorization": f"Bearer {app.token}"}
    first = calls.http.get(address, headers=headers)
    headers["If-None-Match"] = first.headers["etag"]
    assert calls.http.get(address, headers=headers).status_code == 304
    cached = tekore.Spotify(app.token, sender=tekore.CachingSender(sender=calls.sender))
    assert cached.track(tracks[0]["id"]) == cached.track(tracks[0]["id"])


def test_a_user_signs_in_by_code(me: tekore.Spotify, person: Person) -> None:
    profile = me.current_user()
    assert (profile.id, profile.display_name) == (person.user_id, "Hedy")
    assert (profile.email, profile.country, profile.product) == (person.email, "SE", "premium")
    assert me.user(person.user_id).display_name == "Hedy"


def test_a_user_saves_tracks_and_albums(me: tekore.Spotify, tracks: list[dict[str, Any]]) -> None:
    wanted = [it["id"] for it in tracks[:2]]
    album = tracks[0]["album"]["id"]
    assert me.saved_tracks_contains(wanted) == [False, False]
    me.saved_tracks_add(wanted)
    assert me.saved_tracks_contains([*wanted, MISSING]) == [True, True, False]
    until(
        lambda: ids(it.track for it in me.saved_tracks().items), lambda it: set(it) == set(wanted)
    )
    first = me.saved_tracks(limit=1, market="SE")
    assert first.total == 2
    assert len({it.track.id for it in me.all_items(first)}) == 2
    me.saved_tracks_delete(wanted[:1])
    assert me.saved_tracks_contains(wanted) == [False, True]
    me.saved_albums_add([album])
    assert me.saved_albums_contains([album]) == [True]
    saved = until(lambda: me.saved_albums().items, bool)
    assert ids(it.album for it in saved) == [album]
    assert saved[0].added_at
    me.saved_albums_delete([album])
    assert me.saved_albums_contains([album]) == [False]
    assert me.saved_shows().items == []
    assert me.saved_episodes().items == []
    assert me.saved_shows_contains([MISSING]) == [False]
    assert me.saved_episodes_contains([MISSING]) == [False]


def test_a_user_follows_artists_and_users(
    me: tekore.Spotify, operator: Operator, tracks: list[dict[str, Any]]
) -> None:
    artist = tracks[0]["artists"][0]["id"]
    other = operator.user("Rosalind")
    me.artists_follow([artist])
    assert me.artists_is_following([artist, MISSING]) == [True, False]
    followed = until(lambda: me.followed_artists().items, bool)
    assert ids(followed) == [artist]
    me.artists_unfollow([artist])
    assert me.artists_is_following([artist]) == [False]
    me.users_follow([other.user_id])
    assert me.users_is_following([other.user_id]) == [True]
    me.users_unfollow([other.user_id])
    assert me.users_is_following([other.user_id]) == [False]


def test_a_user_keeps_playlists(
    me: tekore.Spotify, person: Person, tracks: list[dict[str, Any]]
) -> None:
    uris = [it["uri"] for it in tracks[:3]]
    id = me.playlist_create(person.user_id, "Mornings", public=True, description="d").id
    me.playlist_add(id, uris)
    me.playlist_add(id, [uris[2]], position=0)
    me.playlist_reorder(id, range_start=0, insert_before=4)
    me.playlist_remove(id, [uris[0]])
    page = me.playlist_items(id, limit=1)
    assert [it.track.uri for it in me.all_items(page)] == [uris[1], uris[2], uris[2]]
    me.playlist_change_details(id, name="Noons", description="new")
    whole = me.playlist(id, market="SE")
    assert (whole.name, whole.owner.id, whole.tracks.total) == ("Noons", person.user_id, 3)
    me.playlist_cover_image_upload(id, PICTURE)
    assert len(me.playlist_cover_image(id)) == 3
    until(lambda: ids(me.followed_playlists().items), lambda it: id in it)
    assert id in ids(me.playlists(person.user_id).items)
    me.playlist_follow(id)
    assert me.playlist_is_following(id, [person.user_id]) == [True]
    me.playlist_replace(id, uris[:1])
    me.playlist_clear(id)
    assert me.playlist_items(id).total == 0
    me.playlist_unfollow(id)
    with pytest.raises(tekore.NotFound):
        me.playlist(id)


def test_a_public_application_signs_a_user_in_by_pkce(
    operator: Operator, calls: Calls, person: Person, tracks: list[dict[str, Any]]
) -> None:
    known = credentials(operator, calls, public=True)
    address, verifier = known.pkce_user_authorisation("user-library-read user-library-modify")
    code = tekore.parse_code_from_url(person.allow(address))
    token = known.request_pkce_token(code, verifier)
    fresh = known.refresh_pkce_token(token.refresh_token)
    listener = tekore.Spotify(fresh, sender=calls.sender)
    assert listener.current_user().id == person.user_id
    listener.saved_tracks_add([tracks[2]["id"]])
    assert listener.saved_tracks_contains([tracks[2]["id"]]) == [True]
    with pytest.raises(tekore.Forbidden):
        listener.artists_follow([tracks[0]["artists"][0]["id"]])
    with pytest.raises(tekore.HTTPError):  # a used refresh token: someone else may have it
        known.refresh_pkce_token(token.refresh_token)


def test_enough_was_called_and_nothing_broke(calls: Calls) -> None:
    print(f"\ntekore: {len(calls.seen)} calls")
    assert len(calls.seen) >= 60
    assert not [it for it in calls.seen if it.rpartition(" ")[2].startswith("5")]
