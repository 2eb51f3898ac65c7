"""What the operator may look at: the health of the process, and every subscription's state."""

from typing import Any

from aiohttp import web

from emulators.runtime.pubsub.broker import Broker, timestamp
from emulators.runtime.pubsub.runner import Deliveries
from emulators.runtime.upstream import Upstream


def app(broker: Broker, deliveries: Deliveries, upstream: Upstream) -> web.Application:
    """`GET /_health` (503: the emulator is away, or a delivery broke) and `GET /_subscriptions`."""

    async def health(request: web.Request) -> web.Response:
        broken = deliveries.broken()
        body = {"emulator": upstream.trouble or "ok", "broken": broken}
        return web.json_response(body, status=200 if upstream.is_open and not broken else 503)

    async def subscriptions(request: web.Request) -> web.Response:
        return web.json_response(await report(broker))

    application = web.Application()
    application.router.add_get("/_health", health)
    application.router.add_get("/_subscriptions", subscriptions)
    return application


async def report(broker: Broker) -> dict[str, Any]:
    """Backlog, oldest message, attempts and last error of each subscription; the dead letters."""
    counts = await broker.store.counts()
    buried, newest = await broker.store.dead()
    lanes: dict[str, Any] = {}
    for name, lane in sorted(broker.lanes.items()):
        backlog, oldest_us = counts.get(name, (0, None))
        failing = lane.backlog.errors()
        lanes[name] = {
            "topic": lane.subscription.topic,
            "kind": _kind(lane.subscription),
            "backlog": backlog,
            "oldest": timestamp(oldest_us) if oldest_us is not None else None,
            "leased": lane.backlog.leased,
            "retrying": len(failing),
            "attempts": max((attempts for attempts, _ in failing.values()), default=0),
            "delivered": lane.delivered,
            "failed": lane.failed,
            "dead_lettered": buried.get(name, 0),
            "last_error": lane.last_error,
            "denied": broker.complaint(name),
        }
    letters = [
        {**letter, "message_id": str(letter["message_id"]), "at": timestamp(letter.pop("at_us"))}
        for letter in newest
    ]
    return {"subscriptions": lanes, "dead_letters": letters}


def _kind(subscription: Any) -> str:
    if subscription.push is not None:
        return "push"
    return "bigquery" if subscription.table is not None else "pull"
