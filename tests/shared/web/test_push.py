"""Pushes and tasks: who may call, what is poison, what is delivered again."""

import json
import time
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI

from shared.errors import Unavailable
from shared.events import TrackPlayed, TranscodeFailed, encode
from shared.web.app import create_app
from shared.web.push import subscriptions, tasks
from tests.web import Pushes, client_of, envelope

AT = datetime(2026, 3, 1, tzinfo=UTC)
EVENT = TranscodeFailed("e", AT, "u", "t", "NOT_AUDIO", "not audio")
PUSHES = Pushes()


class Service:
    """A service with one subscription and one task."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.runs = 0
        self.broken: Exception | None = None

    async def on_event(self, event: TranscodeFailed) -> None:
        if self.broken:
            raise self.broken
        self.events.append(event)

    async def sweep(self) -> int:
        self.runs += 1
        return self.runs

    def app(self) -> FastAPI:
        caller = PUSHES.caller()
        return create_app(
            "test",
            subscriptions(caller, {TranscodeFailed: self.on_event}),
            tasks(caller, {"sweep": self.sweep}),
        )


async def test_a_push_reaches_its_handler_as_the_event():
    service = Service()
    async with client_of(service.app()) as client:
        response = await PUSHES.push(client, EVENT)
    assert response.status_code == 204
    assert service.events == [EVENT]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"aud": "segue-other"}, 401),
        ({"aud": ["segue-under-test"]}, 401),
        ({"iss": "https://evil.test"}, 401),
        ({"exp": int(time.time()) - 1}, 401),
        ({"exp": None}, 401),
        ({"email": "someone@project.iam.gserviceaccount.com"}, 403),
        ({"email": None}, 403),
        ({"email_verified": False}, 403),
        ({"email_verified": "true"}, 403),
    ],
)
async def test_another_caller_is_refused(changes: dict, status: int):
    service = Service()
    async with client_of(service.app()) as client:
        for path in ("/_events/transcode-failed", "/_tasks/sweep"):
            response = await client.post(
                path, content=envelope(encode(EVENT)), headers=PUSHES.bearer(**changes)
            )
            assert response.status_code == status
    assert not service.events
    assert not service.runs


async def test_a_foreign_key_or_none_is_refused():
    service = Service()
    async with client_of(service.app()) as client:
        for headers in ({}, Pushes().bearer(), {"authorization": "Bearer x"}):
            response = await client.post("/_tasks/sweep", headers=headers)
            assert response.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"message": 1}',
        b'{"message": {"data": 1}}',
        b'{"message": {"data": "***"}}',
        json.dumps({"message": {"data": "é"}}).encode(),
        envelope(b""),
        envelope(b"\x00"),
        envelope(encode(EVENT)[:-1]),
        envelope(encode(EVENT) + b"x"),
        envelope(b"\xff" * 40),
    ],
)
async def test_poison_is_refused_so_that_it_becomes_a_dead_letter(body: bytes):
    service = Service()
    async with client_of(service.app()) as client:
        response = await client.post(
            "/_events/transcode-failed", content=body, headers=PUSHES.bearer()
        )
    assert response.status_code == 400
    assert response.json()["error"]["reason"] == "UNDECODABLE"
    assert not service.events


async def test_unknown_topics_and_tasks_are_404():
    async with client_of(Service().app()) as client:
        for path in ("/_events/track-played", "/_events/%00", "/_tasks/other"):
            response = await client.post(
                path, content=envelope(encode(EVENT)), headers=PUSHES.bearer()
            )
            assert response.status_code == 404
    assert TrackPlayed


@pytest.mark.parametrize(
    ("error", "status"), [(Unavailable("firestore"), 503), (RuntimeError("bug"), 500)]
)
async def test_what_a_handler_raises_makes_it_delivered_again(error: Exception, status: int):
    service = Service()
    service.broken = error
    async with client_of(service.app()) as client:
        assert (await PUSHES.push(client, EVENT)).status_code == status
        service.broken = None
        assert (await PUSHES.push(client, EVENT)).status_code == 204
    assert service.events == [EVENT]


async def test_a_task_runs():
    service = Service()
    async with client_of(service.app()) as client:
        response = await client.post("/_tasks/sweep", headers=PUSHES.bearer())
    assert response.status_code == 204
    assert service.runs == 1
