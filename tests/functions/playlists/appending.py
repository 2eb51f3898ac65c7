"""A process that appends to a log on disk until it is killed, and prints what is acknowledged."""

import asyncio
import os
import pickle
import sys
from pathlib import Path
from typing import Any

from functions.playlists.documents import chunk_of, key
from functions.playlists.ops import Add, Chunk, Entry
from functions.playlists.ops import Set as SetOp
from functions.playlists.store import Store
from shared.gcp.memory import MemoryDocuments
from tests.functions.playlists.fakes import Cloud, Instance, uri

ID = "p" * 22


class DiskDocuments(MemoryDocuments[Any]):
    """A log in files: a file is linked into place whole, so an append happens or does not."""

    def __init__(self, folder: Path) -> None:
        super().__init__(object, "chunk")
        self._folder = folder

    async def find_many(self, ids: Any) -> dict[str, Any]:
        return {
            id: pickle.loads(it.read_bytes()) for id in ids if (it := self._folder / id).exists()
        }

    async def create_many(self, values: Any) -> set[str]:
        ((id, value),) = values.items()
        await asyncio.sleep(0.001)
        torn = self._folder / f"{id}.{os.getpid()}"
        torn.write_bytes(pickle.dumps(value))
        try:
            os.link(torn, self._folder / id)
        except FileExistsError:
            return {id}
        finally:
            torn.unlink()
        await asyncio.sleep(0.001)
        return set()


def chunks_in(documents: DiskDocuments) -> list[Chunk]:
    found: list[Chunk] = []
    while (it := documents._folder / key(len(found) + 1)).exists():
        found.append(chunk_of(pickle.loads(it.read_bytes())))
    return found


async def main(folder: Path, round_: str) -> None:
    cloud = Cloud()

    def open(path: str, cls: type[Any], what: str) -> Any:
        return DiskDocuments(folder) if path.endswith("/log") else cloud.open(path, cls, what)

    playlists = Instance(cloud, f"r{round_}", open=open).service.playlists
    assert isinstance(playlists.store, Store)
    about = SetOp(name="x", visibility="unlisted", collaborative=True)
    if not (await playlists.store.live(ID)).state.exists:
        await playlists.create("o", about, playlist_id=ID)

    async def editor(name: str) -> None:
        for number in range(10_000):
            nonce = f"{round_}.{name}.{number}"
            await playlists.submit(ID, name, [Add((Entry(uri(number)),))], nonce=nonce)
            print(nonce, flush=True)

    await asyncio.gather(*(editor(f"e{n}") for n in range(8)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
