"""Building the next generation: the newest one and the log since, folded into one.

Memory grows with the log since the last generation, not with the catalog.
"""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from functions.search import generation
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


@dataclass(frozen=True, slots=True)
class Lost:
    """Another job published first; what this one built is of no use."""


async def next_generation(
    shelf: Shelf, changes: Log, folder: Path, *, token: str, now: datetime
) -> Manifest | Lost | None:
    """Build and publish; None if nothing changed since the newest generation.

    `folder` is empty and for this call alone; `token` keeps two jobs' objects apart.
    """
    before, version = await asyncio.to_thread(generation.newest, shelf)
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
    if position == before.position:
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
    for kind in sorted({*before.files, *(kind for kind, _ in latest)}):
        changed = {id: it for (of, id), it in latest.items() if of == kind}
        old = folder / f"{kind}.before.gz"
        if kind in before.files:
            shelf.download(f"{before.prefix}{kind}.documents.gz", old)
        new = folder / f"{kind}.documents.gz"
        merged = generation.recorded(new, _merged(old, changed, gone, now))
        counts[kind] = build(kind, folder / kind, merged, HEAP_BYTES)
        shelf.upload(f"{prefix}{kind}.documents.gz", new)
        files[kind] = sorted(
            path.name for path in (folder / kind).iterdir() if path.suffix != ".lock"
        )
        for name in files[kind]:
            shelf.upload(f"{prefix}{kind}/{name}", folder / kind / name)
    generation.write_gone(folder / "gone.new.msgpack", gone.values())
    shelf.upload(f"{prefix}gone.msgpack", folder / "gone.new.msgpack")
    return Manifest(before.number + 1, position, prefix, now, files, counts)


def _merged(
    old: Path, changed: dict[str, Document], gone: dict[tuple[str, str], Gone], now: datetime
) -> Iterator[Document]:
    """What is there of one kind; what was removed goes to `gone`, what came back leaves it."""

    def judged(document: Document) -> Iterator[Document]:
        if document.removed:
            gone[document.key] = Gone(document.kind, document.id, document.revision, now)
        else:
            gone.pop(document.key, None)
            yield document

    for document in generation.read_documents(old) if old.exists() else ():
        newer = changed.pop(document.id, None)
        if newer is not None and newer.revision > document.revision:
            yield from judged(newer)
        else:
            yield document
    for document in changed.values():
        yield from judged(document)


def _clear(shelf: Shelf, newest: int) -> None:
    """Delete generations that nobody opens any more, and those that were never published."""
    for name in shelf.names(generation.PREFIX):
        number = name.removeprefix(generation.PREFIX).partition("-")[0]
        if number.isdigit() and int(number) <= newest - KEPT_GENERATIONS:
            shelf.delete(name)
