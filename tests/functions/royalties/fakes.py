"""Royalties with everything around it in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI

from functions.royalties import api
from functions.royalties.accounting import Accounting
from functions.royalties.books import COLLECTIONS, Books
from functions.royalties.closing import Pool
from functions.royalties.corrections import Corrections
from functions.royalties.dsr import Sender
from functions.royalties.periods import Period
from functions.royalties.reading import Asked
from functions.royalties.shapes import ANSWERS
from functions.royalties.terms import Terms
from shared.gcp.memory import MemoryDocuments
from shared.web.app import create_app
from shared.web.push import tasks
from tests.functions.royalties.events import LICENCES, TRACKS
from tests.functions.royalties.oracle import Oracle
from tests.web import Clock, Pushes, Tokens

SEPTEMBER = Period(2026, 9)
TOKENS = Tokens()


@dataclass
class MemoryVault:
    """A `Vault` in memory; `fail_after`: writes that still succeed."""

    objects: dict[str, bytes] = field(default_factory=dict)
    fail_after: int | None = None

    def read(self, name: str) -> bytes | None:
        return self.objects.get(name)

    def create(self, name: str, data: bytes) -> bool:
        self._write()
        if name in self.objects:
            return False
        self.objects[name] = data
        return True

    def replace(self, name: str, data: bytes) -> None:
        self._write()
        self.objects[name] = data

    def _write(self) -> None:
        if self.fail_after is not None:
            if self.fail_after == 0:
                raise OSError("killed")
            self.fail_after -= 1


@dataclass
class Royalties:
    """The job and the service over the same documents and objects."""

    oracle: Oracle = field(default_factory=lambda: Oracle([], list(LICENCES), list(TRACKS)))
    clock: Clock = field(default_factory=lambda: Clock(datetime(2026, 9, 20, tzinfo=UTC)))
    vault: MemoryVault = field(default_factory=MemoryVault)
    terms: Terms = field(default_factory=Terms)
    started: list[Mapping[str, str]] = field(default_factory=list)
    pushes: Pushes = field(default_factory=Pushes)
    party_id: str = "PADPIDA0000000000X"

    def __post_init__(self) -> None:
        documents: dict[str, Any] = {
            name: MemoryDocuments(cls, what) for name, (_, cls, what) in COLLECTIONS.items()
        }
        self.books = Books(**documents)
        warehouse: Any = self.oracle
        self.accounting = Accounting(self.books, warehouse, self.vault, self.terms, now=self.clock)
        reading: Any = self.vault
        self.asked = Asked(self.books, reading, warehouse)
        self.corrections = Corrections(self.books, self.asked, now=self.clock)

    async def pool(
        self,
        amount: int,
        period: Period = SEPTEMBER,
        where: str = "SE",
        plan: str = "premium",
        **more: Any,
    ) -> None:
        pool = Pool(where, plan, more.pop("currency", "SEK"), amount, **more)
        await self.books.set_pool(period, pool, "test", self.clock())

    async def start(self, environment: Mapping[str, str]) -> None:
        self.started.append(environment)

    def app(self) -> FastAPI:
        async def run() -> str:
            await self.start({})
            return "started"

        return create_app(
            "royalties",
            api.operator_routes(
                self.books, self.corrections, self.asked, self.start, now=self.clock
            ),
            api.routes(self.asked, Sender(self.party_id, "Segue")),
            tasks(self.pushes.caller(), {"run-royalties": run}),
            verifier=TOKENS.verifier(),
            answers=ANSWERS,
        )
