"""Licences over HTTP, and that every change is heard of."""

from typing import Any

import httpx
import pytest

from shared.errors import Unavailable
from shared.events import LicenceChanged, RightsChanged
from tests.functions.rights.service import BEARER, PUSHES, TOKENS, TRACK, Service, explain
from tests.web import BAD_IDS, NOT_OBJECTS, client_of


def asked(**changes: Any) -> dict[str, Any]:
    return {"track_ids": [TRACK], "territories": ["SE"], "plans": ["premium"], **changes}


async def create(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await client.post("/v1/rights/licences", json=asked(**changes), headers=BEARER)


async def test_a_licence_is_kept_and_published():
    service = Service()
    async with client_of(service.app()) as client:
        response = await create(
            client, starts_at="2026-01-01T00:00:00+02:00", ends_at="2027-01-01T00:00:00Z"
        )
    assert response.status_code == 201
    assert response.json()["version"] == 1
    (event,) = service.told(LicenceChanged)
    (rights,) = service.told(RightsChanged)
    assert (rights.track_id, rights.version) == (TRACK, 1)
    assert rights.deals[0].licence_id == event.licence_id
    assert event.licence_id == response.json()["licence_id"]
    assert event.starts_at.isoformat() == "2025-12-31T22:00:00+00:00"
    assert (await service.documents.get(event.licence_id)).unpublished_at is None


async def test_withdrawing_is_published_and_may_be_repeated():
    service = Service()
    async with client_of(service.app()) as client:
        id = (await create(client)).json()["licence_id"]
        for _ in range(2):
            response = await client.delete(f"/v1/rights/licences/{id}", headers=BEARER)
            assert response.status_code == 204
    told = service.told(LicenceChanged)
    assert [(it.version, it.withdrawn) for it in told] == [(1, False), (2, True), (2, True)]
    assert len({event.event_id for event in told}) == 2
    assert [(it.version, len(it.deals)) for it in service.told(RightsChanged)] == [(1, 1), (2, 0)]
    assert service.held == [{TRACK: 2}, {TRACK: 2}]


@pytest.mark.parametrize("id", [*BAD_IDS, "a" * 22])
async def test_withdrawing_what_is_not_there_is_a_named_error(id: str):
    async with client_of(Service().app()) as client:
        response = await client.delete(f"/v1/rights/licences/{id}", headers=BEARER)
    assert response.status_code in (400, 404)
    assert response.json()["error"]["reason"] in ("INVALID_ID", "LICENCE_NOT_FOUND", "NOT_FOUND")


@pytest.mark.parametrize(
    "changes",
    [
        {"track_ids": "x"},
        {"track_ids": []},
        {"track_ids": ["x"]},
        {"track_ids": [None]},
        {"track_ids": ["a" * 21 + "\x00"]},
        {"territories": ["Sweden"]},
        {"territories": "SE"},
        {"plans": ["gold"]},
        {"plans": None},
        {"starts_at": "2026-01-01T00:00:00"},
        {"starts_at": "soon"},
        {"starts_at": 10**20},
        {"starts_at": "2027-01-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"},
        {"ends_at": "9999-12-31T23:59:59-12:00"},
        {"until": "2027-01-01"},
    ],
)
async def test_a_wrong_licence_is_400_and_changes_nothing(changes: dict[str, Any]):
    service = Service()
    async with client_of(service.app()) as client:
        response = await create(client, **changes)
    assert response.status_code == 400
    assert not service.publish.events
    assert await service.documents.count() == 0


@pytest.mark.parametrize("body", NOT_OBJECTS)
async def test_a_body_that_is_no_object_is_400(body: bytes):
    headers = {**BEARER, "content-type": "application/json"}
    async with client_of(Service().app()) as client:
        response = await client.post("/v1/rights/licences", content=body, headers=headers)
    assert response.status_code == 400


async def test_only_who_holds_the_scope_licenses():
    async with client_of(Service().app()) as client:
        for headers, status in (({}, 401), (TOKENS.bearer("streaming"), 403)):
            response = await client.post("/v1/rights/licences", json=asked(), headers=headers)
            assert response.status_code == status
            response = await client.delete(f"/v1/rights/licences/{TRACK}", headers=headers)
            assert response.status_code == status


async def test_a_licence_written_but_not_published_is_published_by_the_sweep():
    service = Service()
    service.publish.broken = Unavailable("no ack")
    async with client_of(service.app()) as client:
        assert (await create(client)).status_code == 201
        service.publish.broken = None
        sweep = "/_tasks/republish-licences"
        await client.post(sweep, headers=PUSHES.bearer())
        assert not service.publish.events  # it may still be on its way
        service.now.forward(minutes=1)
        assert (await client.post(sweep, headers=PUSHES.bearer())).status_code == 204
        assert len(service.told(LicenceChanged)) == len(service.told(RightsChanged)) == 1
        await client.post(sweep, headers=PUSHES.bearer())
        assert len(service.publish.events) == 2


async def test_a_withdrawal_that_nobody_heard_of_is_not_called_done():
    service = Service()
    async with client_of(service.app()) as client:
        id = (await create(client)).json()["licence_id"]
        service.publish.broken = Unavailable("no ack")
        response = await client.delete(f"/v1/rights/licences/{id}", headers=BEARER)
        assert response.status_code == 503
        service.publish.broken = None
        response = await client.delete(f"/v1/rights/licences/{id}", headers=BEARER)
        assert response.status_code == 204
    assert service.told(LicenceChanged)[-1].withdrawn
    assert service.told(RightsChanged)[-1].deals == ()


async def test_a_withdrawal_that_playback_does_not_know_yet_is_not_called_done():
    service = Service()
    async with client_of(service.app()) as client:
        id = (await create(client)).json()["licence_id"]
        service.pending = True
        response = await client.delete(f"/v1/rights/licences/{id}", headers=BEARER)
        assert response.status_code == 503
        assert response.json()["error"]["reason"] == "TAKEDOWN_PENDING"
        service.pending = False
        response = await client.delete(f"/v1/rights/licences/{id}", headers=BEARER)
        assert response.status_code == 204
    assert service.held == [{TRACK: 2}]


async def test_the_licensor_is_who_writes_unless_another_is_named():
    service = Service()
    async with client_of(service.app()) as client:
        await create(client)
        await create(client, licensor_id="small", licensor_name="Small Label")
    told = [(it.licensor_id, it.licensor_name) for it in service.told(LicenceChanged)]
    assert told == [("app", "app"), ("small", "Small Label")]
    licensors = [it.licensor_id for it in service.told(RightsChanged)[-1].deals]
    assert sorted(licensors) == ["app", "small"]


async def test_why_not_and_when_it_could_be_is_explained():
    service = Service()
    async with client_of(service.app()) as client:
        await create(
            client, starts_at="2026-04-01T00:00:00Z", ends_at="2026-05-01T00:00:00Z", previews=True
        )
        before = await explain(client)
        during = await explain(client, at="2026-04-02T00:00:00Z")
        after = await explain(client, at="2026-05-01T00:00:00Z")
        abroad = await explain(client, territory="US")
        free = await explain(client, plan="free", at="2026-04-02T00:00:00Z")
        preview = await explain(client, plan="free", use="ClipPreview", at="2026-04-02T00:00:00Z")
        unknown = await explain(client, "a" * 22)
    assert before["decision"]["reason"] == "WINDOW_NOT_OPEN"
    assert before["message"] == (
        "no: the licence has not begun yet; it can be from 2026-04-01 00:00:00 UTC"
    )
    assert before["opens_at"] == "2026-04-01T00:00:00Z"
    assert during["message"] == "yes: a licence covers it, until 2026-05-01 00:00:00 UTC"
    assert during["decision"]["valid_until"] == during["closes_at"] == "2026-05-01T00:00:00Z"
    assert after["message"] == (
        "no: the licence has ended; it could be until 2026-05-01 00:00:00 UTC; nothing says it ever"
        " will be"
    )
    assert [it["allow"] for it in after["periods"]] == [False, True, False]
    assert abroad["deals"][0]["reason"] == "TERRITORY"
    assert (free["decision"]["reason"], free["other_plans"]) == ("PLAN", ["premium"])
    assert preview["decision"]["allow"] is True
    assert unknown["decision"] == {
        "allow": False, "reason": "NO_LICENCE", "licence_id": None, "version": 0,
        "valid_until": None,
    }  # fmt: skip


async def test_listeners_are_told_of_their_own_case_and_no_terms():
    service = Service()
    headers = TOKENS.bearer()
    path = "/v1/rights/decisions"
    async with client_of(service.app()) as client:
        await create(client)
        own = await client.get(path, params={"track": TRACK}, headers=headers)
        other = {"track": TRACK, "territory": "US"}
        refused = await client.get(path, params=other, headers=headers)
    assert own.json()["decision"]["allow"] is True
    assert (own.json()["territory"], own.json()["plan"]) == ("SE", "premium")
    assert "deals" not in own.json()
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"track": "x"},
        {"territory": "Sweden"},
        {"plan": "gold"},
        {"use": "Telepathy"},
        {"use": "UserDefined"},
        {"at": "soon"},
        {"at": "2026-01-01T00:00:00"},
        {"at": "0001-01-01T00:00:00Z"},
        {"at": "9999-12-31T23:59:59-12:00"},
    ],
)
async def test_a_wrong_question_is_400(asked: dict[str, str]):
    params = {"track": TRACK, **asked} if asked else {}
    async with client_of(Service().app()) as client:
        response = await client.get("/v1/rights/decisions", params=params, headers=BEARER)
    assert response.status_code == 400
