"""Delivering events to functions: at least once, with back-off, across restarts.

As Eventarc over Pub/Sub does it, with shorter pauses so that a local failure heals quickly.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import aiohttp

from emulators.runtime.storage.index import Delivery, Index
from emulators.runtime.storage.triggers import Trigger

log = logging.getLogger("storage.deliveries")
_RETENTION_S = 24 * 3600


class Courier(Protocol):
    """What a delivery needs from the rest of the local cloud."""

    def authorize(self, trigger: Trigger) -> str:
        """The bearer token of the trigger's identity; raises if a binding is missing."""
        ...

    def address(self, trigger: Trigger) -> str:
        """The URL of the trigger's function; raises if it has none."""
        ...


class Deliverer:
    """Takes pending deliveries off `index`. Pauses are `base_s` · 2ⁿ, at most `most_s`."""

    def __init__(
        self,
        index: Index,
        triggers: Sequence[Trigger],
        courier: Courier,
        base_s: float = 1.0,
        most_s: float = 60.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._index = index
        self._triggers = triggers
        self._courier = courier
        self._base_s = base_s
        self._most_s = most_s
        self._now = now
        self._news = {trigger.function: asyncio.Event() for trigger in triggers}

    def wake(self) -> None:
        """Look for new deliveries now."""
        for event in self._news.values():
            event.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        limits = aiohttp.TCPConnector(limit=0)
        functions = {trigger.function: trigger for trigger in self._triggers}
        async with aiohttp.ClientSession(connector=limits) as session, asyncio.TaskGroup() as group:
            for trigger in functions.values():
                group.create_task(self._serve(trigger, session))

    async def _serve(self, trigger: Trigger, session: aiohttp.ClientSession) -> None:
        news = self._news[trigger.function]
        under_way: dict[int, asyncio.Task] = {}
        try:
            while True:
                news.clear()
                pause = self._launch(trigger, session, under_way)
                try:
                    await asyncio.wait_for(news.wait(), pause)
                except TimeoutError:
                    continue
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)

    def _launch(
        self, trigger: Trigger, session: aiohttp.ClientSession, under_way: dict[int, asyncio.Task]
    ) -> float | None:
        """Start what is due and there is room for; the seconds until the next is due."""
        rows = self._index.deliveries(trigger.function, limit=trigger.concurrent * 2)
        for row in rows:
            if row.id in under_way:
                continue
            wait_s = row.next_at_us / 1e6 - self._now()
            if wait_s > 0:
                return wait_s
            if len(under_way) >= trigger.concurrent:
                return None
            task = asyncio.ensure_future(self._deliver(trigger, session, row))
            under_way[row.id] = task

            task.add_done_callback(functools.partial(self._after, trigger, under_way, row.id))
        return None

    def _after(
        self, trigger: Trigger, under_way: dict[int, asyncio.Task], id: int, done: asyncio.Task
    ) -> None:
        """There is room for another; after a failure of our own (a full disk) not at once."""
        del under_way[id]
        news = self._news[trigger.function]
        if done.cancelled() or done.exception() is None:
            news.set()
            return
        log.error("delivery %d broke off", id, exc_info=done.exception())
        asyncio.get_running_loop().call_later(self._base_s, news.set)

    async def _deliver(
        self, trigger: Trigger, session: aiohttp.ClientSession, row: Delivery
    ) -> None:
        error = await self._attempt(trigger, session, row)
        attempts = row.attempts + 1
        what = f"{row.headers['ce-type']} {row.headers['ce-subject']} to {trigger.function}"
        if error is None:
            self._index.remove_delivery(row.id)
            return
        if not trigger.retry or self._now() - row.created_us / 1e6 > _RETENTION_S:
            log.error("dropped %s after %d attempts: %s", what, attempts, error)
            self._index.remove_delivery(row.id)
            return
        pause_s = min(self._most_s, self._base_s * 2 ** min(row.attempts, 30))
        log.warning("%s: attempt %d failed, again in %g s: %s", what, attempts, pause_s, error)
        next_at_us = int((self._now() + pause_s) * 1e6)
        self._index.postpone_delivery(row.id, attempts, next_at_us, error)

    async def _attempt(
        self, trigger: Trigger, session: aiohttp.ClientSession, row: Delivery
    ) -> str | None:
        """None if the function took the event, else why not."""
        try:
            token = self._courier.authorize(trigger)
            headers = {**row.headers, "authorization": f"Bearer {token}"}
            timeout = aiohttp.ClientTimeout(total=trigger.timeout_s)
            async with session.post(
                self._courier.address(trigger),
                data=row.body.encode(),
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as reply:
                text = await reply.text(errors="replace")
                return None if reply.status < 300 else f"HTTP {reply.status}: {text[:500]}"
        except TimeoutError:
            return f"no answer within {trigger.timeout_s:g} s"
        except Exception as error:
            return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
