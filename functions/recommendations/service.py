"""Recommendations' parts put together, whatever its documents and topics are made of."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from fastapi import APIRouter

from functions.recommendations import api, press
from functions.recommendations.catalogue import Catalogue
from functions.recommendations.fetching import Fetcher
from functions.recommendations.home import Home
from functions.recommendations.impressions import Impressions
from functions.recommendations.keeping import Keeping
from functions.recommendations.listeners import Listeners
from functions.recommendations.radar import Radar
from functions.recommendations.reading import Reading
from functions.recommendations.results import Results
from functions.recommendations.serving import Serving
from functions.recommendations.shown import Rendered
from functions.recommendations.store import Store
from functions.recommendations.subscriptions import handlers
from shared.experiments import bucket
from shared.web.push import Handler, Task


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the service is given. `clock` in seconds, monotonic; `fresh_s` bounds how old an
    answer may be where another instance took the event in."""

    store: Store
    publish: Callable[[Any], Awaitable[None]]
    public_url: str
    new_id: Callable[[], str]
    now: Callable[[], datetime]
    clock: Callable[[], float]
    random: Callable[[], Random]
    fetch: Fetcher = field(default_factory=Fetcher)
    fresh_s: float = 2.0
    pointers_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Service:
    """What there is to serve; `keeping` runs beside it."""

    routers: tuple[APIRouter, ...]
    handlers: Mapping[type, Handler]
    tasks: Mapping[str, Task]
    keeping: Keeping
    impressions: Impressions
    serving: Serving
    catalogue: Catalogue
    reading: Reading


def assemble(it: Surroundings) -> Service:
    """Routes, event handlers and tasks."""
    catalogue = Catalogue()
    keeping = Keeping(it.store, catalogue, every_s=5 * it.fresh_s, now=it.now)
    listeners = Listeners(it.store.tastes, fresh_s=it.fresh_s, clock=it.clock, now=it.now)
    results = Results(it.store, fresh_s=it.pointers_s, clock=it.clock)
    serving = Serving(it.store, keeping, listeners, results, clock=it.clock, now=it.now)
    home = Home(it.store, listeners, serving, it.public_url)
    reading = Reading(it.store, keeping, it.fetch, now=it.now)
    radar = Radar(it.store, keeping, it.publish, now=it.now)
    impressions = Impressions(it.publish, new_id=it.new_id, now=it.now)
    offers = api.routes(
        serving,
        listeners,
        Rendered(it.public_url),
        home,
        impressions,
        bucket,
        it.public_url,
        random=it.random,
        now=it.now,
    )
    return Service(
        routers=(offers, press.routes(reading, it.store, keeping, it.public_url)),
        handlers=handlers(it.store, listeners, serving, catalogue, reading, now=it.now),
        tasks={
            "fit-texts": reading.fit,
            "import-feeds": reading.import_feeds,
            "publish-release-radar": radar.run,
        },
        keeping=keeping,
        impressions=impressions,
        serving=serving,
        catalogue=catalogue,
        reading=reading,
    )


def in_background(keeping: Keeping) -> tuple[Callable[[], None], Callable[[], Awaitable[None]]]:
    """What starts `keeping`, and what stops it."""
    running: list[asyncio.Task[None]] = []

    def start() -> None:
        running.append(asyncio.get_running_loop().create_task(keeping.run()))

    async def stop() -> None:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    return start, stop
