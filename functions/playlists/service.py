"""The parts of the service, put together from its neighbours: those of the cloud, or of a test."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from fastapi import FastAPI

from functions.playlists import api, editing, making
from functions.playlists.branching import Branches
from functions.playlists.covers import Mosaics
from functions.playlists.documents import Mark, Open, Shelved
from functions.playlists.folders import Folders, FoldersDocument
from functions.playlists.following import Following
from functions.playlists.history import History
from functions.playlists.inviting import Invites
from functions.playlists.items import FIRST, Items
from functions.playlists.listening import HeardDocument, Listening
from functions.playlists.matching import Matcher
from functions.playlists.mixes import Mixes
from functions.playlists.ops import Chunk
from functions.playlists.playlist import Playlist
from functions.playlists.playlists import Playlists
from functions.playlists.projections import Projections
from functions.playlists.publication import Publication
from functions.playlists.sequencer import Sequencer
from functions.playlists.shapes import ANSWERS
from functions.playlists.shelf import Shelf
from functions.playlists.smart import Smart
from functions.playlists.store import Live, Store
from functions.playlists.subscriptions import handlers
from functions.playlists.views import EVERY_MS, Views
from shared.gcp.documents import Documents
from shared.gcp.images import Images
from shared.web.app import create_app
from shared.web.principal import Verifier
from shared.web.push import Caller, subscriptions, tasks


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the service stands on."""

    open: Open
    marks: Documents[Mark]
    shelf: Documents[Shelved]
    heard: Documents[HeardDocument]
    folders: Documents[FoldersDocument]
    projections: Projections
    images: Images
    publish: Callable[[Any], Awaitable[None]]
    http: httpx.AsyncClient


class Service:
    """One instance. `writer` names it in the log."""

    def __init__(
        self,
        given: Neighbours,
        *,
        writer: str,
        public_url: str,
        now: Callable[[], datetime],
        clock: Callable[[], float],
        view_every_ms: int = EVERY_MS,
    ) -> None:
        def now_ms() -> int:
            return int(now().timestamp() * 1000)

        self._given = given
        self._url = public_url
        self._now_ms = now_ms
        self.store = Store(given.open)
        self.publication = Publication(
            self.store, given.marks, given.publish, writer, now=now, clock=clock
        )
        self.views = Views(
            self.store,
            now_ms=now_ms,
            covers=self._covers,
            told=self.publication.tell,
            every_ms=view_every_ms,
        )
        self.sequencer = Sequencer(
            self.store,
            writer,
            now_ms=now_ms,
            clock=clock,
            mark=self.publication.mark,
            committed=self._committed,
        )
        shelf = Shelf(given.shelf)
        self.playlists = Playlists(self.store, self.sequencer, self.views, shelf, now=now)
        self.listening = Listening(given.heard)
        self.smart = Smart(
            self.playlists, given.projections, self.listening, now_ms=now_ms, clock=clock
        )
        self.items = Items(self.playlists, given.projections, Mosaics(given.images), public_url)
        self.branches = Branches(self.playlists)
        self.history = History(self.playlists)
        self.invites = Invites(self.playlists)
        self.following = Following(shelf, given.http, public_url)
        self.folders = Folders(given.folders)
        self.matcher = Matcher(given.projections, given.http, public_url)

    def app(
        self,
        caller: Caller,
        verifier: Verifier,
        *,
        on_stop: Iterable[Callable[[], Awaitable[None]]] = (),
    ) -> FastAPI:
        return create_app(
            "playlists",
            api.routes(
                self.playlists,
                self.items,
                self.smart,
                self.following,
                self._given.images,
                self._url,
            ),
            editing.routes(
                self.playlists,
                self.items,
                self.history,
                self.branches,
                self.invites,
                self._url,
                now_ms=self._now_ms,
            ),
            making.routes(
                self.playlists,
                self.items,
                self._given.projections,
                self.matcher,
                self.smart,
                self.folders,
                self._url,
            ),
            subscriptions(
                caller,
                handlers(
                    self._given.projections,
                    self.playlists,
                    self.listening,
                    self.smart,
                    Mixes(self.playlists),
                ),
            ),
            tasks(caller, {"tell-playlists": self._overdue}),
            answers=ANSWERS,
            verifier=verifier,
            on_stop=on_stop,
        )

    async def settle(self) -> None:
        """Wait until everything that was begun is done."""
        await self.sequencer.stop()
        await self.views.settle()
        await self.publication.settle()

    def _committed(self, live: Live, chunk: Chunk) -> None:
        self.publication.say(live, chunk)
        self.views.wanted(live)

    async def _covers(self, state: Playlist) -> tuple[str, ...]:
        return await self.items.covers(state.listing.slice(0, FIRST))

    async def _overdue(self) -> int:
        return await self.publication.overdue(self.views, self.playlists.keep)
