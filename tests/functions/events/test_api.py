"""Reports of plays: each judged on its own, the good ones published with who and where."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.events import api
from shared.errors import Unavailable
from shared.ids import derived_id
from shared.web.app import create_app
from tests.web import NOT_OBJECTS, NOW, Published, Tokens, client_of

TOKENS = Tokens()


def report(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "type": "track_played",
        "event_id": derived_id("event", str(number)),
        "play_id": derived_id("play"),
        "track_id": derived_id("track"),
        "started_at": (NOW - timedelta(minutes=4)).isoformat(),
        "ms_played": 200_000,
        "codec": "aac",
        "kbps": 160,
        "end_reason": "trackdone",
        **changes,
    }


async def send(publish: Published, body: Any, **claims: Any) -> httpx.Response:
    app = create_app("events", api.routes(publish, now=lambda: NOW), verifier=TOKENS.verifier())
    async with client_of(app) as client:
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        headers = {**TOKENS.bearer(**claims), "content-type": "application/json"}
        return await client.post("/v1/events", headers=headers, **content)


async def test_a_report_is_published_with_the_tokens_user_plan_and_territory():
    publish = Published()
    body = {"events": [report(source="album", user_id="someone", plan="premium", territory="US")]}
    response = await send(publish, body, sub="ada", plan="free", territory="NO")
    assert response.status_code == 202
    assert response.json() == {"accepted": 1, "rejected": []}
    (event,) = publish.events
    assert (event.user_id, event.plan, event.territory) == ("ada", "free", "NO")
    assert event.occurred_at == NOW
    assert event.started_at == NOW - timedelta(minutes=4)
    assert event.source == "album"
    assert event.rebuffers is None


async def test_what_a_play_was_of_comes_from_the_client_and_which_application_from_its_token():
    publish = Published()
    given = {"licence_id": derived_id("licence"), "device_id": "phone-1", "duration_ms": 210_000,
             "ms_distinct": 180_000, "context": "spotify:album:" + derived_id("album"),
             "offline": True}  # fmt: skip
    response = await send(
        publish, {"events": [report(**given, client_id="forged")]}, client_id="web"
    )
    assert response.json()["accepted"] == 1
    (event,) = publish.events
    assert {name: getattr(event, name) for name in given} == given
    assert event.client_id == "web"


async def test_bad_reports_are_named_and_spoil_no_good_one():
    bad: list[Any] = [
        None,
        1,
        [],
        {},
        report(type="track_liked"),
        report(event_id="short"),
        report(event_id="a" * 22 + "\n"),
        report(track_id="a\x00" * 11),
        report(started_at="yesterday"),
        report(started_at="2026-03-01T12:00:00"),
        report(started_at="0001-01-01T00:00:00+14:00"),
        report(started_at="9999-12-31T23:59:59-14:00"),
        report(started_at=(NOW + timedelta(hours=1)).isoformat()),
        report(ms_played=-1),
        report(ms_played=10**30),
        report(ms_played="many"),
        report(ms_played=3_000_000),
        report(codec="a\ud800"),
        report(codec="x" * 65),
        report(kbps=-1),
        report(source=""),
        report(bytes_fetched=2**70),
        report(duration_ms=0),
        report(ms_distinct=-1),
        report(context="two words"),
        report(offline="perhaps"),
        report(end_reason=None),
    ]
    publish = Published()
    body = {"events": [report(1), *bad, report(2)]}
    response = await send(publish, json.dumps(body).encode())
    assert response.status_code == 202
    answer = response.json()
    assert answer["accepted"] == 2
    assert [item["index"] for item in answer["rejected"]] == list(range(1, len(bad) + 1))
    assert all(item["reason"] and item["message"] for item in answer["rejected"])
    assert [event.event_id for event in publish.events] == [
        report(1)["event_id"],
        report(2)["event_id"],
    ]


@pytest.mark.parametrize("body", [*NOT_OBJECTS, b'{"events": {}}', b'{"events": []}', b"{}"])
async def test_a_body_that_is_no_batch_is_400(body: bytes):
    assert (await send(Published(), body)).status_code == 400


async def test_more_than_a_hundred_are_refused_whole():
    publish = Published()
    response = await send(publish, {"events": [report(number) for number in range(101)]})
    assert response.status_code == 400
    assert response.json()["error"]["reason"] == "TOO_MANY_EVENTS"
    assert not publish.events


async def test_without_the_scope_nothing_is_published():
    publish = Published()
    response = await send(publish, {"events": [report()]}, scope="uploads:write")
    assert response.status_code == 403
    assert not publish.events


async def test_when_nothing_can_be_published_the_client_is_told_to_retry():
    response = await send(Published(broken=Unavailable("no ack")), {"events": [report()]})
    assert response.status_code == 503
    assert response.headers["retry-after"]


async def test_what_was_not_published_is_rejected_by_index():
    class Fickle(Published):
        async def __call__(self, event: Any) -> None:
            if event.event_id == report(1)["event_id"]:
                raise Unavailable("no ack")
            await super().__call__(event)

    publish = Fickle()
    response = await send(publish, {"events": [report(0), report(1), report(2)]})
    assert response.status_code == 202
    assert response.json()["rejected"] == [
        {"index": 1, "reason": "UNAVAILABLE", "message": "try again"}
    ]
    assert len(publish.events) == 2


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(list(report())), _json))
async def test_whatever_the_fields_hold_the_answer_is_named(changes: dict[str, Any]):
    response = await send(Published(), json.dumps({"events": [report(**changes)]}).encode())
    assert response.status_code == 202
