"""Publishing: on Google's Pub/Sub emulator, through the official clients."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from shared.errors import Unavailable
from shared.events import TranscodeFailed, decode
from shared.gcp.pubsub import Publisher

PROJECT = "segue-contract"
TOPIC = f"projects/{PROJECT}/topics/transcode-failed"
SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/contract"
AT = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)


def event(number: int) -> TranscodeFailed:
    return TranscodeFailed(f"event-{number}", AT, "u", "t", "NOT_AUDIO", "é\x00")


@pytest.fixture
def subscriber(pubsub_emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SubscriberClient]:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator)
    topics, subscriber = PublisherClient(), SubscriberClient()
    topics.create_topic(name=TOPIC)
    subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
    yield subscriber
    subscriber.delete_subscription(subscription=SUBSCRIPTION)
    topics.delete_topic(topic=TOPIC)
    topics.stop()
    subscriber.close()


async def test_events_arrive_whole_once_publish_has_returned(subscriber: SubscriberClient):
    publish = Publisher(PROJECT)
    await asyncio.gather(*(publish(event(number)) for number in range(50)))
    await publish.stop()
    received: list[TranscodeFailed] = []
    attributes: set[str] = set()
    while len(received) < 50:
        pulled = subscriber.pull(subscription=SUBSCRIPTION, max_messages=100, timeout=10)
        for item in pulled.received_messages:
            received.append(decode(TranscodeFailed, item.message.data))
            attributes.add(item.message.attributes["event_id"])
    assert sorted(received, key=lambda item: item.event_id) == sorted(
        (event(number) for number in range(50)), key=lambda item: item.event_id
    )
    assert attributes == {item.event_id for item in received}


async def test_a_topic_that_is_not_there_is_unavailable_at_once(
    pubsub_emulator: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator)
    publish = Publisher("another-project")
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await publish(event(1))
    assert caught.value.code == "NOT_PUBLISHED"
    assert time.monotonic() - began < 5
    await publish.stop()


async def test_a_server_that_does_not_answer_is_unavailable_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    publish = Publisher(PROJECT, deadline_s=0.5)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await publish(event(1))
    assert time.monotonic() - began < 5
    await publish.stop()
