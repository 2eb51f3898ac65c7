"""Building the next generation: the newest one and the log since, folded into one.

Memory grows with the log since the last generation, not with the catalog.
"""

import asyncio
import heapq
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path

from functions.search import cardfile, generation
from functions.search.document import Document
from functions.search.generation import Gone, Manifest
from functions.search.index import build
from functions.search.log import Log
from functions.search.shelf import Shelf

log = logging.getLogger(__name__)

HEAP_BYTES = 256_000_000
KEPT_GENERATIONS = 3
"""An instance may still be fetching the one before; the third is for a way back."""
GONE_KEPT = timedelta(days=14)
"""Pub/Sub delivers no event later than seven days (its longest retention); twice that."""

_company = attrgetter("company")


@dataclass(frozen=True, slots=True)
class Lost:
    """Another job published first; what this one built is of no use."""


async def next_generation(
    shelf: Shelf, changes: Log, folder: Path, *, token: str, now: datetime
) -> Manifest | Lost | None:
    """Build and publish; None if nothing changed since the newest generation. One of an older
    format is built anew, whether anything changed or not.

    `folder` is empty and for this call alone; `token` keeps two jobs' objects apart.
    """
    before, version = await asyncio.to_thread(generation.newest, shelf)
    outdated = await asyncio.to_thread(generation.outdated, shelf)
    before = outdated or before
    changes.known(before.position)
    latest: dict[tuple[str, str], Document] = {}
    position = before.position
    while chunks := await changes.read(position):
        for chunk in chunks:
            for document in chunk.documents:
                known = latest.get(document.key)
                if known is None or document.revision > known.revision:
                    latest[document.key] = document
        position = chunks[-1].number
    if position == before.position and outdated is None:
        return None
    prefix = f"{generation.PREFIX}{before.number + 1:08}-{token}/"
    manifest = await asyncio.to_thread(_write, shelf, folder, before, latest, prefix, position, now)
    if not await asyncio.to_thread(generation.publish, shelf, manifest, version):
        return Lost()
    await changes.expire(before.position + 1, position)
    await asyncio.to_thread(_clear, shelf, manifest.number)
    return manifest


def _write(
    shelf: Shelf,
    folder: Path,
    before: Manifest,
    latest: dict[tuple[str, str], Document],
    prefix: str,
    position: int,
    now: datetime,
) -> Manifest:
    """Every file of the generation, written and uploaded; its manifest, not published yet."""
    gone = {
        (it.kind, it.id): it
        for it in generation.fetch_gone(shelf, before, folder)
        if it.since > now - GONE_KEPT
    }
    for key, document in list(latest.items()):
        if key in gone and gone[key].revision >= document.revision:
            del latest[key]
    files: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for kind in sorted({*before.files, *(kind for kind, _ in latest)}, key=cardfile.ordered):
        changed = {id: it for (of, id), it in latest.items() if of == kind}
        old = folder / f"{kind}.before.gz"
        generation.fetch_documents(shelf, before, kind, old)
        new = folder / f"{kind}.documents.gz"
        merged = generation.recorded(new, _merged(old, changed, gone, now))
        counts[kind] = build(kind, folder / kind, merged, HEAP_BYTES, cardfile.opened(folder))
        shelf.upload(f"{prefix}{kind}.documents.gz", new)
        files[kind] = sorted(
            path.name for path in (folder / kind).iterdir() if path.suffix != ".lock"
        )
        for name in files[kind]:
            shelf.upload(f"{prefix}{kind}/{name}", folder / kind / name)
    generation.write_gone(folder / "gone.new.msgpack", gone.values())
    shelf.upload(f"{prefix}gone.msgpack", folder / "gone.new.msgpack")
    return Manifest(before.number + 1, position, prefix, now, files, counts)


def rebuild(shelf: Shelf, manifest: Manifest, folder: Path) -> None:
    """The indexes of a generation whose format is outdated, made again from its documents."""
    for kind in sorted(manifest.files, key=cardfile.ordered):
        path = folder / f"{kind}.documents.gz"
        generation.fetch_documents(shelf, manifest, kind, path)
        documents = generation.read_documents(path)
        build(kind, folder / kind, documents, HEAP_BYTES, cardfile.opened(folder))
        path.unlink()


def _merged(
    old: Path, changed: dict[str, Document], gone: dict[tuple[str, str], Gone], now: datetime
) -> Iterator[Document]:
    """What is there of one kind, like next to like; what was removed goes to `gone`, what came
    back leaves it."""

    def stored() -> Iterator[Document]:
        return generation.read_documents(old) if old.exists() else iter(())

    late = {it.id for it in stored() if it.id in changed and changed[it.id].revision <= it.revision}
    newer = {id: it for id, it in changed.items() if id not in late}
    for id, document in newer.items():
        gone.pop((document.kind, id), None)
        if document.removed:
            gone[document.key] = Gone(document.kind, id, document.revision, now)
    there = sorted((it for it in newer.values() if not it.removed), key=_company)
    unchanged = (it for it in stored() if it.id not in newer)
    return heapq.merge(unchanged, there, key=_company)


def _clear(shelf: Shelf, newest: int) -> None:
    """Delete generations that nobody opens any more, and those that were never published."""
    for name in shelf.names(generation.PREFIX):
        number = name.removeprefix(generation.PREFIX).partition("-")[0]
        if number.isdigit() and int(number) <= newest - KEPT_GENERATIONS:
            shelf.delete(name)
