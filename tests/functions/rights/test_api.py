"""Licences over HTTP, and that every change is heard of."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from functions.rights import api, deciding
from functions.rights.publication import Publication
from functions.rights.store import store
from shared.errors import Unavailable
from shared.events import LicenceChanged, RightsChanged, TrackChanged
from shared.gcp.memory import MemoryDocuments
from shared.ids import derived_id, new_id
from shared.rights.shapes import Shapes
from shared.web.app import create_app
from shared.web.push import subscriptions, tasks
from tests.web import BAD_IDS, NOT_OBJECTS, Clock, Published, Pushes, Tokens, client_of

TOKENS = Tokens()
PUSHES = Pushes()
TRACK = derived_id("track")
BEARER = TOKENS.bearer("rights:write")


class Service:
    """`held`: the versions that plays are held against, as takedowns were told to wait for."""

    def __init__(self) -> None:
        self.now = Clock()
        self.publish = Published()
        self.collections: dict[str, MemoryDocuments[Any]] = {}
        self.held: list[dict[str, int]] = []
        self.store = store(self._documents)

    def _documents(self, collection: str, cls: type, what: str) -> MemoryDocuments[Any]:
        self.collections[collection] = MemoryDocuments(cls, what)
        return self.collections[collection]

    @property
    def documents(self) -> MemoryDocuments[Any]:
        return self.collections["licences"]

    async def publish_many(self, events: Any) -> None:
        for event in events:
            await self.publish(event)

    async def confirm(self, versions: Any, token: str) -> None:
        self.held.append(dict(versions))

    def told(self, cls: type) -> list[Any]:
        return [it for it in self.publish.events if isinstance(it, cls)]

    def app(self) -> FastAPI:
        publication = Publication(self.store, self.publish_many, now=self.now)
        return create_app(
            "rights",
            api.routes(self.store.licences, publication, self.confirm, new_id=new_id, now=self.now),
            deciding.routes(self.store.entitlements, Shapes(), now=self.now),
            subscriptions(PUSHES.caller(), {TrackChanged: publication.on_track_changed}),
            tasks(PUSHES.caller(), {"republish-licences": publication.sweep}),
            verifier=TOKENS.verifier(),
        )


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
