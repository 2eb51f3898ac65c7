"""The rights service over documents in memory, with what it publishes and waits for at hand."""

from typing import Any

import httpx
from fastapi import FastAPI

from functions.rights import api, deals_api, deciding
from functions.rights.intake import Intake
from functions.rights.publication import Publication
from functions.rights.store import store
from shared.ddex.reader import MAX_BYTES
from shared.errors import Unavailable
from shared.events import TrackChanged
from shared.gcp.memory import MemoryDocuments
from shared.ids import derived_id, new_id
from shared.rights.shapes import Shapes
from shared.web.app import create_app
from shared.web.push import subscriptions, tasks
from tests.functions.playback.events import track_changed
from tests.shared.ddex.messages import US
from tests.web import Clock, Published, Pushes, Tokens

TOKENS = Tokens()
PUSHES = Pushes()
TRACK = derived_id("track")
BEARER = TOKENS.bearer("rights:write")


class Service:
    """`held`: versions that takedowns waited for; `pending`: playback does not know them yet."""

    def __init__(self) -> None:
        self.now = Clock()
        self.publish = Published()
        self.collections: dict[str, MemoryDocuments[Any]] = {}
        self.held: list[dict[str, int]] = []
        self.pending = False
        self.store = store(self._documents)

    def _documents(self, collection: str, cls: type, what: str) -> MemoryDocuments[Any]:
        self.collections[collection] = MemoryDocuments(cls, what)
        return self.collections[collection]

    @property
    def documents(self) -> MemoryDocuments[Any]:
        """Those of licences."""
        return self.collections["licences"]

    async def publish_many(self, events: Any) -> None:
        for event in events:
            await self.publish(event)

    async def confirm(self, versions: Any, token: str) -> None:
        if self.pending:
            raise Unavailable("not yet", code="TAKEDOWN_PENDING")
        self.held.append(dict(versions))

    def told(self, cls: type) -> list[Any]:
        """Events of that class, published so far."""
        return [it for it in self.publish.events if isinstance(it, cls)]

    def app(self) -> FastAPI:
        publication = Publication(self.store, self.publish_many, now=self.now)
        intake = Intake(self.store, publication, self.confirm, now=self.now)
        return create_app(
            "rights",
            api.routes(self.store.licences, publication, self.confirm, new_id=new_id, now=self.now),
            deals_api.routes(intake, us=US, new_id=new_id, now=self.now),
            deciding.routes(self.store.entitlements, Shapes(), now=self.now),
            subscriptions(PUSHES.caller(), {TrackChanged: publication.on_track_changed}),
            tasks(PUSHES.caller(), {"republish-licences": publication.sweep}),
            verifier=TOKENS.verifier(),
            max_body_bytes=MAX_BYTES,
        )


async def appear(client: httpx.AsyncClient, track_id: str = TRACK, **changes: Any) -> None:
    """The catalog tells of a track."""
    revision = changes.pop("revision", 1)
    event = track_changed(revision, track_id=track_id, **changes)
    assert (await PUSHES.push(client, event)).status_code == 204


async def explain(client: httpx.AsyncClient, track_id: str = TRACK, **asked: str) -> dict[str, Any]:
    """The service's explanation, for a premium listener in Sweden unless told otherwise."""
    params = {"track": track_id, "territory": "SE", "plan": "premium", **asked}
    response = await client.get("/v1/rights/decisions", params=params, headers=BEARER)
    assert response.status_code == 200, response.text
    return response.json()
