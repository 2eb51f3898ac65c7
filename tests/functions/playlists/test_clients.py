"""spotipy and tekore from PyPI, as they are: what they really send is served."""

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import spotipy
import tekore
from fastapi import FastAPI
from PIL import Image

from tests.functions.library.fakes import track_changed, user_changed
from tests.functions.playlists.fakes import PUSHES, SCOPES, TOKENS, Instance, ids
from tests.web import PUBLIC_URL, client_of, served_by_thread

ME = "ada"
TOKEN = TOKENS.sign(TOKENS.claims(SCOPES, sub=ME))
TRACKS = ids("track", 120)
URIS = [f"spotify:track:{it}" for it in TRACKS]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def picture() -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "JPEG")
    return base64.b64encode(buffer.getvalue()).decode()


async def told(app) -> None:
    async with client_of(app) as client:
        for track in TRACKS[:10]:
            assert (await PUSHES.push(client, track_changed(track))).status_code == 204
        await PUSHES.push(client, user_changed(ME, display_name="Ada"))


@pytest.fixture
def served() -> Iterator[str]:
    """The address of a service that knows some tracks."""

    def app_at(host: str) -> FastAPI:
        app = Instance(public_url=host).app()
        asyncio.run(told(app))
        return app

    with served_by_thread(app_at) as host:
        yield host


@pytest.fixture
async def listener(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tekore.Spotify]:
    monkeypatch.setattr("tekore._client.base.prefix", f"{PUBLIC_URL}/v1/")
    app = Instance().app()
    await told(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        made = await client.post(
            f"{PUBLIC_URL}/v1/playlists/users/{ME}",
            json={"name": "T", "public": True, "description": ""},
            headers={"authorization": f"Bearer {TOKEN}"},
        )
        assert made.status_code == 201
        yield tekore.Spotify(TOKEN, sender=tekore.AsyncSender(client), chunked_on=True)


def test_spotipy_makes_fills_orders_and_leaves_a_playlist(served: str):
    client: Any = spotipy.Spotify(auth=TOKEN, retries=0)
    client.prefix = f"{served}/v1/"
    made = client.current_user_playlist_create("Mine", public=False, description="d")
    id = made["id"]
    first = client.playlist_add_items(id, URIS[:5])["snapshot_id"]
    client.playlist_add_items(id, [URIS[5]], position=0)
    client.playlist_remove_specific_occurrences_of_items(
        id, [{"uri": URIS[0], "positions": [0]}], snapshot_id=first
    )
    client.playlist_reorder_items(id, range_start=0, insert_before=3, range_length=1)
    page = client.playlist_items(id, limit=2)
    uris = [it["item"]["uri"] for it in page["items"]]
    while page["next"]:
        page = client.next(page)
        uris += [it["item"]["uri"] for it in page["items"]]
    assert uris == [URIS[1], URIS[2], URIS[5], URIS[3], URIS[4]]
    client.playlist_change_details(id, name="Renamed", description="new")
    found = client.playlist(id, fields="name,description,owner(id),items(total)")
    assert found == {
        "name": "Renamed", "description": "new", "owner": {"id": ME}, "items": {"total": 5},
    }  # fmt: skip
    client.playlist_remove_all_occurrences_of_items(id, [URIS[1]])
    client.playlist_replace_items(id, URIS[:3])
    assert [it["track"]["name"] for it in client.playlist(id)["tracks"]["items"]] == ["Title 1"] * 3
    client.playlist_upload_cover_image(id, picture())
    assert client.playlist_cover_image(id)[0]["url"].startswith(f"{served}/images/")
    assert [it["name"] for it in client.current_user_playlists()["items"]] == ["Renamed"]
    client.current_user_unfollow_playlist(id)
    assert client.current_user_playlists()["total"] == 0
    with pytest.raises(spotipy.SpotifyException) as refused:
        client.playlist(id)
    assert refused.value.http_status == 404


async def test_tekore_reads_every_field_of_every_answer(listener: Any):
    id = (await listener.followed_playlists()).items[0].id
    first = await listener.playlist_add(id, URIS)
    assert first != await listener.playlist_add(id, ["spotify:episode:" + "e" * 22], position=1)
    whole = await listener.playlist(id)
    assert (whole.name, whole.owner.display_name, whole.tracks.total) == ("T", "Ada", 121)
    assert whole.tracks.items[1].track.episode
    page = await listener.playlist_items(id, limit=50)
    seen = [item async for item in listener.all_items(page)]
    assert [it.track.uri for it in seen[2:]] == URIS[1:]
    await listener.playlist_reorder(id, range_start=0, insert_before=5)
    await listener.playlist_remove(id, [URIS[0]])
    await listener.playlist_change_details(id, name="U", public=False, collaborative=True)
    assert (await listener.playlist(id)).collaborative
    assert (await listener.followed_playlists()).items[0].name == "U"
    await listener.playlist_cover_image_upload(id, picture())
    assert len(await listener.playlist_cover_image(id)) == 3
    assert await listener.playlist_is_following(id, [ME]) == [False]
    await listener.playlist_follow(id)
    assert await listener.playlist_is_following(id, [ME]) == [True]
    await listener.playlist_clear(id)
    assert (await listener.playlist_items(id)).total == 0
    await listener.playlist_replace(id, URIS[:2])
    await listener.playlist_unfollow(id)
    assert (await listener.followed_playlists()).total == 0
