"""Bulk import: tracks per CPU-second of ours, into the Firestore and Pub/Sub emulators.

    python -m benchmarks.catalog_import [--tracks 20000] [--memory-lines 1000000]

The peer is the same lines through the official client's own BulkWriter (documents only: no checks,
no events); the floor is the same documents' bytes sent by BatchWrite, encoded beforehand.
`--memory-lines` instead sends that many lines against documents that forget, and prints how far
the process grew.
"""

import argparse
import asyncio
import json
import os
import resource
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from benchmarks.report import emit
from emulators import java
from functions.catalog.store import COLLECTIONS, Store
from shared.ids import new_id

CHUNK = 1000
PER_ALBUM = 12
PROJECT = "segue-benchmark"


def lines(first: int, count: int) -> Iterator[dict[str, Any]]:
    """`count` tracks from number `first`, with their albums and artists before them."""
    for number in range(first, first + count):
        album, place = divmod(number, PER_ALBUM)
        artist = f"artist {album // 3}"
        credits = [{"artist": artist}]
        if place == 0 or number == first:
            if album % 3 == 0 or number == first:
                yield {"type": "artist", "key": artist, "name": f"The {artist.title()}",
                       "genres": ["pop", "indie rock"]}  # fmt: skip
            yield {"type": "album", "key": f"album {album}", "title": f"Album number {album}",
                   "credits": credits, "release_date": "2019-03-01", "label": "Etikett",
                   "upc": "075678164125", "genres": ["pop"]}  # fmt: skip
        yield {"type": "track", "key": f"track {number}", "title": f"A song called {number}",
               "album": f"album {album}", "track_number": place + 1, "disc_number": 1,
               "credits": [*credits, {"artist": artist, "role": "producer"}],
               "isrc": f"SEABC19{number % 100_000:05d}", "duration_ms": 200_000 + number,
               "genres": ["pop"], "explicit": False, "popularity": number % 100}  # fmt: skip


def chunks(tracks: int) -> Iterator[bytes]:
    """The lines in bodies of at most `CHUNK`."""
    body: list[bytes] = []
    for line in lines(0, tracks):
        body.append(json.dumps(line).encode())
        if len(body) == CHUNK:
            yield b"\n".join(body)
            body = []
    if body:
        yield b"\n".join(body)


class Forgetful:
    """Documents in memory of which only the last few thousand are kept."""

    def __new__(cls, kind: type, what: str) -> Any:
        from shared.gcp.memory import MemoryDocuments

        class Kept(MemoryDocuments):
            def _write(self, id: str, value: Any) -> None:
                super()._write(id, value)
                while len(self._documents) > 5000:
                    del self._documents[next(iter(self._documents))]

        return Kept(kind, what)


def importing(documents: Mapping[str, Any], publish_many: Any) -> Any:
    """What takes chunks, from the service's own parts."""
    from functions.catalog.batch import Batch
    from functions.catalog.errands import Errands
    from functions.catalog.imports import Importing
    from functions.catalog.placing import Placing
    from functions.catalog.publication import Publication
    from functions.catalog.reading import Reading
    from functions.catalog.vocabulary import Genres

    def now() -> datetime:
        return datetime.now(UTC)

    async def one(event: Any) -> None:
        await publish_many([event])

    store = Store(**documents)
    reading = Reading(store, ttl_s=2, clock=time.monotonic)
    publication = Publication(store, one, now=now)
    errands = Errands(store, reading, publication, now=now)
    genres = Genres(store.vocabularies, ttl_s=60, clock=time.monotonic)
    placing = Placing(store, reading, new_id=new_id, now=now)
    batch = Batch(store, reading, placing, errands, genres, publish_many, new_id=new_id, now=now)
    return Importing(store, batch)


async def timed(take: Any, tracks: int) -> dict[str, float]:
    """Send every chunk; CPU-seconds of this process and wall seconds."""
    from functions.catalog.model import Import

    bodies = list(chunks(tracks))
    made = Import(new_id(), "benchmark", datetime.now(UTC))
    await take.store.imports.create(made.import_id, made)
    cpu, wall = time.process_time(), time.perf_counter()
    for number, body in enumerate(bodies):
        done = await take.chunk(made.import_id, number, body)
        assert not done.refused, done.refused[0]
    return {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


async def grown(count: int) -> None:
    """How far memory grows over `count` lines."""
    from functions.catalog.model import Import

    async def nobody(events: Iterable[Any]) -> None:
        for _ in events:
            pass

    documents = {name: Forgetful(kind, what) for name, (_, kind, what) in COLLECTIONS.items()}
    take = importing(documents, nobody)
    made = Import(new_id(), "benchmark", datetime.now(UTC))
    await take.store.imports.create(made.import_id, made)
    sent, grew = 0, {}
    started = time.process_time()
    for number, body in enumerate(chunks(count)):
        await take.store.imports.put(made.import_id, made)
        await take.chunk(made.import_id, number, body)
        sent += body.count(b"\n") + 1
        if number % 50 == 49:
            grew[sent] = rss_kb()
        if sent >= count:
            break
    seconds = time.process_time() - started
    result = {
        "lines": sent,
        "rss_kb": rss_kb(),
        "rss_kb_by_lines": grew,
        "cpu_s": round(seconds, 1),
    }
    print(json.dumps(result))


def rss_kb() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


async def against_emulators(tracks: int) -> None:
    from google.cloud.firestore_v1.types.firestore import BatchWriteRequest

    from shared.gcp.documents import to_document
    from shared.gcp.firestore import FirestoreDocuments, client
    from shared.gcp.pubsub import Publisher
    from shared.gcp.values import fill

    database = client(PROJECT)
    documents = {
        name: FirestoreDocuments(database, collection, kind, what, patience_s=120)
        for name, (collection, kind, what) in COLLECTIONS.items()
    }
    publisher = Publisher(PROJECT, deadline_s=60)
    for topic in ("track-changed", "album-changed", "artist-changed"):
        publisher._client.api.create_topic(name=f"projects/{PROJECT}/topics/{topic}")
    ours = await timed(importing(documents, publisher.many), tracks)
    stored = await documents["tracks"].scan(limit=500)

    # Peer: the official client's encoder and batches, for the documents alone.
    plain = [to_document(it) for it in stored]
    cpu = time.process_time()
    for start in range(0, len(plain), 250):
        batch = database.batch()
        for number, document in enumerate(plain[start : start + 250]):
            batch.set(database.collection("peer").document(f"{start}-{number}"), document)
        await batch.commit(timeout=60)
    peer = len(plain) / (time.process_time() - cpu)

    # Floor: bytes made beforehand, sent.
    request: Any = BatchWriteRequest.pb()(database=database._database_string)
    for number, document in enumerate(plain):
        write = request.writes.add()
        write.update.name = database.collection("floor").document(str(number))._document_path
        fill(write.update.fields, document)
    cpu = time.process_time()
    for _ in range(4):
        await database._firestore_api.batch_write(
            request=BatchWriteRequest.wrap(request),
            metadata=database._rpc_metadata,
            timeout=60,
        )
    floor = 4 * len(plain) / (time.process_time() - cpu)
    rate = tracks / ours["cpu_s"]
    await publisher.stop()
    await database._firestore_api.transport.close()
    emit(
        "catalog_import",
        "tracks/CPU-s",
        round(rate),
        peers={"firestore client's batches, documents only": round(peer)},
        floor=round(floor),
        higher_is_better=True,
        wall_tracks_per_s=round(tracks / ours["wall_s"]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=20_000)
    parser.add_argument("--memory-lines", type=int, default=0)
    given = parser.parse_args()
    if given.memory_lines:
        asyncio.run(grown(given.memory_lines))
        return
    with java.running(java.firestore_argv) as documents, java.running(java.pubsub_argv) as topics:
        os.environ["FIRESTORE_EMULATOR_HOST"] = documents
        os.environ["PUBSUB_EMULATOR_HOST"] = topics
        asyncio.run(against_emulators(given.tracks))


if __name__ == "__main__":
    main()
