"""Pub/Sub through Google's own clients, on Google's emulator behind the local cloud's ports."""

import contextlib
import io
import json
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

import fastavro
import grpc
import pytest
from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.pubsub_v1.services.publisher.transports.grpc import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports.grpc import SubscriberGrpcTransport

from emulators.endpoints import Endpoints
from emulators.oidc import Issuer
from tests.emulators import stack
from tests.emulators.receiver import Receiver

WRITER, READER, PUSHER = stack.account("writer"), stack.account("reader"), stack.account("pusher")
SCHEMA = {
    "type": "record",
    "name": "Played",
    "fields": [{"name": "track", "type": "string"}, {"name": "ms", "type": "long"}],
}


def _graph(receiver_path: str = "/_events/played"):
    push = {
        "pushEndpoint": stack.uri("player") + receiver_path,
        "oidcToken": {
            "serviceAccountEmail": PUSHER.removeprefix("serviceAccount:"),
            "audience": "segue-player",
        },
    }
    retry = {"minimumBackoff": "0.05s", "maximumBackoff": "0.2s"}
    return stack.graph(
        stack.resource(
            "gcp:pubsub/schema:Schema",
            "played",
            name="played",
            type="AVRO",
            definition=json.dumps(SCHEMA),
        ),
        stack.topic(
            "played",
            schemaSettings={
                "schema": f"projects/{stack.PROJECT}/schemas/played",
                "encoding": "BINARY",
            },
        ),
        stack.topic("plain"),
        stack.topic("pushed"),
        stack.topic("pushed-dead"),
        stack.topic("forbidden"),
        stack.subscription("played-pull", "played"),
        stack.subscription("plain-pull", "plain", ackDeadlineSeconds=10),
        stack.subscription("plain-german", "plain", filter='attributes.lang = "de"'),
        stack.subscription("ordered", "plain", enableMessageOrdering=True),
        stack.subscription(
            "pushed-player",
            "pushed",
            pushConfig=push,
            retryPolicy=retry,
            deadLetterPolicy=stack.dead_letter("pushed-dead"),
        ),
        stack.subscription("pushed-dead-pull", "pushed-dead"),
        *(stack.topic_role(name, WRITER) for name in ("played", "plain", "pushed")),
        *(
            stack.subscription_role(name, READER)
            for name in ("played-pull", "plain-pull", "plain-german", "ordered", "pushed-dead-pull")
        ),
        stack.topic_role("pushed-dead", stack.AGENT),
        stack.subscription_role("pushed-player", stack.AGENT),
        stack.service_role("player", PUSHER),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pubsub")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def endpoints(folder: Path, receiver: Receiver) -> Iterator[Endpoints]:
    ends = stack.endpoints([WRITER, READER], {"player": receiver.port})
    stack.write_run(folder, _graph(), ends)
    with (
        stack.started(stack.emulator("pubsub", ends.pubsub_emulator, folder)),
        stack.started(stack.child("pubsub", folder)),
    ):
        stack.wait_healthy(ends.health["pubsub"])
        yield ends


def publisher(endpoints: Endpoints, member: str, **options: object) -> pubsub_v1.PublisherClient:
    channel = grpc.insecure_channel(f"127.0.0.1:{endpoints.callers[member].pubsub}")
    return pubsub_v1.PublisherClient(transport=PublisherGrpcTransport(channel=channel), **options)


def subscriber(endpoints: Endpoints, member: str) -> pubsub_v1.SubscriberClient:
    channel = grpc.insecure_channel(f"127.0.0.1:{endpoints.callers[member].pubsub}")
    return pubsub_v1.SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def topic(name: str) -> str:
    return f"projects/{stack.PROJECT}/topics/{name}"


def path(subscription: str) -> str:
    return f"projects/{stack.PROJECT}/subscriptions/{subscription}"


def drain(client: pubsub_v1.SubscriberClient, subscription: str) -> list:
    """Everything there is now, acknowledged."""
    messages: list = []
    while True:
        answer = client.pull(
            subscription=path(subscription), max_messages=100, return_immediately=True
        )
        if not answer.received_messages:
            return messages
        messages += [received.message for received in answer.received_messages]
        ack_ids = [received.ack_id for received in answer.received_messages]
        client.acknowledge(subscription=path(subscription), ack_ids=ack_ids)


def encoded(track: str, ms: int) -> bytes:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(SCHEMA), {"track": track, "ms": ms})
    return buffer.getvalue()


@pytest.fixture
def reader(endpoints: Endpoints) -> Iterator[pubsub_v1.SubscriberClient]:
    with subscriber(endpoints, READER) as client:
        for name in ("plain-pull", "plain-german", "ordered", "played-pull", "pushed-dead-pull"):
            drain(client, name)
        yield client


@pytest.fixture
def writer(endpoints: Endpoints) -> Iterator[pubsub_v1.PublisherClient]:
    client = publisher(endpoints, WRITER)
    yield client
    client.stop()


def test_published_messages_are_pulled_with_their_ids(writer, reader):
    futures = [writer.publish(topic("plain"), str(n).encode(), n=str(n)) for n in range(150)]
    ids = [future.result(20) for future in futures]
    messages = drain(reader, "plain-pull")
    # Without ordering keys, batches may overtake one another.
    assert {message.message_id: message.data for message in messages} == {
        id: str(n).encode() for n, id in enumerate(ids)
    }
    assert all(message.attributes["n"].encode() == message.data for message in messages)
    assert drain(reader, "plain-pull") == []


def test_streaming_pull_delivers_every_message_once(writer, reader):
    got: list[bytes] = []

    def callback(message) -> None:
        got.append(message.data)
        message.ack()

    stream = reader.subscribe(path("plain-pull"), callback)
    for n in range(300):
        writer.publish(topic("plain"), str(n).encode())
    stack.wait_for(lambda: len(got) >= 300)
    stream.cancel()
    with contextlib.suppress(FutureTimeout):
        stream.result(10)
    assert sorted(got, key=int) == [str(n).encode() for n in range(300)]
    assert drain(reader, "plain-pull") == []


def test_nacked_message_comes_again_with_the_same_id(writer, reader):
    writer.publish(topic("plain"), b"again").result(20)
    first = reader.pull(subscription=path("plain-pull"), max_messages=1).received_messages[0]
    reader.modify_ack_deadline(
        subscription=path("plain-pull"), ack_ids=[first.ack_id], ack_deadline_seconds=0
    )
    second = reader.pull(subscription=path("plain-pull"), max_messages=1).received_messages[0]
    assert second.message.message_id == first.message.message_id
    assert second.ack_id != first.ack_id


def test_filter_passes_only_matching_messages(writer, reader):
    writer.publish(topic("plain"), b"ja", lang="de").result(20)
    writer.publish(topic("plain"), b"yes", lang="en").result(20)
    assert [message.data for message in drain(reader, "plain-german")] == [b"ja"]


def test_ordered_subscription_keeps_the_order_of_a_key_across_nacks(endpoints, reader):
    options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
    client = publisher(endpoints, WRITER, publisher_options=options)
    for n in range(20):
        client.publish(topic("plain"), str(n).encode(), ordering_key="k").result(20)
    client.stop()
    got: list[int] = []
    refused: set[int] = set()

    def callback(message) -> None:
        n = int(message.data)
        if n % 5 == 0 and n not in refused:
            refused.add(n)
            message.nack()
            return
        got.append(n)
        message.ack()

    stream = reader.subscribe(path("ordered"), callback)
    stack.wait_for(lambda: len(got) >= 20)
    stream.cancel()
    with contextlib.suppress(FutureTimeout):
        stream.result(10)
    assert got == list(range(20))


def test_message_against_the_schema_is_refused_at_publish(writer, reader):
    with pytest.raises(exceptions.InvalidArgument):
        writer.publish(topic("played"), b"\xff\xff\xffnot avro").result(20)
    writer.publish(topic("played"), encoded("t1", 30_000)).result(20)
    (message,) = drain(reader, "played-pull")
    assert message.data == encoded("t1", 30_000)
    assert message.attributes["googclient_schemaencoding"] == "BINARY"


def test_caller_without_a_binding_may_neither_publish_nor_pull(endpoints, writer, reader):
    with pytest.raises(exceptions.PermissionDenied, match=r"needs roles/pubsub\.publisher on to"):
        writer.publish(topic("forbidden"), b"x").result(20)
    with (
        subscriber(endpoints, WRITER) as foreign,
        pytest.raises(exceptions.PermissionDenied, match=r"roles/pubsub\.subscriber on subscript"),
    ):
        foreign.pull(subscription=path("plain-pull"), max_messages=1, return_immediately=True)


def test_topic_that_is_not_declared_is_not_found(writer):
    with pytest.raises(exceptions.NotFound):
        writer.publish(topic("nowhere"), b"x").result(20)


def test_only_the_operator_makes_topics_and_subscriptions(endpoints, writer):
    with pytest.raises(exceptions.PermissionDenied):
        writer.create_topic(name=topic("mine"))
    operator = publisher(endpoints, stack.OPERATOR)
    operator.create_topic(name=topic("mine"))
    with subscriber(endpoints, stack.OPERATOR) as puller:
        puller.create_subscription(name=path("mine-pull"), topic=topic("mine"))
        operator.publish(topic("mine"), b"x").result(20)
        assert [message.data for message in drain(puller, "mine-pull")] == [b"x"]
        assert path("mine-pull") in list(operator.list_topic_subscriptions(topic=topic("mine")))
        puller.delete_subscription(subscription=path("mine-pull"))
        with pytest.raises(exceptions.FailedPrecondition):
            puller.delete_subscription(subscription=path("plain-pull"))
    operator.delete_topic(topic=topic("mine"))
    operator.stop()


def test_push_carries_the_envelope_and_an_identity_token(writer, reader, receiver, folder):
    id = writer.publish(topic("pushed"), b"hello", a="1").result(20)
    delivery = stack.wait_for(
        lambda: next((d for d in receiver.deliveries if d.message["messageId"] == id), None)
    )
    assert delivery.path == "/_events/played"
    assert delivery.data == b"hello"
    assert delivery.message["attributes"] == {"a": "1"}
    assert delivery.message["message_id"] == id
    assert delivery.envelope["subscription"] == path("pushed-player")
    assert delivery.envelope["deliveryAttempt"] == 1
    token = delivery.headers["authorization"].removeprefix("Bearer ")
    email = Issuer.load(folder).email_of(token, "segue-player")
    assert email == PUSHER.removeprefix("serviceAccount:")


def test_push_that_keeps_failing_becomes_a_dead_letter(writer, reader, receiver, endpoints):
    receiver.answer = lambda delivery: 500 if delivery.data == b"poison" else 204
    try:
        poison = writer.publish(topic("pushed"), b"poison", kept="yes").result(20)
        writer.publish(topic("pushed"), b"fine").result(20)
        (letter,) = stack.wait_for(lambda: drain(reader, "pushed-dead-pull"))
    finally:
        receiver.answer = lambda delivery: 204
    attempts = [d.envelope["deliveryAttempt"] for d in receiver.deliveries if d.data == b"poison"]
    assert attempts == [1, 2, 3, 4, 5]
    assert b"fine" in receiver.datas()
    assert letter.data == b"poison"
    assert letter.attributes["kept"] == "yes"
    assert letter.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert letter.attributes["CloudPubSubDeadLetterSourceSubscription"] == "pushed-player"
    assert letter.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] == stack.PROJECT
    report = stack.get(endpoints.health["pubsub"], "/_subscriptions")
    assert report["subscriptions"]["pushed-player"]["dead_lettered"] == 1
    assert report["dead_letters"][0]["message_id"] == poison


def test_push_subscription_cannot_be_pulled(endpoints):
    with (
        subscriber(endpoints, stack.OPERATOR) as operator,
        pytest.raises(exceptions.FailedPrecondition),
    ):
        operator.pull(subscription=path("pushed-player"), max_messages=1)
