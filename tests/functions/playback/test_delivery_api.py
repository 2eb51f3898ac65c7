"""Grants over several edges: their order, keys that change, limits, previews, lone manifests."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import httpx
import pytest

from functions.playback.edges import Edge
from shared import cdn
from shared.errors import Forbidden
from shared.ids import derived_id
from tests.functions.playback.events import AUDIO, TRACK, track_changed
from tests.functions.playback.service import KEY, TOKENS, Service, play
from tests.rights import deal, rights_changed
from tests.web import NOW, PUBLIC_URL, client_of

EU = Edge("eu", "https://eu.test", 50.45, 3.82, 100)
US = Edge("us", "https://us.test", 33.2, -80.0, 100)
NEXT = cdn.SigningKey("key-2", bytes(range(16, 32)))
PHONE, SPEAKER = derived_id("phone"), derived_id("speaker")
FREE = {"plan": "free", "sub": "a-person"}


async def asked(client: httpx.AsyncClient, body: dict[str, Any] | None = None, **claims: Any):
    headers = TOKENS.bearer(**{"sub": "a-person", **claims})
    geo = {"x-client-geo-region": "SE", "x-client-geo-location": "59.3,18.0"}
    return await client.post(
        "/v1/plays", json={"track_id": TRACK, **(body or {})}, headers={**headers, **geo}
    )


def ring(*keys: cdn.SigningKey) -> dict[str, cdn.SigningKey]:
    return cdn.key_ring(*keys)


async def test_a_grant_lists_every_edge_signed_for_itself_alone():
    service = Service(edges=(US, EU))
    await service.ready()
    async with client_of(service.app()) as client:
        body = (await asked(client)).json()
    assert body["edges"][0]["name"] == "eu"
    assert {it["name"]: it["url"] for it in body["edges"]} == {
        "eu": EU.url, "us": US.url, "front": PUBLIC_URL,
    }  # fmt: skip
    assert body["signature"] == body["edges"][0]["signature"]
    assert body["renditions"][0]["url"].startswith(f"{EU.url}/audio/{AUDIO}/")
    for one in body["edges"]:
        for other in body["edges"]:
            url = f"{other['url']}/audio/{AUDIO}/base/aac-96.mp4?{one['signature']}"
            if one is other:
                assert cdn.verify(url, None, ring(KEY), int(NOW.timestamp()))
            else:
                with pytest.raises(Forbidden):
                    cdn.verify(url, None, ring(KEY), int(NOW.timestamp()))
    assert body["start"] == {"codec": "aac", "kbps": 320}


async def test_the_cookie_is_the_front_doors_whichever_edge_is_first():
    service = Service(edges=(EU,))
    await service.ready()
    async with client_of(service.app()) as client:
        response = await asked(client)
    cookie = response.headers["set-cookie"].partition("=")[2].partition(";")[0]
    url = f"{PUBLIC_URL}/audio/{AUDIO}/base/aac-96.mp4"
    assert cdn.verify(url, cookie, ring(KEY), int(NOW.timestamp()))


async def test_what_clients_tell_of_an_edge_counts_at_once_here_and_soon_elsewhere():
    service = Service(edges=(EU, US))
    await service.ready()
    report = {"edges": [
        {"edge": "eu", "requests": 40, "errors": 40, "bytes": 0, "ms": 0},
        {"edge": "nowhere", "requests": 1, "errors": 0, "bytes": 1, "ms": 1},
    ]}  # fmt: skip
    headers = {**TOKENS.bearer(), "x-client-geo-region": "SE"}
    async with client_of(service.app()) as client:
        told = await client.post("/v1/plays/telemetry", json=report, headers=headers)
        assert told.status_code == 204
        assert [it["name"] for it in (await asked(client)).json()["edges"]][-1] == "eu"
    await service.telemetry.settle()
    other = Service(edges=(EU, US))
    await other.ready()
    other.telemetry._documents = service.health
    async with client_of(other.app()) as client:
        await asked(client)  # the first look starts the reading
        await other.telemetry.settle()
        assert [it["name"] for it in (await asked(client)).json()["edges"]][-1] == "eu"


@pytest.mark.parametrize(
    "report",
    [
        {"edges": []},
        {"edges": [{"edge": "eu"}]},
        {"edges": [{"edge": "eu", "requests": -1, "errors": 0, "bytes": 0, "ms": 0}]},
        {"edges": [{"edge": "eu", "requests": 1e30, "errors": 0, "bytes": 0, "ms": 0}]},
        {"edges": [{"edge": "x" * 99, "requests": 1, "errors": 0, "bytes": 0, "ms": 0}]},
        {"edges": [{"edge": "eu", "requests": 1, "errors": 0, "bytes": 0, "ms": 0}] * 21},
    ],
)
async def test_telemetry_out_of_bounds_is_400(report: Any):
    async with client_of(Service(edges=(EU,)).app()) as client:
        response = await client.post("/v1/plays/telemetry", json=report, headers=TOKENS.bearer())
    assert response.status_code == 400


async def test_no_play_fails_while_the_key_is_rotated():
    """The steps of docs/operations.md, with plays going on and every edge at its own pace."""
    service = Service(edges=(EU,))
    await service.ready()
    # So long that its grants last as long as any does.
    await service.playables.apply_track(track_changed(2, duration_ms=4 * 3_600_000))
    edges = {EU.url: ring(KEY), PUBLIC_URL: ring(KEY)}
    grants: list[dict[str, Any]] = []

    def all_open() -> None:
        at_s = int(service.seconds())
        for grant in grants:
            for one in grant["edges"]:
                url = f"{one['url']}/audio/{AUDIO}/base/aac-96.mp4?{one['signature']}"
                assert cdn.verify(url, None, edges[one["url"]], at_s)

    async def plays(key: cdn.SigningKey) -> None:
        service.key = key
        async with client_of(service.app()) as client:
            answers = await asyncio.gather(*(play(client) for _ in range(5)))
        assert {it.status_code for it in answers} == {201}
        grants.extend(it.json() for it in answers)
        all_open()

    await plays(KEY)
    for url in edges:  # 1: every edge learns the next key, one after the other
        edges[url] = ring(KEY, NEXT)
        await plays(KEY)
    for key in (NEXT, KEY, NEXT):  # 2: instances change over; old ones still answer for a while
        await plays(key)
    service.now.forward(minutes=59)  # 3: a grant's lifetime after the last old signature …
    all_open()
    service.now.forward(minutes=2)
    grants[:] = [it for it in grants if it["valid_until"] > service.now().isoformat()]
    for url in edges:  # … the old key goes
        edges[url] = ring(NEXT)
        await plays(NEXT)


async def test_one_device_streams_and_the_other_is_told_how_to_take_over():
    service = Service()
    await service.ready()
    async with client_of(service.app()) as client:
        headers = TOKENS.bearer("streaming", sub="a-person")
        name = {"name": "Kitchen", "type": "Speaker"}
        await client.put(f"/v1/me/player/devices/{PHONE}", json=name, headers=headers)
        assert (await asked(client, {"device_id": PHONE})).status_code == 201
        reads = service.people.reads
        assert (await asked(client, {"device_id": PHONE})).status_code == 201
        assert service.people.reads == reads + 1  # and nothing was written
        refused = await asked(client, {"device_id": SPEAKER})
        assert refused.status_code == 403
        assert refused.json()["error"] == {
            "status": 403,
            "message": "your plan plays on 1 device at a time",
            "reason": "TOO_MANY_STREAMS",
            "limit": 1,
            "devices": [{"id": PHONE, "name": "Kitchen"}],
            "retry_at": "2026-03-01T12:10:00Z",
        }
        assert "Signature" not in refused.text
        taken = {"device_id": SPEAKER, "take_over": True}
        assert (await asked(client, taken)).status_code == 201
        assert (await asked(client, {"device_id": PHONE})).status_code == 403
        assert (await asked(client, {"device_id": PHONE}, product="family")).status_code == 201
        assert (await play(client, client_id="app", sub="app")).status_code == 201


async def test_two_devices_at_the_same_moment_are_one_stream():
    service = Service()
    await service.ready()
    async with client_of(service.app()) as client:
        devices = [derived_id(f"device {n}") for n in range(8)]
        answers = await asyncio.gather(*(asked(client, {"device_id": it}) for it in devices))
    assert sorted(it.status_code for it in answers) == [201] + [403] * 7


async def test_the_seventh_skip_of_an_hour_is_refused_and_a_play_is_not():
    service = Service()
    await service.ready()
    async with client_of(service.app()) as client:
        for _ in range(6):
            assert (await asked(client, {"skip": True}, **FREE)).status_code == 201
        refused = await asked(client, {"skip": True}, **FREE)
        error = refused.json()["error"]
        assert (refused.status_code, error["reason"], error["limit"]) == (403, "SKIP_LIMIT", 6)
        assert error["retry_at"] == "2026-03-01T13:00:00Z"
        assert (await asked(client, {}, **FREE)).status_code == 201


async def test_a_preview_opens_thirty_seconds_where_a_deal_grants_it():
    service = Service()
    path = f"audio/{AUDIO}/preview/preview.m4a"
    await service.playables.apply_track(track_changed(preview_path=path))
    await service.playables.apply_rights(
        rights_changed(
            TRACK,
            1,
            deal(plans=("premium",)),
        )
    )
    async with client_of(service.app()) as client:
        refused = (await asked(client, **FREE)).json()["error"]
        assert (refused["reason"], refused["preview"]) == ("NOT_LICENSED", True)
        granted = await asked(client, {"preview": True}, **FREE)
        whole = await asked(client, {"preview": True})
    body = granted.json()
    assert granted.status_code == 201
    assert (body["renditions"], body["manifests"], body["waveform_url"]) == ([], [], None)
    assert body["track"]["duration_ms"] == 30_000
    assert cdn.verify(body["preview_url"], None, ring(KEY), int(NOW.timestamp()))
    for more in ("base/aac-96.mp4", "high/aac-320.mp4"):
        with pytest.raises(Forbidden):
            cdn.verify(
                f"{PUBLIC_URL}/audio/{AUDIO}/{more}?{body['signature']}",
                None, ring(KEY), int(NOW.timestamp()),
            )  # fmt: skip
    assert whole.json()["preview_url"] is None
    assert whole.json()["renditions"]


async def test_without_a_deal_for_previews_there_is_none():
    service = Service()
    await service.ready(deal(plans=("premium",), clips=False))
    async with client_of(service.app()) as client:
        refused = await asked(client, {"preview": True}, **FREE)
    assert (refused.status_code, refused.json()["error"]["preview"]) == (403, False)


HLS = '#EXTM3U\n#EXT-X-MAP:URI="aac-96.mp4",BYTERANGE="7@0"\n#EXTINF:9.9,\naac-96.mp4\n'
TOP = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nbase/aac-96.m3u8\n"
MPD = "<MPD><BaseURL>base/aac-96.mp4</BaseURL><SegmentBase indexRange='7-9'/></MPD>"


class FakeCdn:
    """An edge that serves manifests to whoever has a good signature."""

    def __init__(self, now: Any) -> None:
        self.texts = {"aac.m3u8": TOP, "base/aac-96.m3u8": HLS, "aac.mpd": MPD}
        self.now, self.down = now, False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused")
        try:
            cdn.verify(str(request.url), None, ring(KEY), int(self.now().timestamp()))
        except Forbidden:
            return httpx.Response(403)
        text = self.texts.get(request.url.path.partition(f"/{AUDIO}/")[2])
        return httpx.Response(404) if text is None else httpx.Response(200, text=text)


def with_cdn(service: Service) -> FakeCdn:
    fake = FakeCdn(service.now)
    service.cdn = httpx.MockTransport(fake)
    return fake


async def test_a_manifest_can_stand_alone_with_every_address_absolute_and_signed():
    service = Service(edges=(EU,))
    await service.ready()
    with_cdn(service)
    async with client_of(service.app()) as client:
        grant = (await asked(client)).json()
        by = {(it["codec"], it["protocol"]): it["absolute_url"] for it in grant["manifests"]}
        top = await client.get(by["aac", "hls"])
        variant = next(it for it in top.text.splitlines() if not it.startswith("#"))
        media = await client.get(variant)
    assert top.headers["content-type"].startswith("application/vnd.apple.mpegurl")
    assert variant.startswith(f"{PUBLIC_URL}/v1/plays/manifests/audio/{AUDIO}/base/aac-96.m3u8?")
    address = f"{EU.url}/audio/{AUDIO}/base/aac-96.mp4?{grant['signature']}"
    assert media.text.splitlines()[1:] == [
        f'#EXT-X-MAP:URI="{address}",BYTERANGE="7@0"', "#EXTINF:9.9,", address,
    ]  # fmt: skip
    assert cdn.verify(address, None, ring(KEY), int(NOW.timestamp()))


async def test_signature_attacks_on_manifests_open_nothing():
    service = Service(edges=(EU,))
    await service.ready()
    fake = with_cdn(service)
    base = f"/v1/plays/manifests/audio/{AUDIO}/aac.m3u8"
    async with client_of(service.app()) as client:
        good = (await asked(client)).json()["signature"]
        other = urlsafe_b64encode(b"https://evil.example/audio/x/").decode()
        near = urlsafe_b64encode(f"{EU.url}/audio/".encode()).decode()
        prefix = good.partition("&")[0]
        for query in (
            "",
            good[:-2] + ("A=" if good[-2] != "A" else "B="),
            good + "&URLPrefix=x",
            good.replace(prefix, f"URLPrefix={other}"),
            good.replace(prefix, f"URLPrefix={near}"),
            good.replace("KeyName=key-1", "KeyName=key-9"),
            good.replace("Expires=1", "Expires=9"),
        ):
            assert (await client.get(f"{base}?{query}")).status_code == 403, query
        free = (await asked(client, **FREE)).json()["signature"]
        assert (await client.get(f"{base}?{free}")).status_code == 403
        for path in ("aac.mp4", "../x/aac.m3u8", "base/aac-96.m3u8/..", "none.m3u8"):
            found = await client.get(f"/v1/plays/manifests/audio/{AUDIO}/{path}?{good}")
            assert found.status_code == 404, path
        for evil in ("https://evil.example/a.mp4", "/etc/passwd", "../../x.mp4", "a.mp4?x=1"):
            fake.texts["aac.m3u8"] = f"#EXTM3U\n{evil}\n"
            assert (await client.get(f"{base}?{good}")).status_code == 400, evil
        fake.down = True
        assert (await client.get(f"{base}?{good}")).status_code == 503
        fake.down = False
        service.now.forward(hours=2)
        assert (await client.get(f"{base}?{good}")).status_code == 403


async def test_a_preview_ends_with_its_licence():
    service = Service()
    path = f"audio/{AUDIO}/preview/preview.m4a"
    await service.playables.apply_track(track_changed(preview_path=path))
    until = NOW + timedelta(minutes=1)
    await service.playables.apply_rights(
        rights_changed(TRACK, 1, deal(plans=("premium",), clips=True, ends_at=until))
    )
    async with client_of(service.app()) as client:
        body = (await asked(client, {"preview": True}, **FREE)).json()
    assert body["valid_until"] == "2026-03-01T12:01:00.000Z"
