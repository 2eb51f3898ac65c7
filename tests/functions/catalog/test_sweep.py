"""The sweep: what it gives up, what it starts again, what it publishes once more."""

from datetime import timedelta
from typing import Any

import httpx

from functions.catalog.uploads import EXPIRE_AFTER, MAX_REDRIVES
from shared.errors import Unavailable
from shared.events import TrackChanged
from tests.functions.catalog.fakes import PUSHES, STUCK_AFTER, UPLOADS, Catalog, transcoded
from tests.web import NOW, client_of

MINUTE = timedelta(minutes=1)


async def upload(client: httpx.AsyncClient) -> dict[str, Any]:
    asked = {"filename": "a.flac", "size_bytes": 500}
    return (await client.post("/v1/uploads", json=asked, headers=UPLOADS)).json()


async def state(client: httpx.AsyncClient, made: dict[str, Any]) -> dict[str, Any]:
    return (await client.get(f"/v1/uploads/{made['upload_id']}", headers=UPLOADS)).json()


async def sweep(client: httpx.AsyncClient) -> None:
    response = await client.post("/_tasks/sweep-uploads", headers=PUSHES.bearer())
    assert response.status_code == 204


async def test_a_master_that_never_came_expires_after_its_session():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = await upload(client)
        for at in (timedelta(hours=1), EXPIRE_AFTER - MINUTE):
            catalog.now.at = NOW + at
            await sweep(client)
            assert (await state(client, made))["status"] == "awaiting_master"
        catalog.now.at = NOW + EXPIRE_AFTER
        await sweep(client)
        after = await state(client, made)
    assert (after["status"], after["reason"]) == ("failed", "UPLOAD_EXPIRED")


async def test_a_master_that_came_unseen_is_given_its_time_then_started_again():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = await upload(client)
        catalog.masters.arrived.add(made["upload_id"])
        catalog.now.at += timedelta(hours=1)
        await sweep(client)
        assert (await state(client, made))["status"] == "transcoding"
        assert not catalog.masters.finalized
        catalog.now.at += STUCK_AFTER
        await sweep(client)
        assert catalog.masters.finalized == [made["upload_id"]]
        await sweep(client)
        assert catalog.masters.finalized == [made["upload_id"]]


async def test_a_stuck_upload_is_given_up_in_the_end_and_a_late_success_still_counts():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = await upload(client)
        catalog.masters.arrived.add(made["upload_id"])
        await state(client, made)
        for _ in range(MAX_REDRIVES + 1):
            catalog.now.at += timedelta(days=1)
            await sweep(client)
        after = await state(client, made)
        assert (after["status"], after["reason"]) == ("failed", "TRANSCODE_STUCK")
        assert len(catalog.masters.finalized) == MAX_REDRIVES
        await PUSHES.push(client, transcoded(made))
        assert (await state(client, made))["status"] == "ready"


async def test_one_uploads_trouble_does_not_stop_the_round():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        stuck = await upload(client)
        catalog.masters.arrived.add(stuck["upload_id"])
        await state(client, stuck)
        catalog.publish.broken = Unavailable("no ack")
        unheard = await upload(client)
        await PUSHES.push(client, transcoded(unheard))
        catalog.publish.broken = None
        catalog.masters.broken = True
        catalog.now.at += STUCK_AFTER
        await sweep(client)
        assert [event.track_id for event in catalog.told(TrackChanged)] == [unheard["track_id"]]
        catalog.masters.broken = False
        catalog.now.at += 4 * STUCK_AFTER
        await sweep(client)
    assert catalog.masters.finalized == [stuck["upload_id"]]


async def test_a_track_written_but_not_published_is_published_once():
    catalog = Catalog()
    catalog.publish.broken = Unavailable("no ack")
    async with client_of(catalog.app()) as client:
        made = await upload(client)
        await PUSHES.push(client, transcoded(made))
        catalog.publish.broken = None
        await sweep(client)
        assert not catalog.publish.events  # it may still be on its way
        catalog.now.at += MINUTE
        for _ in range(2):
            await sweep(client)
    assert len(catalog.told(TrackChanged)) == 1
