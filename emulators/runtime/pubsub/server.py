"""The Pub/Sub process put together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from google.pubsub_v1.types import pubsub as types

from emulators.endpoints import Endpoints
from emulators.graph import Graph
from emulators.iam import Policy, short_name
from emulators.oidc import Issuer
from emulators.runtime import grpc_proxy
from emulators.runtime.child import http
from emulators.runtime.pubsub import resources, status
from emulators.runtime.pubsub.broker import Broker
from emulators.runtime.pubsub.push import Sender
from emulators.runtime.pubsub.runner import Deliveries
from emulators.runtime.pubsub.service import PubsubService, declare
from emulators.runtime.pubsub.store import Store
from emulators.runtime.pubsub.topology import Topic, Topology
from emulators.runtime.upstream import Upstream


@contextlib.asynccontextmanager
async def running(
    graph: Graph, endpoints: Endpoints, issuer: Issuer, state: Path
) -> AsyncIterator[Broker]:
    """Serve the graph's Pub/Sub; durable state lives in folder `state`."""
    policy = Policy.from_graph(graph)
    store = Store(state / "backlog.sqlite")
    broker = Broker(Topology.from_graph(graph), policy, store)
    await _recall_extras(broker)
    upstream = Upstream(
        "the Pub/Sub emulator",
        f"127.0.0.1:{endpoints.pubsub_emulator}",
        lambda channel: declare(channel, broker),
    )
    bigquery_url = f"http://127.0.0.1:{endpoints.bigquery}"
    deliveries = Deliveries(broker, Sender(endpoints, policy, issuer), bigquery_url)
    service = PubsubService(broker, upstream, deliveries)
    await broker.open()
    keeping = asyncio.gather(upstream.run(), deliveries.expire())
    ports = {member: ports.pubsub for member, ports in endpoints.callers.items()}
    async with http(status.app(broker, deliveries, upstream), endpoints.health["pubsub"]):
        servers = await grpc_proxy.serve(service, ports)
        deliveries.start_all()
        try:
            yield broker
        finally:
            await grpc_proxy.stop(servers)
            await deliveries.close()
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await store.close()


async def _recall_extras(broker: Broker) -> None:
    """Bring back the topics and subscriptions that an operator made beside the graph."""
    for body in await broker.store.extras("topic"):
        name = short_name(types.Topic.pb().FromString(body).name)
        broker.topics.setdefault(name, Topic(name))
    for body in await broker.store.extras("subscription"):
        subscription = resources.parse_subscription(types.Subscription.pb().FromString(body))
        if subscription.name not in broker.lanes:
            broker.add(subscription)
