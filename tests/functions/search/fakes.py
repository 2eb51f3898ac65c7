"""Search without a cloud: a bucket in memory, a log in memory, and the real rest."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from fastapi import FastAPI

from functions.search import api
from functions.search.build import Lost, next_generation
from functions.search.generation import Manifest
from functions.search.kinds import KINDS
from functions.search.live import Live
from functions.search.log import Chunk, Log
from functions.search.shapes import ANSWERS
from functions.search.subscriptions import handlers
from shared.errors import NotFound, Unavailable
from shared.gcp.memory import MemoryDocuments
from shared.web.app import create_app
from shared.web.push import subscriptions
from tests.web import NOW, PUBLIC_URL, Pushes, Tokens

TOKENS = Tokens()
PUSHES = Pushes()
TODAY = date(2026, 3, 1)


@dataclass
class MemoryShelf:
    """A `Shelf` in a dict, held to `tests/contracts/test_search_shelf.py`."""

    objects: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    writes: int = 0
    broken: bool = False

    def _check(self) -> None:
        if self.broken:
            raise Unavailable("the storage does not answer")

    def read(self, name: str) -> tuple[bytes, int] | None:
        self._check()
        return self.objects.get(name)

    def swap(self, name: str, data: bytes, version: int) -> bool:
        self._check()
        if self.objects.get(name, (b"", 0))[1] != version:
            return False
        self.writes += 1
        self.objects[name] = data, self.writes
        return True

    def upload(self, name: str, path: Path) -> None:
        self._check()
        self.writes += 1
        self.objects[name] = path.read_bytes(), self.writes

    def download(self, name: str, path: Path) -> None:
        self._check()
        if name not in self.objects:
            raise NotFound(f"no object {name}", code="OBJECT_NOT_FOUND")
        path.write_bytes(self.objects[name][0])

    def names(self, prefix: str) -> list[str]:
        self._check()
        return [name for name in self.objects if name.startswith(prefix)]

    def delete(self, name: str) -> None:
        self._check()
        self.objects.pop(name, None)


class Clock:
    """Seconds, moved by the test."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        self.s += 0.001
        return self.s


@dataclass
class Cloud:
    """What all instances share; `instance` starts one more."""

    folder: Path
    shelf: MemoryShelf = field(default_factory=MemoryShelf)
    chunks: MemoryDocuments[Chunk] = field(default_factory=lambda: MemoryDocuments(Chunk, "chunk"))
    clock: Clock = field(default_factory=Clock)
    builds: int = 0

    def log(self) -> Log:
        return Log(self.chunks, lambda: NOW)

    def instance(self, name: str = "one") -> Live:
        return Live(self.shelf, self.log(), KINDS, self.folder / name, clock=self.clock)

    async def build(self) -> Manifest | Lost | None:
        """One run of the job."""
        self.builds += 1
        place = self.folder / f"job-{self.builds}"
        place.mkdir()
        token = f"token{self.builds}"
        return await next_generation(self.shelf, self.log(), place, token=token, now=NOW)


def app_of(live: Live, today: Callable[[], date] = lambda: TODAY) -> FastAPI:
    return create_app(
        "search",
        api.routes(live, PUBLIC_URL, today=today),
        subscriptions(PUSHES.caller(), handlers(live)),
        verifier=TOKENS.verifier(),
        answers=ANSWERS,
    )
