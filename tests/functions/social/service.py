"""social over documents in memory, and users who talk to it."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from functions.social import service
from shared.events import ChannelPublished, LibraryChanged, UserChanged
from shared.gcp.memory import MemoryDocuments
from shared.ids import new_id
from tests.web import PUBLIC_URL, Clock, Published, Pushes, Tokens, client_of

SCOPES = "streaming user-follow-read user-follow-modify"


@dataclass
class Social:
    """The service; `ask` as one user, `hear` what an event says."""

    clock: Clock = field(default_factory=Clock)
    tokens: Tokens = field(default_factory=Tokens)
    pushes: Pushes = field(default_factory=Pushes)
    published: Published = field(default_factory=Published)

    def __post_init__(self) -> None:
        self.documents: dict[str, MemoryDocuments[Any]] = {}
        self.parts = service.parts(self._collection, self.published, now=self.clock, new_id=new_id)
        self.app = service.app(
            self.parts,
            self.pushes.caller(),
            self.tokens.verifier(),
            PUBLIC_URL,
            now=self.clock,
            new_id=new_id,
        )
        self.http = client_of(self.app)

    def _collection(self, name: str, cls: type[Any], what: str) -> MemoryDocuments[Any]:
        return self.documents.setdefault(name, MemoryDocuments(cls, what))

    async def ask(
        self, user: str, method: str, path: str, body: Any = None, scope: str = SCOPES
    ) -> httpx.Response:
        headers = self.tokens.bearer(scope, sub=user)
        return await self.http.request(method, path, headers=headers, json=body)

    async def get(self, user: str, path: str) -> Any:
        answer = await self.ask(user, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def hear(self, event: Any) -> None:
        assert (await self.pushes.push(self.http, event)).status_code == 204

    async def follow(self, follower: str, followed: str, saved: bool = True) -> None:
        self.clock.forward(seconds=1)
        await self.hear(LibraryChanged(new_id(), self.clock(), follower, "user", followed, saved))

    async def name(self, user: str, name: str, removed: bool = False) -> None:
        self.clock.forward(seconds=1)
        revision = int(self.clock().timestamp())
        await self.hear(
            UserChanged(new_id(), self.clock(), user, revision, name, "premium", "SE", removed)
        )

    def said(self, channel: str) -> list[ChannelPublished]:
        return [it for it in self.published.events if it.channel == channel]
