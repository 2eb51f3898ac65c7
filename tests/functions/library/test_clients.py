"""spotipy and tekore from PyPI, as they are: what they really send is served."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import spotipy
import tekore

from tests.functions.library.fakes import (
    PUSHES,
    SCOPES,
    TOKENS,
    Service,
    album_changed,
    artist_changed,
    ids,
    track_changed,
)
from tests.web import PUBLIC_URL, client_of, served_by_thread

TOKEN = TOKENS.sign(TOKENS.claims(SCOPES))
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # It does not know that albums may be restricted, and says so.
    pytest.mark.filterwarnings("ignore::tekore.model.UnknownModelAttributeWarning"),
]


@pytest.fixture
def served() -> Iterator[str]:
    """The address of a library."""
    with served_by_thread(lambda host: Service(host).app()) as host:
        yield host


@pytest.fixture
async def listener(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tekore.Spotify]:
    monkeypatch.setattr("tekore._client.base.prefix", f"{PUBLIC_URL}/v1/")
    service = Service()
    app = service.app()
    tracks = tuple(ids("track", 60))
    async with client_of(app) as client:
        for track in tracks:
            await PUSHES.push(client, track_changed(track))
        await PUSHES.push(client, album_changed(ids("album", 1)[0], track_ids=tracks))
        await PUSHES.push(client, artist_changed(ids("artist", 1)[0]))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport) as client:
        yield tekore.Spotify(TOKEN, sender=tekore.AsyncSender(client), chunked_on=True)


def test_spotipy_saves_lists_asks_and_removes(served: str):
    client = spotipy.Spotify(auth=TOKEN, retries=0)
    client.prefix = f"{served}/v1/"
    tracks, albums, shows = ids("track", 40), ids("album", 2), ids("show", 2)
    client.current_user_saved_tracks_add(tracks)
    page = client.current_user_saved_tracks(limit=15, market="SE")
    seen = [item["track"]["id"] for item in page["items"]]
    while page["next"]:
        client.current_user_saved_tracks_add(ids("later", len(seen))[-1:])
        page = client.next(page)
        seen += [item["track"]["id"] for item in page["items"]]
    assert seen == tracks
    client.current_user_saved_tracks_delete([f"spotify:track:{tracks[0]}"])
    assert client.current_user_saved_tracks_contains(tracks[:2]) == [False, True]
    client.current_user_saved_albums_add(albums)
    assert client.current_user_saved_albums_contains(albums) == [True, True]
    assert client.current_user_saved_albums()["total"] == 2
    client.current_user_saved_albums_delete(albums[:1])
    client.current_user_saved_shows_add(shows)
    assert client.current_user_saved_shows_contains(shows) == [True, True]
    client.current_user_saved_shows_delete(shows)
    assert client.current_user_saved_shows()["items"] == []
    episodes = ids("episode", 2)
    client.current_user_saved_episodes_add(episodes)
    assert client.current_user_saved_episodes_contains(episodes) == [True, True]
    assert client.current_user_saved_episodes()["items"][0]["episode"]["id"] == episodes[0]
    client.current_user_saved_episodes_delete(episodes)
    uris = [f"spotify:album:{albums[1]}", f"spotify:show:{shows[0]}"]
    assert client.current_user_saved_items(uris) == [True, False]


def test_spotipy_follows_and_unfollows(served: str):
    client = spotipy.Spotify(auth=TOKEN, retries=0)
    client.prefix = f"{served}/v1/"
    artists, playlist = ids("artist", 3), ids("playlist", 1)[0]
    client.user_follow_artists(artists)
    page = client.current_user_followed_artists(limit=2)["artists"]
    more = client.current_user_followed_artists(limit=2, after=page["cursors"]["after"])["artists"]
    assert [it["id"] for it in page["items"] + more["items"]] == artists
    assert client.next(page)["artists"]["items"][0]["id"] == artists[2]
    client.user_unfollow_artists(artists[:1])
    assert client.current_user_following_artists(artists[:2]) == [False, True]
    client.user_follow_users(["friend"])
    assert client.current_user_following_users(["friend", "stranger"]) == [True, False]
    client.user_unfollow_users(["friend"])
    client.current_user_follow_playlist(playlist)
    assert client.current_user_saved_items([f"spotify:playlist:{playlist}"]) == [True]


def test_spotipy_is_told_what_is_wrong(served: str):
    client = spotipy.Spotify(auth=TOKEN, retries=0)
    client.prefix = f"{served}/v1/"
    with pytest.raises(spotipy.SpotifyException) as caught:
        client.current_user_saved_tracks_add(ids("track", 41))
    assert caught.value.http_status == 400
    with pytest.raises(spotipy.SpotifyException) as caught:
        client.current_user_saved_tracks(limit=51)
    assert caught.value.http_status == 400


async def test_tekore_reads_what_it_saved_as_its_models(listener: tekore.Spotify):
    tracks, albums = ids("track", 60), ids("album", 2)
    await listener.saved_tracks_add(tracks)
    page = await listener.saved_tracks(limit=25)
    found = [item async for item in listener.all_items(page)]
    assert sorted(item.track.id for item in found) == sorted(tracks)
    assert found[0].track.album.name == "First (Deluxe)"
    assert await listener.saved_tracks_contains(tracks[:2]) == [True, True]
    await listener.saved_tracks_delete(tracks[:55])
    assert (await listener.saved_tracks(market="SE")).total == 5
    await listener.saved_albums_add(albums)
    saved = await listener.saved_albums(market="from_token")
    assert saved.items[0].album.tracks.total == 60
    assert len(saved.items[0].album.tracks.items) == 50
    assert saved.items[1].album.name == ""
    await listener.saved_albums_delete(albums)
    assert await listener.saved_albums_contains(albums) == [False, False]


async def test_tekore_keeps_podcasts_and_follows(listener: tekore.Spotify):
    shows, episodes, artists = ids("show", 2), ids("episode", 2), ids("artist", 60)
    await listener.saved_shows_add(shows)
    assert [it.show.id for it in (await listener.saved_shows()).items] == shows
    assert await listener.saved_shows_contains(shows) == [True, True]
    await listener.saved_shows_delete(shows, market="SE")
    await listener.saved_episodes_add(episodes)
    assert [it.episode.id for it in (await listener.saved_episodes()).items] == episodes
    assert await listener.saved_episodes_contains(episodes) == [True, True]
    await listener.saved_episodes_delete(episodes)
    await listener.artists_follow(artists)
    page = await listener.followed_artists(limit=25)
    assert sorted([it.id async for it in listener.all_items(page)]) == sorted(artists)
    assert await listener.artists_is_following(artists[:2]) == [True, True]
    await listener.artists_unfollow(artists)
    assert (await listener.followed_artists()).total == 0
    await listener.users_follow(["friend"])
    assert await listener.users_is_following(["friend", "stranger"]) == [True, False]
    await listener.users_unfollow(["friend"])
