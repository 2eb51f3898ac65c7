"""Finalize events: one for every object that comes to be, none for one that does not."""

import asyncio
from collections.abc import Callable

from emulators.iam import Denied
from tests.emulators.storage.rig import (
    FINALIZED,
    IMAGES,
    MASTERS,
    Cloud,
    Courier,
    Function,
    until,
    upload,
)


async def test_an_upload_arrives_as_a_binary_cloud_event(cloud: Cloud, function: Function) -> None:
    answer = await upload(cloud.catalog, MASTERS, "masters/1")
    await until(lambda: function.events)
    headers, body = function.events[0]
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-type"] == FINALIZED
    assert headers["ce-source"] == f"//storage.googleapis.com/projects/_/buckets/{MASTERS}"
    assert headers["ce-subject"] == "objects/masters/1"
    assert headers["ce-time"] == body["timeCreated"]
    assert headers["ce-bucket"] == MASTERS
    assert headers["ce-id"]
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == (
        "Bearer token of transcode@segue.iam.gserviceaccount.com "
        "for https://transcode-1.europe-west1.run.app"
    )
    assert body["generation"] == answer.json()["generation"]
    assert (body["bucket"], body["name"], body["size"]) == (MASTERS, "masters/1", "4")
    await asyncio.sleep(0.1)
    assert await cloud.pending() == []
    assert len(function.events) == 1


async def test_each_generation_fires_once_and_a_refused_upload_never(
    cloud: Cloud, function: Function
) -> None:
    for status in (200, 412):
        answer = await upload(cloud.operator, MASTERS, "a", ifGenerationMatch="0")
        assert answer.status_code == status
    assert (await upload(cloud.operator, MASTERS, "a")).status_code == 200
    assert (await upload(cloud.operator, IMAGES, "other bucket")).status_code == 200
    await until(lambda: len(function.events) == 2)
    await asyncio.sleep(0.1)
    generations = [int(body["generation"]) for _, body in function.events]
    assert len(function.events) == 2
    assert generations[0] < generations[1]
    assert len({headers["ce-id"] for headers, _ in function.events}) == 2


async def test_resumable_and_composed_and_copied_objects_fire_too(
    cloud: Cloud, function: Function
) -> None:
    opened = await cloud.catalog.post(
        f"/upload/storage/v1/b/{MASTERS}/o?uploadType=resumable&name=resumed"
    )
    await cloud.public.put(opened.headers["location"], content=b"x")
    path = f"/storage/v1/b/{MASTERS}/o"
    sources = {"sourceObjects": [{"name": "resumed"}]}
    await cloud.operator.post(f"{path}/composed/compose", json=sources)
    await cloud.operator.post(f"{path}/resumed/rewriteTo/b/{MASTERS}/o/copied", json={})
    await cloud.operator.patch(f"{path}/copied", json={"contentType": "audio/wav"})
    await cloud.operator.delete(f"{path}/resumed")
    await until(lambda: len(function.events) == 3)
    await asyncio.sleep(0.1)
    assert sorted(function.names) == ["composed", "copied", "resumed"]


async def test_a_failing_function_is_tried_again_and_the_error_is_shown(
    cloud: Cloud, function: Function
) -> None:
    function.statuses = [500, 503]
    await upload(cloud.catalog, MASTERS, "a")
    await until(lambda: function.events)
    pending = await cloud.pending_after(attempts=1)
    assert pending[0]["function"] == "transcode"
    assert pending[0]["last_error"].startswith("HTTP 50")
    await until(lambda: len(function.events) == 3)
    await asyncio.sleep(0.2)
    assert len(function.events) == 3
    assert len({headers["ce-id"] for headers, _ in function.events}) == 1
    assert await cloud.pending() == []


async def test_a_missing_binding_is_shown_and_heals(
    cloud: Cloud, courier: Courier, function: Function
) -> None:
    courier.refusal = Denied("denied: needs roles/run.invoker on service transcode")
    await upload(cloud.catalog, MASTERS, "a")
    pending = await cloud.pending_after(attempts=2)
    assert "needs roles/run.invoker on service transcode" in pending[0]["last_error"]
    assert function.events == []
    courier.refusal = None
    await until(lambda: function.events)


async def test_an_undelivered_event_survives_a_restart(
    make_cloud: Callable[..., Cloud], courier: Courier, function: Function
) -> None:
    courier.refusal = Denied("not yet")
    async with make_cloud().running() as cloud:
        await upload(cloud.catalog, MASTERS, "a")
    courier.refusal = None
    async with make_cloud().running():
        await until(lambda: function.names == ["a"])


async def test_deliveries_at_once_are_bounded(cloud: Cloud, function: Function) -> None:
    function.pause_s = 0.05
    for number in range(8):
        await upload(cloud.catalog, MASTERS, f"{number}")
    await until(lambda: len(function.events) == 8)
    assert function.most_at_once == 2
    assert sorted(function.names) == [str(number) for number in range(8)]


async def test_an_event_that_fails_does_not_hold_up_the_others(
    cloud: Cloud, function: Function
) -> None:
    function.statuses = [500]
    await upload(cloud.catalog, MASTERS, "poison")
    for number in range(5):
        await upload(cloud.catalog, MASTERS, f"{number}")
    await until(lambda: len(function.events) == 7)
    assert sorted(set(function.names)) == ["0", "1", "2", "3", "4", "poison"]


async def test_a_function_that_never_answers_times_out_and_is_tried_again(
    make_cloud: Callable[..., Cloud], function: Function
) -> None:
    async with make_cloud(timeout_s=0.1).running() as cloud:
        function.pause_s = 1
        await upload(cloud.catalog, MASTERS, "a")
        pending = await cloud.pending_after(attempts=1)
        assert pending[0]["last_error"] == "no answer within 0.1 s"
        function.pause_s = 0
        await until(lambda: function.events)


async def test_without_retry_a_failed_event_is_dropped(
    make_cloud: Callable[..., Cloud], function: Function
) -> None:
    async with make_cloud(retry=False).running() as cloud:
        function.statuses = [500]
        await upload(cloud.catalog, MASTERS, "a")
        await until(lambda: function.events)
        await asyncio.sleep(0.15)
        assert len(function.events) == 1
        assert await cloud.pending() == []
