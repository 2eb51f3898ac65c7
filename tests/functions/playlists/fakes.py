"""The playlists service on documents in memory."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from fastapi import FastAPI

from functions.playlists.documents import FOLDERS, MARKS, SHELF, Mark, Shelved
from functions.playlists.folders import FoldersDocument
from functions.playlists.listening import HEARD, HeardDocument
from functions.playlists.projections import ALBUMS, TRACKS, USERS, Projections, TrackFacts
from functions.playlists.service import Neighbours, Service
from shared.errors import Unavailable
from shared.gcp.documents import Documents
from shared.gcp.memory import MemoryDocuments
from shared.gcp.recent import Recent
from shared.ids import derived_id
from shared.web.principal import Verifier
from shared.webapi.cards import AlbumCard, UserCard
from tests.web import PUBLIC_URL, Clock, Published, Pushes, Tokens

TOKENS = Tokens()
PUSHES = Pushes()
SCOPES = (
    "playlist-read-private playlist-read-collaborative playlist-modify-public "
    "playlist-modify-private ugc-image-upload"
)


def ids(kind: str, count: int) -> list[str]:
    return [derived_id(kind, str(number)) for number in range(count)]


def uri(number: int | str) -> str:
    return f"spotify:track:{derived_id('track', str(number))}"


async def no_covers(state: object) -> tuple[str, ...]:
    return ()


class FakeImages:
    """Pictures in a dict."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, name: str, jpeg: bytes) -> None:
        self.kept.setdefault(name, jpeg)

    async def get(self, name: str) -> bytes:
        if name not in self.kept:
            raise Unavailable(f"no {name}")
        return self.kept[name]


class Cloud:
    """What instances share: documents, pictures, events."""

    def __init__(self) -> None:
        self.collections: dict[str, MemoryDocuments[Any]] = {}
        self.images = FakeImages()
        self.published = Published()
        self.clock = Clock()
        self.elapsed_s = 0.0
        self.library: list[httpx.Request] = []

    def open(self, path: str, cls: type[Any], what: str) -> Documents[Any]:
        return self.collections.setdefault(path, MemoryDocuments(cls, what))

    def recent(self, path: str, cls: type[Any], what: str) -> Recent[Any]:
        return Recent(self.open(path, cls, what), ttl_s=10, clock=lambda: self.elapsed_s)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.library.append(request)
        return httpx.Response(200, json={})

    @property
    def reads(self) -> int:
        """Documents read so far, missing ones counted."""
        return sum(it.reads for it in self.collections.values())


class Instance:
    """One instance of the service."""

    def __init__(
        self,
        cloud: Cloud | None = None,
        writer: str = "one",
        *,
        open: Callable[..., Documents[Any]] | None = None,
        public_url: str = PUBLIC_URL,
        verifier: Verifier | None = None,
        view_every_ms: int = 0,
    ) -> None:
        self.cloud = cloud = cloud or Cloud()
        self.verifier = verifier or TOKENS.verifier()
        self.service = Service(
            Neighbours(
                open=open or cloud.open,
                marks=cloud.open(MARKS, Mark, "mark"),
                shelf=cloud.open(SHELF, Shelved, "playlist"),
                heard=cloud.open(HEARD, HeardDocument, "track"),
                folders=cloud.open(FOLDERS, FoldersDocument, "folders"),
                projections=Projections(
                    cloud.open(TRACKS, TrackFacts, "track"),
                    cloud.recent(TRACKS, TrackFacts, "track"),
                    cloud.recent(ALBUMS, AlbumCard, "album"),
                    cloud.recent(USERS, UserCard, "user"),
                ),
                images=cloud.images,
                publish=cloud.published,
                http=httpx.AsyncClient(transport=httpx.MockTransport(cloud.answer)),
            ),
            writer=writer,
            public_url=public_url,
            now=cloud.clock,
            clock=lambda: asyncio.get_running_loop().time(),
            view_every_ms=view_every_ms,
        )

    def app(self) -> FastAPI:
        return self.service.app(PUSHES.caller(), self.verifier)
