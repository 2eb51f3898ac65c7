"""Make views, pages and snapshots again from the log: `python -m functions.playlists.job ID…`.

Needs GOOGLE_CLOUD_PROJECT, and in a local cloud FIRESTORE_EMULATOR_HOST. Safe to repeat, and while
people edit.
"""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

from functions.playlists.rebuilding import rebuild
from functions.playlists.store import Store
from shared.gcp import firestore
from shared.gcp.documents import Documents
from shared.gcp.firestore import FirestoreDocuments
from shared.ids import parse_id
from shared.settings import load


@dataclass(frozen=True, slots=True)
class Settings:
    google_cloud_project: str


async def run(playlist_ids: list[str]) -> None:
    """Rebuild each of the playlists."""
    database = firestore.client(load(Settings, os.environ).google_cloud_project)

    def open(path: str, cls: type[Any], what: str) -> Documents[Any]:
        return FirestoreDocuments(database, path, cls, what)

    for id in playlist_ids:
        began = time.monotonic()
        state = await rebuild(
            Store(open), parse_id(id, "playlist id"), now_ms=lambda: time.time_ns() // 1_000_000
        )
        took = time.monotonic() - began
        print(f"{id}: {state.revision} ops, {len(state.listing)} items, {took:.1f} s")


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1:]))
