"""Publishing: on Google's Pub/Sub emulator, through the official clients."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from emulators import java
from shared.errors import Unavailable
from shared.events import TranscodeFailed, decode
from shared.gcp.pubsub import Publisher

PROJECT = "segue-contract"
TOPIC = f"projects/{PROJECT}/topics/transcode-failed"
SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/contract"
AT = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)


def event(number: int) -> TranscodeFailed:
    return TranscodeFailed(f"event-{number}", AT, "u", "t", "NOT_AUDIO", "é\x00")


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    """The address of a Pub/Sub emulator started for this module."""
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        argv = java.pubsub_argv(port)
    except java.MissingEmulator as error:
        pytest.skip(str(error))
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        for _ in range(300):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@pytest.fixture
def subscriber(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SubscriberClient]:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
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
    emulator: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)
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
