"""The catalog's parts put together, whatever its documents, bucket and topics are made of."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter

from functions.catalog import api, attachments, delivering, imports, web
from functions.catalog.attachments import Pictures
from functions.catalog.batch import Batch
from functions.catalog.editing import Editing
from functions.catalog.editing import routes as editing_routes
from functions.catalog.errands import Errands
from functions.catalog.masters import Masters
from functions.catalog.objects import Objects
from functions.catalog.placing import Placing
from functions.catalog.publication import Publication
from functions.catalog.reading import Reading
from functions.catalog.store import Store
from functions.catalog.subscriptions import Markets, handlers
from functions.catalog.sweep import Sweep
from functions.catalog.views import Views
from functions.catalog.vocabulary import Genres
from shared.gcp.images import Images
from shared.web.push import Handler, Task

MAX_BODY_BYTES = 4 << 20
"""A chunk of an import, a message, or a picture."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the catalog is given. `clock` in seconds, monotonic; `fresh_s` bounds how old an
    answer may be."""

    store: Store
    masters: Masters
    images: Images
    publish: Callable[[Any], Awaitable[None]]
    publish_many: Callable[[Iterable[Any]], Awaitable[None]]
    public_url: str
    new_id: Callable[[], str]
    now: Callable[[], datetime]
    clock: Callable[[], float]
    max_upload_bytes: int
    stuck_after: timedelta
    fresh_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Service:
    """What there is to serve."""

    routers: tuple[APIRouter, ...]
    handlers: dict[type, Handler]
    tasks: dict[str, Task]


def assemble(it: Surroundings) -> Service:
    """Routes, event handlers and tasks."""
    store = it.store
    publication = Publication(store, it.publish, now=it.now)
    reading = Reading(store, ttl_s=it.fresh_s, clock=it.clock)
    placing = Placing(store, reading, new_id=it.new_id, now=it.now)
    errands = Errands(store, reading, publication, now=it.now)
    markets = Markets(store, publication, errands, now=it.now)
    views = Views(it.public_url)
    objects = Objects(reading, views, it.public_url, ttl_s=it.fresh_s, clock=it.clock)
    genres = Genres(store.vocabularies, ttl_s=60 * it.fresh_s, clock=it.clock)
    sweep = Sweep(
        store,
        it.masters,
        publication,
        {"errands": errands.overdue, "windows": markets.overdue},
        stuck_after=it.stuck_after,
        now=it.now,
    )
    uploads = api.routes(
        store,
        it.masters,
        it.public_url,
        max_upload_bytes=it.max_upload_bytes,
        stuck_after=it.stuck_after,
        new_id=it.new_id,
        now=it.now,
    )
    batch = Batch(
        store,
        reading,
        placing,
        errands,
        genres,
        it.publish_many,
        new_id=it.new_id,
        now=it.now,
    )
    editing = Editing(
        store,
        reading,
        batch,
        placing,
        errands,
        publication,
        new_id=it.new_id,
        now=it.now,
    )
    pictures = Pictures(store, reading, publication, errands, it.images, now=it.now)
    edits = editing_routes(editing)
    hung = attachments.routes(store, pictures, it.publish, now=it.now)
    bulk = imports.routes(store, batch, it.public_url, new_id=it.new_id, now=it.now)
    messages = delivering.routes(store, batch, publication)
    reads = web.routes(store, objects, genres, it.public_url)
    return Service(
        routers=(uploads, bulk, messages, edits, hung, reads),
        handlers=handlers(store, publication, placing, markets, now=it.now),
        tasks={"sweep-uploads": sweep.run},
    )
