"""Make again what follows from the logs of playlists: views, pages, snapshots, and in whose lists
they are.

    python -m functions.playlists.job ID…                  these
    python -m functions.playlists.job --all [--after ID]   all, in the order of their ids

Needs GOOGLE_CLOUD_PROJECT, and in a local cloud FIRESTORE_EMULATOR_HOST. Safe to repeat, and while
people edit. What was cut short says after which id it can go on.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from functions.playlists import covers
from functions.playlists.documents import SHELF, VIEWS, Shelved
from functions.playlists.playlist import Playlist
from functions.playlists.projections import TRACKS, TrackFacts
from functions.playlists.rebuilding import rebuild
from functions.playlists.shelf import Shelf
from functions.playlists.store import Store
from shared.errors import SegueError
from shared.gcp import firestore
from shared.gcp.documents import Documents
from shared.gcp.firestore import FirestoreDocuments
from shared.ids import parse_id
from shared.instants import now
from shared.settings import load
from shared.webapi.cards import TrackCard

AT_ONCE = 4
SAID_EVERY_S = 2.0
FIRST = 100
"""Items among which covers are looked for, as where playlists are shown."""


@dataclass(frozen=True, slots=True)
class Settings:
    google_cloud_project: str


@dataclass
class Progress:
    """How far a run has come: all up to `after` are done. `say` prints a line."""

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    playlists: int = 0
    ops: int = 0
    after: str = ""
    failed: dict[str, str] = field(default_factory=dict)
    began: float = 0.0
    said: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.said = self.clock()

    def done(self, *, last: bool = False) -> None:
        """Say where it stands, once in a while, and at the end."""
        now = self.clock()
        if last or now - self.said >= SAID_EVERY_S:
            self.said = now
            count = f"{self.playlists:,} playlists, {self.ops:,} ops, {now - self.began:.1f} s"
            more = f"; {len(self.failed)} failed" if self.failed else ""
            self.say(f"{count}{more}; up to {self.after or 'none'}")


class Rebuilder:
    """Rebuilds playlists of one project's database. `open` opens a collection."""

    def __init__(
        self, open: Callable[[str, type[Any], str], Documents[Any]], now: Callable[[], datetime]
    ) -> None:
        self._open = open
        self._now = now
        self._shelf = Shelf(open(SHELF, Shelved, "playlist"))
        self._facts: Documents[TrackFacts] = open(TRACKS, TrackFacts, "track")

    async def one(self, playlist_id: str) -> Playlist:
        """Rebuild one. Raises NotFound, Unavailable."""
        state = await rebuild(
            Store(self._open),
            playlist_id,
            now_ms=lambda: int(self._now().timestamp() * 1000),
            covers=self._covers,
        )
        if state.attributes.kind != "mix":
            await self._shelf.keep(state, self._now())
        return state

    async def all(self, ids: AsyncIterator[str], progress: Progress) -> None:
        """Rebuild each of `ids`, some at once; what fails is noted, and the others go on."""
        batch: list[str] = []
        async for id in ids:
            batch.append(id)
            if len(batch) == AT_ONCE:
                await self._some(batch, progress)
                batch.clear()
        await self._some(batch, progress)

    async def _some(self, ids: Sequence[str], progress: Progress) -> None:
        async def one(id: str) -> None:
            try:
                state = await self.one(id)
            except SegueError as error:
                progress.failed[id] = f"{error.code}: {error.message}"
                progress.say(f"{id} failed: {progress.failed[id]}")
            else:
                progress.playlists += 1
                progress.ops += state.revision

        await asyncio.gather(*map(one, ids))
        if ids:
            progress.after = ids[-1]
            progress.done()

    async def _covers(self, state: Playlist) -> tuple[str, ...]:
        return await covers.first_of(state.listing.slice(0, FIRST), self._tracks)

    async def _tracks(self, ids: list[str]) -> dict[str, TrackCard]:
        return {id: it.card for id, it in (await self._facts.find_many(ids)).items()}


async def run(arguments: Sequence[str], say: Callable[[str], None]) -> int:
    """Do what the command line says; 1 if anything failed."""
    parser = argparse.ArgumentParser(
        prog="python -m functions.playlists.job",
        description="Make playlists' views, pages, snapshots and lists again from their logs.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", metavar="ID", default=[], help="of a playlist")
    which.add_argument("--all", action="store_true", help="all playlists that have a log")
    parser.add_argument(
        "--after", default="", metavar="ID", help="with --all: go on after this one"
    )
    asked = parser.parse_args(arguments)
    database = firestore.client(load(Settings, os.environ).google_cloud_project)

    def open(path: str, cls: type[Any], what: str) -> Documents[Any]:
        return FirestoreDocuments(database, path, cls, what)

    async def named() -> AsyncIterator[str]:
        for id in asked.ids:
            yield parse_id(id, "playlist id")

    progress = Progress(say, after=asked.after)
    ids = firestore.holders(database, VIEWS, "log", after=asked.after) if asked.all else named()
    try:
        await Rebuilder(open, now).all(ids, progress)
    except (asyncio.CancelledError, SegueError) as error:
        if asked.all:
            say(f"cut short; go on with: --all --after {progress.after}")
        if not isinstance(error, SegueError):
            raise
        say(f"{error.code}: {error.message}")
        return 1
    finally:
        progress.done(last=True)
    return 1 if progress.failed else 0


def main() -> None:
    """Run on the command line."""

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        sys.exit(asyncio.run(run(sys.argv[1:], say)))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
