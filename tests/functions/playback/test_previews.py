"""Thirty seconds at an address that the Web API's tracks name."""

from datetime import timedelta

import httpx
import pytest

from shared import cdn
from shared.errors import Forbidden
from tests.functions.playback.events import AUDIO, TRACK, track_changed
from tests.functions.playback.service import KEY, Service
from tests.rights import deal, rights_changed
from tests.web import PUBLIC_URL, client_of

CLIP = f"audio/{AUDIO}/preview/preview.m4a"
RING = cdn.key_ring(KEY)


async def service_with(**terms: object) -> Service:
    service = Service()
    await service.ready(deal(**terms))  # pyright: ignore[reportArgumentType]
    await service.playables.apply_track(track_changed(2, preview_path=CLIP))
    return service


async def ask(client: httpx.AsyncClient, query: str = "?market=SE", **headers: str):
    return await client.get(f"/v1/previews/{TRACK}{query}", headers=headers)


async def test_the_address_opens_the_preview_alone_for_a_few_minutes_and_needs_no_token():
    service = await service_with(plans=("premium",))
    async with client_of(service.app()) as client:
        answer = await ask(client)
        url = answer.headers["location"]
        assert answer.status_code == 302
        signed = cdn.verify(url, None, RING, int(service.seconds()))
        assert signed is not None
        assert (signed.form, signed.url) == ("url", f"{PUBLIC_URL}/{CLIP}")
        for more in ("base/aac-96.mp4", "aac.m3u8"):
            other = url.replace("preview/preview.m4a", more)
            with pytest.raises(Forbidden):
                cdn.verify(other, None, RING, int(service.seconds()))
        assert 120 <= signed.expires_at - service.seconds() <= 180


async def test_within_a_minute_the_address_is_the_same_so_that_it_can_be_cached():
    service = await service_with()
    async with client_of(service.app()) as client:
        first = await ask(client)
        service.now.forward(seconds=59)
        second = await ask(client)
        service.now.forward(seconds=1)
        third = await ask(client)
    assert first.headers["location"] == second.headers["location"] != third.headers["location"]
    assert first.headers["cache-control"] == "public, max-age=60"


async def test_it_is_decided_when_somebody_listens():
    service = await service_with(territories=("SE",))
    async with client_of(service.app()) as client:
        assert (await ask(client)).status_code == 302
        refused = (await ask(client, "?market=NO")).json()["error"]
        assert (refused["status"], refused["decision"]["reason"]) == (403, "TERRITORY")
        await service.playables.apply_rights(rights_changed(TRACK, 2))
        assert (await ask(client)).json()["error"]["decision"]["reason"] == "NO_LICENCE"


async def test_without_a_market_it_is_where_the_listener_is():
    service = await service_with(territories=("SE",))
    async with client_of(service.app()) as client:
        here = await ask(client, "", **{"x-client-geo-region": "SE"})
        assert (here.status_code, here.headers["cache-control"]) == (302, "private, max-age=60")
        there = await ask(client, "", **{"x-client-geo-region": "NO"})
        assert there.status_code == 403
        assert (await ask(client, "")).status_code == 400
        assert (await ask(client, "?market=ZZ")).status_code == 400


async def test_it_ends_with_the_deal():
    service = Service()
    ends_at = service.now() + timedelta(seconds=40)
    await service.ready(deal(ends_at=ends_at))
    await service.playables.apply_track(track_changed(2, preview_path=CLIP))
    async with client_of(service.app()) as client:
        answer = await ask(client)
    signed = cdn.verify(answer.headers["location"], None, RING, int(service.seconds()))
    assert signed is not None
    assert signed.expires_at == ends_at.timestamp()
    assert answer.headers["cache-control"] == "public, max-age=40"


async def test_what_has_no_preview_or_is_not_there_is_said():
    service = Service()
    await service.ready()
    async with client_of(service.app()) as client:
        refused = await ask(client)
        assert refused.json()["error"]["decision"]["reason"] == "NO_PREVIEW"
        assert (await client.get(f"/v1/previews/{'z' * 22}?market=SE")).status_code == 404
        assert (await client.get("/v1/previews/x?market=SE")).status_code == 400
