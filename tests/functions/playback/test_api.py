"""Plays over HTTP: what is signed, for whom, and what is refused."""

import json
from datetime import timedelta

import pytest

from functions.playback.domain import Playable
from functions.playback.store import MAX_CACHED, Playables
from shared import cdn
from shared.ids import derived_id
from shared.rights.shapes import Decision
from tests.functions.playback.events import (
    AUDIO,
    TRACK,
    track_changed,
    track_played,
)
from tests.functions.playback.service import KEY, PUSHES, TOKENS, Service, opens, play
from tests.rights import deal, rights_changed
from tests.web import NOT_OBJECTS, NOW, PUBLIC_URL, client_of


async def test_a_premium_play_opens_every_rendition_with_one_signature():
    service = Service()
    await service.ready()
    async with client_of(service.app()) as client:
        response = await play(client)
    assert response.status_code == 201
    body = response.json()
    assert body["track"] == {
        "id": TRACK,
        "duration_ms": 200_000,
        "gain_db": -4.0,
        "true_peak_dbtp": -1.0,
    }
    assert body["decision"] == {
        "allow": True,
        "reason": "LICENSED",
        "licence_id": deal().licence_id,
    }
    assert body["valid_until"] == "2026-03-01T12:05:20.000Z"  # its length and two minutes
    assert body["valid_for_s"] == 320
    assert [item["kbps"] for item in body["renditions"]] == [96, 160, 320] * 2
    urls = [item["url"] for item in (*body["manifests"], *body["renditions"])]
    for url in (*urls, body["waveform_url"]):
        assert url.endswith("?" + body["signature"])
        assert opens(url)
        assert not opens(url, NOW.timestamp() + 3600)
    assert {(item["codec"], item["protocol"]) for item in body["manifests"]} == {
        ("aac", "hls"),
        ("aac", "dash"),
        ("mp3", "hls"),
    }
    assert f"{PUBLIC_URL}/audio/{AUDIO}/aac.m3u8?{body['signature']}" in urls


async def test_a_free_play_opens_only_the_base_tier():
    service = Service()
    await service.ready()
    async with client_of(service.app()) as client:
        body = (await play(client, plan="free")).json()
    assert {item["kbps"] for item in body["renditions"]} == {96, 160}
    assert all("/base/" in item["url"] for item in (*body["manifests"], *body["renditions"]))
    high = f"{PUBLIC_URL}/audio/{AUDIO}/high/aac-320.mp4?{body['signature']}"
    assert not opens(high)


@pytest.mark.parametrize(("scheme", "secure"), [("https", True), ("http", False)])
async def test_the_cookie_opens_the_same_prefix_and_no_script_reads_it(scheme: str, secure: bool):
    service = Service(f"{scheme}://segue.test")
    await service.ready()
    async with client_of(service.app()) as client:
        response = await play(client, plan="free")
    name, _, rest = response.headers["set-cookie"].partition("=")
    value, *attributes = rest.split("; ")
    assert name == cdn.COOKIE
    assert {f"Path=/audio/{AUDIO}/base/", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert ("Secure" in attributes) == secure
    url = f"{scheme}://segue.test/audio/{AUDIO}/base/aac-96.mp4"
    assert cdn.verify(url, value, cdn.key_ring(KEY), int(NOW.timestamp()))


async def test_a_grant_never_outlives_its_licence():
    service = Service()
    await service.ready(deal(ends_at=NOW + timedelta(seconds=90, milliseconds=500)))
    async with client_of(service.app()) as client:
        body = (await play(client)).json()
    assert body["valid_until"] == "2026-03-01T12:01:30.500Z"
    assert opens(body["waveform_url"], NOW.timestamp() + 89)
    assert not opens(body["waveform_url"], NOW.timestamp() + 90)


@pytest.mark.parametrize(
    ("licence", "claims", "reason"),
    [
        ({"territories": ("US",)}, {}, "TERRITORY"),
        ({"uses": ("NonInteractiveStream",)}, {}, "USE"),
        ({"ours": False}, {}, "CHANNEL"),
        ({"starts_at": NOW + timedelta(hours=1)}, {}, "WINDOW_NOT_OPEN"),
        ({"ends_at": NOW}, {}, "WINDOW_CLOSED"),
        ({"plans": ("premium",)}, {"plan": "free"}, "PLAN"),
    ],
)
async def test_a_refusal_says_why_and_signs_nothing(licence: dict, claims: dict, reason: str):
    service = Service()
    await service.ready(deal(**licence))
    async with client_of(service.app()) as client:
        response = await play(client, **claims)
    assert response.status_code == 403
    error = response.json()["error"]
    assert error["reason"] == "NOT_LICENSED"
    assert error["decision"] == {"allow": False, "reason": reason, "licence_id": None}
    assert "Signature" not in response.text
    assert "set-cookie" not in response.headers


async def test_a_track_without_licence_audio_or_existence_has_each_its_error():
    service = Service()
    async with client_of(service.app()) as client:
        unknown = await play(client)
        await service.playables.apply_rights(rights_changed(TRACK, 1, deal()))
        not_ready = await play(client)
        await service.playables.apply_track(track_changed())
        ready = await play(client)
    assert (unknown.status_code, unknown.json()["error"]["reason"]) == (404, "TRACK_NOT_FOUND")
    assert (not_ready.status_code, not_ready.json()["error"]["reason"]) == (409, "TRACK_NOT_READY")
    assert ready.status_code == 201


async def test_one_document_read_for_a_cold_play_and_none_for_a_warm_one():
    service = Service()
    await service.ready()
    async with client_of(service.app()) as client:
        before = service.documents.reads
        await play(client)
        assert service.documents.reads == before + 1
        for _ in range(3):
            assert (await play(client)).status_code == 201
        assert service.documents.reads == before + 1
        service.elapsed_s += 6
        await play(client)
        assert service.documents.reads == before + 2


async def test_a_licence_that_just_came_elsewhere_is_seen_at_once():
    service = Service()
    await service.ready(deal(territories=("US",)))
    other = Playables(service.documents, ttl_s=5, clock=lambda: 0)
    async with client_of(service.app()) as client:
        assert (await play(client)).status_code == 403
        await other.apply_rights(rights_changed(TRACK, 2, deal()))
        assert (await play(client)).status_code == 201


async def test_a_withdrawal_elsewhere_takes_effect_within_the_ttl():
    service = Service()
    await service.ready()
    other = Playables(service.documents, ttl_s=5, clock=lambda: 0)
    async with client_of(service.app()) as client:
        assert (await play(client)).status_code == 201
        await other.apply_rights(rights_changed(TRACK, 2))
        service.elapsed_s += 5
        assert (await play(client)).status_code == 403


async def test_rights_not_heard_of_are_asked_for_with_the_listeners_own_token():
    service = Service()
    await service.playables.apply_track(track_changed())
    async with client_of(service.app()) as client:
        refused = await play(client)
        service.rights.decision = Decision(
            True, "LICENSED", "a" * 22, 1, NOW + timedelta(minutes=5)
        )
        allowed = await play(client)
        service.rights.broken = True
        unanswered = await play(client)
    assert refused.json()["error"]["decision"]["reason"] == "NO_LICENCE"
    assert allowed.json()["decision"]["licence_id"] == "a" * 22
    assert allowed.json()["valid_until"] == "2026-03-01T12:05:00.000Z"
    assert unanswered.status_code == 403
    assert unanswered.json()["error"]["decision"]["reason"] == "RIGHTS_UNAVAILABLE"
    asked = service.rights.asked[0]
    assert (asked.territory, asked.plan, asked.use) == ("SE", "premium", "OnDemandStream")
    assert (await TOKENS.verifier().verify(asked.token)).user_id == "listener"


async def test_without_its_own_documents_playback_asks_rights_and_then_refuses():
    service = Service()
    await service.ready()
    async with client_of(service.app()) as client:
        assert (await play(client)).status_code == 201
        service.documents.broken = True
        service.elapsed_s += 4.9
        assert (await play(client)).status_code == 201, "what is read lately is proof"
        service.elapsed_s += 0.2
        service.rights.decision = Decision(True, "LICENSED", "a" * 22, 1, None)
        assert (await play(client)).status_code == 201
        service.rights.decision = Decision(True, "LICENSED", "a" * 22, 0, None)
        older = await play(client)
        service.rights.broken = True
        nobody = await play(client)
    assert older.json()["error"]["decision"]["reason"] == "RIGHTS_UNAVAILABLE"
    assert nobody.json()["error"]["decision"]["reason"] == "RIGHTS_UNAVAILABLE"


async def test_which_version_plays_are_held_against_is_told_to_who_manages_rights():
    service = Service()
    await service.ready()
    body = {"track_ids": [TRACK, derived_id("other")]}
    async with client_of(service.app()) as client:
        path = "/v1/plays/versions"
        response = await client.post(path, json=body, headers=TOKENS.bearer("rights:write"))
        refused = await client.post(path, json=body, headers=TOKENS.bearer())
    assert response.json() == {"versions": {TRACK: 1, derived_id("other"): 0}}
    assert refused.status_code == 403


async def test_the_cache_is_bounded():
    service = Service()
    for number in range(MAX_CACHED + 10):
        service.playables._remember(Playable(f"{number}"), 0)
    assert len(service.playables._cache) == MAX_CACHED


@pytest.mark.parametrize(
    "track_id", ["", "x", "a" * 23, "a" * 21 + "\x00", "a" * 21 + "\ud800", "é" * 22]
)
async def test_a_malformed_track_id_is_400(track_id: str):
    body = json.dumps({"track_id": track_id}).encode()
    headers = {**TOKENS.bearer(), "content-type": "application/json"}
    async with client_of(Service().app()) as client:
        response = await client.post("/v1/plays", content=body, headers=headers)
    assert response.status_code == 400


@pytest.mark.parametrize("body", [*NOT_OBJECTS, b'{"track_id": 1}', b'{"track_id": null}', b"{}"])
async def test_a_body_that_is_no_play_is_400(body: bytes):
    headers = {**TOKENS.bearer(), "content-type": "application/json"}
    async with client_of(Service().app()) as client:
        response = await client.post("/v1/plays", content=body, headers=headers)
    assert response.status_code == 400


async def test_only_who_may_stream_plays():
    service = Service()
    await service.ready()
    async with client_of(service.app()) as client:
        assert (await play(client, scope="uploads:write")).status_code == 403
        response = await client.post("/v1/plays", json={"track_id": TRACK})
        assert response.status_code == 401
        expired = await play(client, exp=1)
        assert (expired.status_code, expired.json()["error"]["reason"]) == (401, "TOKEN_EXPIRED")


async def test_pushed_events_make_a_track_playable_twice_delivered_or_not():
    service = Service()
    other = derived_id("other")
    async with client_of(service.app()) as client:
        one, two = rights_changed(TRACK, 1, deal()), rights_changed(other, 1, deal())
        for event in (one, track_changed(2), track_changed(1), one, two, track_changed(2)):
            assert (await PUSHES.push(client, event)).status_code == 204
        assert (await play(client)).status_code == 201
        assert (await play(client, other)).status_code == 409
    playable = await service.documents.get(TRACK)
    assert playable.title == "Title 2"
    assert (playable.rights_version, playable.deals) == (1, (deal(),))


READS = TOKENS.bearer("user-read-recently-played")
PATH = "/v1/me/player/recently-played"


async def test_recently_played_is_newest_first_and_paged_by_time():
    service = Service()
    await service.ready()
    async with client_of(service.app()) as client:
        for number in (1, 0, 2, 1):
            event = track_played(number, NOW + timedelta(minutes=number))
            assert (await PUSHES.push(client, event)).status_code == 204
        unknown = track_played(3, NOW - timedelta(days=1), track_id=derived_id("unknown"))
        await PUSHES.push(client, unknown)
        await PUSHES.push(client, track_played(4, NOW, user_id="someone-else"))
        first = (await client.get(f"{PATH}?limit=2", headers=READS)).json()
        second = (await client.get(first["next"], headers=READS)).json()
    assert [item["played_at"][14:16] for item in first["items"]] == ["02", "01"]
    assert [item["played_at"][14:16] for item in second["items"]] == ["00"]
    assert first["total"] == second["total"] == 4
    track = first["items"][0]["track"]
    assert (track["id"], track["name"], track["artists"][0]["name"]) == (TRACK, "Title 1", "Ada")
    after = int(first["cursors"]["before"])
    async with client_of(service.app()) as client:
        newer = (await client.get(f"{PATH}?after={after}", headers=READS)).json()
    assert [item["played_at"][14:16] for item in newer["items"]] == ["02"]


async def test_nothing_played_is_an_empty_list():
    async with client_of(Service().app()) as client:
        body = (await client.get(PATH, headers=READS)).json()
    assert (body["items"], body["next"], body["cursors"]) == ([], None, None)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=51", "after=x", "before=-1", "after=" + "9" * 30]
)
async def test_a_wrong_page_is_400(query: str):
    async with client_of(Service().app()) as client:
        response = await client.get(f"{PATH}?{query}", headers=READS)
    assert response.status_code == 400


async def test_recently_played_needs_its_scope():
    async with client_of(Service().app()) as client:
        assert (await client.get(PATH, headers=TOKENS.bearer("streaming"))).status_code == 403
