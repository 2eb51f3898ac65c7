"""A subscription of one's own, on Google's emulator behind the local cloud's ports and its IAM."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.pubsub_v1.services.publisher.transports.grpc import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports.grpc import SubscriberGrpcTransport

from emulators.endpoints import Endpoints
from emulators.iam import CUSTOM_ROLE
from emulators.runtime.pubsub.broker import Broker
from emulators.runtime.pubsub.topology import Subscription, Topology
from shared.events import ChannelPublished, avro_schema, encode
from shared.gcp.listener import Listener
from tests.emulators import stack

GATEWAY, OTHER, OWNER = (stack.account(it) for it in ("gateway", "other", "owner"))
ROLE = f"projects/{stack.PROJECT}/roles/listener"
TOPIC = f"projects/{stack.PROJECT}/topics/channel-published"
PERMISSIONS = [f"pubsub.subscriptions.{it}" for it in ("create", "consume", "delete")]


def graph():
    definition = json.dumps(avro_schema(ChannelPublished))
    schema = f"projects/{stack.PROJECT}/schemas/channel-published"
    return stack.graph(
        stack.resource(
            "gcp:pubsub/schema:Schema",
            "channel-published",
            name="channel-published",
            type="AVRO",
            definition=definition,
        ),
        stack.topic("channel-published", schemaSettings={"schema": schema, "encoding": "BINARY"}),
        stack.topic("secret"),
        stack.resource(CUSTOM_ROLE, "listener", name=ROLE, permissions=PERMISSIONS),
        stack.project_role(GATEWAY, ROLE),
        stack.topic_role("channel-published", GATEWAY, "roles/pubsub.subscriber"),
        stack.topic_role("channel-published", OWNER),
    )


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    folder = tmp_path_factory.mktemp("listener")
    ends = stack.endpoints([GATEWAY, OTHER, OWNER])
    stack.write_run(folder, graph(), ends)
    with (
        stack.started(stack.emulator("pubsub", ends.pubsub_emulator, folder)),
        stack.started(stack.child("pubsub", folder)),
    ):
        stack.wait_healthy(ends.health["pubsub"])
        yield ends


def subscriber(endpoints: Endpoints, member: str) -> pubsub_v1.SubscriberClient:
    channel = grpc.insecure_channel(f"127.0.0.1:{endpoints.callers[member].pubsub}")
    return pubsub_v1.SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def event(n: int) -> ChannelPublished:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return ChannelPublished(f"event-{n}", at, "playlist:p", "1", n, '{"n": 1}')


async def test_every_instance_hears_every_event(endpoints: Endpoints) -> None:
    heard: dict[str, list[Any]] = {"one": [], "two": []}
    emulator = f"127.0.0.1:{endpoints.callers[GATEWAY].pubsub}"
    listeners = [
        Listener(stack.PROJECT, ChannelPublished, name, into.append, emulator=emulator)
        for name, into in heard.items()
    ]
    running = [asyncio.create_task(it.run()) for it in listeners]
    try:
        await asyncio.wait_for(asyncio.gather(*(it.connected.wait() for it in listeners)), 20)
        channel = grpc.insecure_channel(f"127.0.0.1:{endpoints.callers[OWNER].pubsub}")
        client = pubsub_v1.PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        sent = [event(n) for n in range(1, 21)]
        for it in sent:
            client.publish(TOPIC, encode(it))
        for _ in range(200):
            if all(len(it) == len(sent) for it in heard.values()):
                break
            await asyncio.sleep(0.05)
        for received in heard.values():
            assert sorted(received, key=lambda it: it.seq) == sent
        await asyncio.to_thread(client.stop)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.gather(*(it.stop() for it in listeners))
    with subscriber(endpoints, stack.OPERATOR) as client:
        left = client.list_subscriptions(project=f"projects/{stack.PROJECT}")
        assert [it.name for it in left] == []


def test_subscription_needs_the_role_and_the_topic(endpoints: Endpoints) -> None:
    path = f"projects/{stack.PROJECT}/subscriptions/mine"
    with subscriber(endpoints, OTHER) as client, pytest.raises(exceptions.PermissionDenied):
        client.create_subscription(name=path, topic=TOPIC)
    with subscriber(endpoints, GATEWAY) as client:
        secret = f"projects/{stack.PROJECT}/topics/secret"
        with pytest.raises(exceptions.PermissionDenied, match="attachSubscription"):
            client.create_subscription(name=path, topic=secret)
        push = {"push_endpoint": "https://elsewhere.example"}
        with pytest.raises(exceptions.PermissionDenied):
            client.create_subscription(request={"name": path, "topic": TOPIC, "push_config": push})
        client.create_subscription(name=path, topic=TOPIC)
        with subscriber(endpoints, OTHER) as other, pytest.raises(exceptions.PermissionDenied):
            other.pull(subscription=path, max_messages=1)
        client.delete_subscription(subscription=path)


async def test_subscription_that_nobody_pulls_is_idle_after_its_time() -> None:
    now = [1000.0]
    idle = Subscription("s", "t", idle_s=60.0)
    topology = Topology("p", "1", {}, {}, {"s": idle, "kept": Subscription("kept", "t")})
    broker = Broker(topology, None, None, clock=lambda: now[0])  # type: ignore[arg-type]
    now[0] += 59
    assert broker.idle() == []
    now[0] += 2
    assert broker.idle() == ["s"]
