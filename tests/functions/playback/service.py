"""Playback as tests run it: in memory, by a clock that they turn."""

from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from functions.playback import api, manifests_api, player_api, previews
from functions.playback.decisions import Asked, Decisions
from functions.playback.domain import Lifetimes, Playable
from functions.playback.edges import Edge
from functions.playback.granting import Deliveries
from functions.playback.history import History
from functions.playback.manifests_api import Manifests
from functions.playback.player import Player
from functions.playback.players import Players
from functions.playback.shapes import ANSWERS
from functions.playback.store import Histories, Playables
from functions.playback.streams import Streams
from functions.playback.subscriptions import handlers
from functions.playback.telemetry import Shard, Telemetry
from functions.playback.views import Views
from shared import cdn
from shared.errors import Forbidden, Unavailable
from shared.gcp.memory import MemoryDocuments
from shared.ids import new_id
from shared.rights.deals import Deal
from shared.rights.shapes import NO_LICENCE, Decision
from shared.rights.table import Table
from shared.web.app import create_app
from shared.web.push import subscriptions
from tests.functions.playback.events import TRACK, track_changed
from tests.rights import deal, rights_changed
from tests.web import NOW, PUBLIC_URL, Clock, Published, Pushes, Tokens

TOKENS = Tokens()
PUSHES = Pushes()
KEY = cdn.SigningKey("key-1", bytes(range(16)))


class Rights:
    """The service that owns rights, as far as playback asks it; `broken`, it is down."""

    def __init__(self) -> None:
        self.decision = Decision(False, NO_LICENCE)
        self.broken = False
        self.asked: list[Asked] = []

    async def decide(self, track_id: str, asked: Asked) -> Decision:
        self.asked.append(asked)
        if self.broken:
            raise Unavailable("down")
        return self.decision


class Contexts:
    """Albums, playlists and artists by URI."""

    def __init__(self) -> None:
        self.by_uri: dict[str, list[str]] = {}

    async def tracks(self, uri: str, token: str, market: str) -> list[str]:
        return self.by_uri[uri]


class Flaky(MemoryDocuments[Playable]):
    """Playables that can be `broken`."""

    broken = False

    async def find(self, id: str) -> Playable | None:
        if self.broken:
            raise Unavailable("no documents")
        return await super().find(id)


class Service:
    def __init__(self, public_url: str = PUBLIC_URL, edges: tuple[Edge, ...] = ()) -> None:
        self.now = Clock()
        self.key = KEY
        self.edges = edges
        self.published = Published()
        self.people = MemoryDocuments(Player, "player")
        self.players = Players(self.people, self.published, new_id=new_id, now=self.now)
        self.contexts = Contexts()
        self.cdn: httpx.AsyncBaseTransport | None = None
        self.health = MemoryDocuments(Shard, "shard")
        self.telemetry = Telemetry(self.health, shard=0, clock=self.seconds)
        self.elapsed_s = 0.0
        self.documents = Flaky(Playable, "track")
        self.public_url = public_url
        self.playables = Playables(self.documents, ttl_s=5, clock=lambda: self.elapsed_s)
        self.rights = Rights()
        self.decisions = Decisions(self.playables, Table(), self.rights)
        self.histories = Histories(MemoryDocuments(History, "history"))

    def seconds(self) -> float:
        return self.now().timestamp()

    def app(self) -> FastAPI:
        deliveries = Deliveries(
            self.public_url, self.edges, self.key, self.telemetry,
            new_id=new_id, clock=self.seconds,
        )  # fmt: skip
        views = Views(self.public_url)
        return create_app(
            "playback",
            api.routes(
                self.playables,
                self.decisions,
                self.histories,
                deliveries,
                Streams(self.players, self.now),
                self.telemetry,
                views,
                lifetimes=Lifetimes(timedelta(minutes=2), timedelta(hours=1)),
                now=self.now,
            ),
            player_api.routes(
                self.players, self.playables, self.contexts, views, now=self.now, seed=lambda: 7
            ),
            previews.routes(self.decisions, self.public_url, self.key, now=self.now),
            manifests_api.routes(Manifests(self.public_url, self.edges, transport=self.cdn)),
            subscriptions(PUSHES.caller(), handlers(self.playables, self.histories, self.players)),
            answers=ANSWERS,
            verifier=TOKENS.verifier(),
        )

    async def ready(self, *deals: Deal) -> None:
        await self.playables.apply_track(track_changed())
        await self.playables.apply_rights(rights_changed(TRACK, 1, *(deals or (deal(),))))


async def play(client: httpx.AsyncClient, track_id: str = TRACK, **claims: Any) -> httpx.Response:
    return await client.post(
        "/v1/plays", json={"track_id": track_id}, headers=TOKENS.bearer(**claims)
    )


def opens(url: str, at: float = NOW.timestamp()) -> bool:
    try:
        return cdn.verify(url, None, cdn.key_ring(KEY), int(at)) is not None
    except Forbidden:
        return False
