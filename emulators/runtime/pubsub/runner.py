"""One task for each subscription: push, write to BigQuery, or keep the pullers' deadlines."""

import asyncio
import logging
from collections.abc import Coroutine

from emulators.runtime.pubsub.broker import Broker, Lane
from emulators.runtime.pubsub.pull import Leases
from emulators.runtime.pubsub.push import Pusher, Sender
from emulators.runtime.pubsub.rows import BadRow
from emulators.runtime.pubsub.tables import Inserter

log = logging.getLogger(__name__)

IDLE_CHECK_S = 60.0


class Deliveries:
    """Starts and stops what delivers. `bigquery_url` is BigQuery's REST root."""

    def __init__(self, broker: Broker, sender: Sender, bigquery_url: str) -> None:
        self._broker = broker
        self._sender = sender
        self._bigquery_url = bigquery_url
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.leases: dict[str, Leases] = {}

    def start_all(self) -> None:
        for lane in self._broker.lanes.values():
            self.start(lane)

    def start(self, lane: Lane) -> None:
        """Begin to deliver one subscription."""
        try:
            work = self._work(lane)
        except BadRow as error:
            self._broker.complain(lane.name, str(error))
            return
        self._tasks[lane.name] = asyncio.create_task(self._keep(lane, work))

    def _work(self, lane: Lane) -> Coroutine[None, None, None]:
        subscription = lane.subscription
        if subscription.push is not None:
            project = self._broker.topology.project
            return Pusher(project, lane, subscription.push, self._sender).run()
        if subscription.table is not None:
            return Inserter(self._broker, lane, subscription.table, self._bigquery_url).run()
        leases = self.leases[lane.name] = Leases(lane, self._broker.clock)
        return leases.expire()

    async def _keep(self, lane: Lane, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception:
            log.exception("%s: deliveries stopped", lane.name)
            raise

    def broken(self) -> dict[str, str]:
        """Subscriptions whose task ended, and why: a defect of this process."""
        ended: dict[str, str] = {}
        for name, task in self._tasks.items():
            if task.done() and not task.cancelled():
                ended[name] = repr(task.exception())
        return ended

    async def expire(self) -> None:
        """Remove subscriptions that nobody pulls any more, until cancelled."""
        while True:
            await asyncio.sleep(IDLE_CHECK_S)
            for name in self._broker.idle():
                log.info("%s: nobody pulled it, so it goes", name)
                await self.stop(name)
                await self._broker.remove(name)

    async def stop(self, name: str) -> None:
        self.leases.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        for name in tuple(self._tasks):
            await self.stop(name)
        await self._sender.close()
