"""Transcoding's events: whatever order, however often, wherever cut short."""

from typing import Any

import httpx
import pytest

from functions.catalog.store import COLLECTIONS
from shared.errors import Unavailable
from shared.events import TrackChanged
from shared.ids import derived_id
from tests.functions.catalog.fakes import (
    PUSHES,
    TOKENS,
    UPLOADS,
    Catalog,
    transcode_failed,
    transcoded,
)
from tests.web import client_of


async def upload(client: httpx.AsyncClient) -> dict[str, Any]:
    asked = {"filename": "a.flac", "size_bytes": 500}
    return (await client.post("/v1/uploads", json=asked, headers=UPLOADS)).json()


async def state(client: httpx.AsyncClient, made: dict[str, Any]) -> dict[str, Any]:
    return (await client.get(f"/v1/uploads/{made['upload_id']}", headers=UPLOADS)).json()


async def test_a_transcoded_upload_is_a_published_track():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = await upload(client)
        for _ in range(5):
            assert (await PUSHES.push(client, transcoded(made))).status_code == 204
        assert (await state(client, made))["status"] == "ready"
    (event,) = catalog.told(TrackChanged)
    assert isinstance(event, TrackChanged)
    assert (event.track_id, event.revision) == (made["track_id"], 1)
    assert event.renditions == transcoded(made).renditions


async def test_the_same_recording_twice_is_one_track():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        first, second = await upload(client), await upload(client)
        await PUSHES.push(client, transcoded(first))
        for _ in range(2):
            response = await PUSHES.push(client, transcoded(second, master_sha256="b" * 64))
            assert response.status_code == 204
        after = await state(client, second)
        reader = TOKENS.bearer("streaming")
        absent = await client.get(f"/v1/tracks/{second['track_id']}", headers=reader)
        asked = {"filename": "a.mp3", "size_bytes": 5, "sha256": "b" * 64}
        again = await client.post("/v1/uploads", json=asked, headers=UPLOADS)
    assert (after["status"], after["track_id"]) == ("duplicate", first["track_id"])
    assert absent.status_code == 404
    assert len(catalog.told(TrackChanged)) == 1
    assert again.json()["track_id"] == first["track_id"]


async def test_a_failure_is_visible_and_a_later_success_mends_it():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = await upload(client)
        await PUSHES.push(client, transcode_failed(made))
        after = await state(client, made)
        assert (after["status"], after["reason"]) == ("failed", "NOT_AUDIO")
        assert after["message"] == "the file holds no audio"
        await PUSHES.push(client, transcoded(made))
        assert (await state(client, made))["status"] == "ready"
        await PUSHES.push(client, transcode_failed(made))
        assert (await state(client, made))["status"] == "ready"


async def test_an_event_of_an_unknown_upload_is_not_swallowed():
    made = {"upload_id": derived_id("u"), "track_id": derived_id("t")}
    async with client_of(Catalog().app()) as client:
        for event in (transcoded(made), transcode_failed(made)):
            assert (await PUSHES.push(client, event)).status_code == 404


async def test_an_event_of_another_track_is_refused():
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = await upload(client)
        event = transcoded({**made, "track_id": derived_id("foreign")})
        assert (await PUSHES.push(client, event)).status_code == 400
    assert not catalog.publish.events
    assert await catalog.store.tracks.count() == 0


async def test_a_publish_that_fails_is_made_up_by_the_next_delivery():
    catalog = Catalog()
    catalog.publish.broken = Unavailable("no ack")
    async with client_of(catalog.app()) as client:
        made = await upload(client)
        assert (await PUSHES.push(client, transcoded(made))).status_code == 503
        assert (await state(client, made))["status"] != "ready"
        catalog.publish.broken = None
        assert (await PUSHES.push(client, transcoded(made))).status_code == 204
        assert (await state(client, made))["status"] == "ready"
    assert len(catalog.told(TrackChanged)) == 1


class Cut(Exception):
    """The process dies here."""


@pytest.mark.parametrize("survives", range(20))
async def test_cut_short_after_any_write_the_next_delivery_finishes(survives: int):
    catalog = Catalog()
    async with client_of(catalog.app()) as client:
        made = await upload(client)
        left = survives
        restore = []
        for name in COLLECTIONS:
            documents = getattr(catalog.store, name)
            write = documents._write

            def cut(id: str, value: Any, write: Any = write) -> None:
                nonlocal left
                if left == 0:
                    raise Cut
                left -= 1
                write(id, value)

            documents._write = cut
            restore.append((documents, write))
        await PUSHES.push(client, transcoded(made))
        for documents, write in restore:
            documents._write = write
        assert (await PUSHES.push(client, transcoded(made))).status_code == 204
        assert (await state(client, made))["status"] == "ready"
    track = await catalog.store.tracks.get(made["track_id"])
    assert track.unpublished_at is None
    assert {event.event_id for event in catalog.told(TrackChanged)} == {
        derived_id(made["track_id"], "1")
    }
