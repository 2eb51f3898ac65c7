"""The player over HTTP: what clients are answered, told, and refused."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from functions.playback.player import MAX_ITEMS
from shared.events import UserChanged
from shared.ids import derived_id
from tests.functions.playback.events import TRACK, track_changed, track_played
from tests.functions.playback.service import PUSHES, TOKENS, Service
from tests.web import BAD_IDS, NOT_OBJECTS, NOW, PUBLIC_URL, client_of

SCOPES = "user-read-playback-state user-modify-playback-state streaming"
USER = TOKENS.bearer(SCOPES)
PHONE, SPEAKER = derived_id("phone"), derived_id("speaker")
OTHER = derived_id("other track")
PLAYER = "/v1/me/player"
ALBUM = f"spotify:album:{derived_id('album')}"


class Listener:
    """A listener with two devices and two tracks."""

    def __init__(self, client: httpx.AsyncClient, service: Service) -> None:
        self.client, self.service = client, service

    async def put(self, path: str, body: Any = None, **query: Any) -> httpx.Response:
        return await self.client.put(f"{PLAYER}{path}", json=body, params=query, headers=USER)

    async def post(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.post(f"{PLAYER}{path}", params=query, headers=USER)

    async def get(self, path: str = "", **query: Any) -> httpx.Response:
        return await self.client.get(f"{PLAYER}{path}", params=query, headers=USER)

    async def plays(self, *tracks: str, **more: Any) -> httpx.Response:
        body = {"uris": [f"spotify:track:{id}" for id in tracks or (TRACK,)], **more}
        return await self.put("/play", body, device_id=PHONE)


@pytest.fixture
async def listener():
    service = Service()
    for id in (TRACK, OTHER):
        await service.playables.apply_track(track_changed(track_id=id))
    async with client_of(service.app()) as client:
        made = Listener(client, service)
        for id, name in ((PHONE, "Phone"), (SPEAKER, "Speaker")):
            device = {"name": name, "type": "Speaker", "volume_percent": 40}
            assert (await made.put(f"/devices/{id}", device)).status_code == 204
        yield made


async def test_idle_is_204_everywhere(listener: Listener):
    for path in ("", "/currently-playing"):
        response = await listener.get(path)
        assert (response.status_code, response.content) == (204, b"")
    assert (await listener.get("/queue")).json() == {"currently_playing": None, "queue": []}


async def test_what_is_played_is_seen_with_device_context_and_progress(listener: Listener):
    listener.service.contexts.by_uri[ALBUM] = [TRACK, derived_id("unknown"), OTHER]
    body = {"context_uri": ALBUM, "offset": {"position": 2}, "position_ms": 500}
    assert (await listener.put("/play", body, device_id=PHONE)).status_code == 204
    listener.service.now.forward(seconds=2)
    seen = (await listener.get()).json()
    assert (seen["item"]["id"], seen["progress_ms"], seen["is_playing"]) == (OTHER, 2500, True)
    assert seen["device"] == {
        "id": PHONE, "is_active": True, "is_private_session": False, "is_restricted": False,
        "name": "Phone", "type": "Speaker", "volume_percent": 40, "supports_volume": True,
    }  # fmt: skip
    assert seen["context"]["uri"] == ALBUM
    assert [it["name"] for it in seen["item"]["artists"]] == ["Ada"]
    playing = (await listener.get("/currently-playing")).json()
    assert "device" not in playing
    assert playing["item"] == seen["item"]


async def test_every_change_is_told_once_and_in_order(listener: Listener):
    await listener.plays(TRACK, OTHER)
    await listener.put("/volume", volume_percent=9)
    await listener.put("/volume", volume_percent=9)  # nothing new
    await listener.put("/pause")
    told = listener.service.published.events
    assert [it.seq for it in told] == [1, 2, 3, 4, 5]
    assert {(it.channel, it.epoch) for it in told} == {("user:listener", told[0].epoch)}
    last = json.loads(told[-1].payload)["player"]
    assert (last["is_playing"], last["device"]["volume_percent"]) == (False, 9)
    changes = (await listener.get("/changes")).json()
    assert (changes["tail"], changes["recovered"], changes["pubs"]) == (5, False, [])
    assert changes["snapshot"]["player"] == last
    again = await listener.get("/changes", epoch=changes["epoch"], since=5)
    assert (again.json()["recovered"], again.json()["snapshot"]) == (True, None)
    behind = (await listener.get("/changes", epoch=changes["epoch"], since=4)).json()
    assert (behind["recovered"], behind["snapshot"]) == (False, changes["snapshot"])


async def test_a_lost_publication_is_no_lost_command(listener: Listener, caplog):
    listener.service.published.broken = RuntimeError("no topic")
    assert (await listener.plays()).status_code == 204
    assert (await listener.get()).json()["is_playing"] is True
    assert "not published" in caplog.text


async def test_a_transfer_leaves_one_device_active(listener: Listener):
    await listener.plays()
    assert (await listener.put("", {"device_ids": [SPEAKER]})).status_code == 204
    devices = (await listener.get("/devices")).json()["devices"]
    assert [it["id"] for it in devices if it["is_active"]] == [SPEAKER]
    seen = (await listener.get()).json()
    assert (seen["device"]["id"], seen["is_playing"]) == (SPEAKER, True)
    gone = await listener.client.delete(f"{PLAYER}/devices/{SPEAKER}", headers=USER)
    assert gone.status_code == 204
    assert (await listener.get()).status_code == 204


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b" "])
async def test_play_without_a_word_goes_on(listener: Listener, body: bytes):
    await listener.plays()
    await listener.put("/pause")
    response = await listener.client.put(f"{PLAYER}/play", content=body, headers=USER)
    assert response.status_code == 204
    assert (await listener.get()).json()["is_playing"] is True


async def test_a_free_listener_skips_six_times_an_hour_and_is_told_why_not_more(
    listener: Listener,
):
    free = TOKENS.bearer(SCOPES, plan="free")
    await listener.plays(*[TRACK, OTHER] * 10)
    for _ in range(6):
        assert (await listener.client.post(f"{PLAYER}/next", headers=free)).status_code == 204
    refused = await listener.client.post(f"{PLAYER}/next", headers=free)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["reason"]) == (
        403, "SKIP_LIMIT", "RATE_LIMITED",
    )  # fmt: skip
    assert (error["limit"], error["retry_at"]) == (6, "2026-03-01T13:00:00Z")
    assert (await listener.post("/next")).status_code == 204  # premium again
    listener.service.now.forward(hours=1)
    await listener.plays(*[TRACK, OTHER] * 10)
    assert (await listener.client.post(f"{PLAYER}/next", headers=free)).status_code == 204


async def test_refusals_carry_the_stable_code_and_the_players_word(listener: Listener):
    cases = [
        (await listener.put("/pause"), 404, "NO_ACTIVE_DEVICE", "NO_ACTIVE_DEVICE"),
        (await listener.put("", {"device_ids": [OTHER]}), 404, "DEVICE_NOT_FOUND",
         "NO_ACTIVE_DEVICE"),
        (await listener.plays(derived_id("nowhere")), 404, "NOTHING_TO_PLAY", "UNKNOWN"),
        (await listener.post("/queue", uri=f"spotify:track:{derived_id('no')}"), 404,
         "TRACK_NOT_FOUND", "NO_SPECIFIC_TRACK"),
        (await listener.plays(offset={"position": 9}), 400, "OFFSET_OUTSIDE", "UNKNOWN"),
    ]  # fmt: skip
    for response, status, code, word in cases:
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["reason"]) == (status, code, word)
    await listener.plays()
    assert (await listener.post("/next")).json()["error"]["reason"] == "NO_NEXT_TRACK"
    assert (await listener.post("/previous")).json()["error"]["reason"] == "NO_PREV_TRACK"


@pytest.mark.parametrize("body", [it for it in NOT_OBJECTS if it not in (b"", b"null", b"[]")])
async def test_a_body_that_is_no_command_is_400(listener: Listener, body: bytes):
    headers = {**USER, "content-type": "application/json"}
    for path in ("/play", ""):
        response = await listener.client.put(f"{PLAYER}{path}", content=body, headers=headers)
        assert response.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"uris": "x"},
        {"uris": ["spotify:episode:" + "a" * 22]},
        {"uris": ["spotify:track:x"]},
        {"uris": [1]},
        {"uris": ["spotify:track:" + "a" * 22] * 801},
        {"context_uri": "spotify:user:" + "a" * 22},
        {"context_uri": "spotify:album:../../etc"},
        {"context_uri": "http://other.example/"},
        {"uris": [], "position_ms": -1},
        {"uris": [f"spotify:track:{TRACK}"], "offset": {"position": -1}},
        {"uris": [f"spotify:track:{TRACK}"], "offset": {"uri": "x"}},
    ],
)
async def test_malformed_starts_are_400(listener: Listener, body: Any):
    response = await listener.put("/play", body, device_id=PHONE)
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/seek", {}),
        ("/seek", {"position_ms": -1}),
        ("/volume", {"volume_percent": 101}),
        ("/repeat", {"state": "sometimes"}),
        ("/shuffle", {"state": "perhaps"}),
    ],
)
async def test_values_out_of_range_are_400(listener: Listener, path: str, query: dict):
    await listener.plays()
    assert (await listener.put(path, **query)).status_code == 400


@pytest.mark.parametrize("id", BAD_IDS)
async def test_a_device_with_a_malformed_id_is_no_device(listener: Listener, id: str):
    response = await listener.put(f"/devices/{id}", {"name": "x"})
    assert response.status_code in (400, 404)


async def test_no_more_is_played_than_a_player_holds(listener: Listener):
    assert (await listener.plays(*[TRACK] * (MAX_ITEMS + 50))).status_code == 204
    document = await listener.service.people.get("listener")
    assert len(document.items) == MAX_ITEMS


async def test_scopes_are_what_they_say(listener: Listener):
    reads, writes = (TOKENS.bearer(it) for it in SCOPES.split()[:2])
    await listener.plays()
    client = listener.client
    assert (await client.get(PLAYER, headers=writes)).status_code == 403
    assert (await client.put(f"{PLAYER}/pause", headers=reads)).status_code == 403
    assert (await client.get(PLAYER)).status_code == 401
    either = TOKENS.bearer("user-read-currently-playing")
    assert (await client.get(f"{PLAYER}/currently-playing", headers=either)).status_code == 200
    assert (await client.get(f"{PLAYER}/currently-playing", headers=writes)).status_code == 403


async def test_a_track_that_playback_does_not_know_is_shown_and_does_not_play(listener: Listener):
    await listener.plays(TRACK, OTHER)
    await listener.service.playables.apply_track(
        track_changed(2, track_id=OTHER, removed=True, title="Gone")
    )
    queue = (await listener.get("/queue")).json()["queue"]
    assert (queue[0]["name"], queue[0]["is_playable"]) == ("Gone", False)
    assert queue[0]["href"] == f"{PUBLIC_URL}/v1/tracks/{OTHER}"


async def test_of_a_user_who_is_gone_nothing_is_kept(listener: Listener):
    await listener.plays()
    await PUSHES.push(listener.client, track_played(1, NOW, user_id="listener"))
    stays = UserChanged("e", NOW, "listener", 1, "Ada", "premium", "SE", False)
    for event, kept in ((stays, True), (replace(stays, removed=True), False)):
        assert (await PUSHES.push(listener.client, event)).status_code == 204
        assert (await listener.service.people.find("listener") is not None) == kept
        assert bool((await listener.service.histories.get("listener")).plays) == kept
