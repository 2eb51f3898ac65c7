"""Whatever is killed, an acknowledged message arrives; refusals are visible, not silent."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.endpoints import Endpoints
from tests.contracts.test_pubsub import drain, publisher, subscriber, topic
from tests.emulators import stack
from tests.emulators.receiver import Receiver

WRITER, PUSHER, NOBODY = stack.account("writer"), stack.account("pusher"), stack.account("nobody")
RETRY = {"minimumBackoff": "0.05s", "maximumBackoff": "0.2s"}


def _push(member: str) -> dict:
    return {
        "pushEndpoint": stack.uri("player") + "/_events/pushed",
        "oidcToken": {"serviceAccountEmail": member.removeprefix("serviceAccount:")},
    }


def _graph():
    return stack.graph(
        stack.topic("pushed"),
        stack.topic("dead"),
        stack.topic("uninvited"),
        stack.subscription("pushed-player", "pushed", pushConfig=_push(PUSHER), retryPolicy=RETRY),
        stack.subscription("pushed-pull", "pushed"),
        # Its identity may not invoke the service, and its dead letters may not be published.
        stack.subscription(
            "uninvited-player",
            "uninvited",
            pushConfig=_push(NOBODY),
            retryPolicy=RETRY,
            deadLetterPolicy=stack.dead_letter("dead"),
        ),
        stack.topic_role("pushed", WRITER),
        stack.topic_role("uninvited", WRITER),
        stack.subscription_role("uninvited-player", stack.AGENT),
        stack.service_role("player", PUSHER),
    )


@dataclasses.dataclass
class Cloud:
    endpoints: Endpoints
    emulator: stack.Process
    pubsub: stack.Process
    receiver: Receiver

    def publish(self, prefix: str, count: int, to: str = "pushed") -> set[bytes]:
        client = publisher(self.endpoints, WRITER)
        datas = {f"{prefix}{n}".encode() for n in range(count)}
        for future in [client.publish(topic(to), data) for data in datas]:
            future.result(60)
        client.stop()
        return datas

    def pull(self) -> set[bytes]:
        with subscriber(self.endpoints, stack.OPERATOR) as operator:
            return {message.data for message in drain(operator, "pushed-pull")}

    def wait_healthy(self) -> None:
        stack.wait_healthy(self.endpoints.health["pubsub"])

    def report(self, subscription: str) -> dict:
        report = stack.get(self.endpoints.health["pubsub"], "/_subscriptions")
        return report["subscriptions"][subscription]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    data: Path = tmp_path_factory.mktemp("durable")
    with Receiver() as receiver:
        ends = stack.endpoints([WRITER], {"player": receiver.port})
        stack.write_run(data, _graph(), ends)
        emulator = stack.emulator("pubsub", ends.pubsub_emulator, data)
        pubsub = stack.child("pubsub", data)
        with stack.started(emulator), stack.started(pubsub):
            cloud = Cloud(ends, emulator, pubsub, receiver)
            cloud.wait_healthy()
            yield cloud


@pytest.fixture(autouse=True)
def clean(cloud: Cloud) -> None:
    cloud.pull()
    cloud.receiver.deliveries.clear()
    cloud.receiver.answer = lambda delivery: 204


def test_backlog_outlives_the_process(cloud):
    cloud.receiver.answer = lambda delivery: 503
    sent = cloud.publish("down", 200)
    ids = {d.message["messageId"] for d in cloud.receiver.deliveries}
    cloud.pubsub.kill()
    cloud.receiver.deliveries.clear()
    cloud.receiver.answer = lambda delivery: 204
    cloud.pubsub.start()
    cloud.wait_healthy()
    stack.wait_for(lambda: set(cloud.receiver.datas()) == sent)
    assert ids <= {d.message["messageId"] for d in cloud.receiver.deliveries}
    assert cloud.pull() == sent


def test_killing_the_process_while_messages_are_published_loses_none(cloud):
    acknowledged: set[bytes] = set()
    stop = threading.Event()

    def publish() -> None:
        n = 0
        while not stop.is_set():
            sent = cloud.publish(f"steady{n}-", 20)
            acknowledged.update(sent)
            n += 1

    worker = threading.Thread(target=publish)
    worker.start()
    for process in (cloud.pubsub, cloud.emulator):
        so_far = len(acknowledged)
        stack.wait_for(lambda so_far=so_far: len(acknowledged) > so_far + 60)
        process.kill()
        process.start()
    so_far = len(acknowledged)
    stack.wait_for(lambda: len(acknowledged) > so_far + 60)
    stop.set()
    worker.join()
    stack.wait_for(lambda: acknowledged <= set(cloud.receiver.datas()))
    assert acknowledged <= cloud.pull()


def test_what_was_acknowledged_by_pull_does_not_come_back(cloud):
    sent = cloud.publish("done", 50)
    assert cloud.pull() == sent
    cloud.pubsub.kill()
    cloud.emulator.kill()
    cloud.emulator.start()
    cloud.pubsub.start()
    cloud.wait_healthy()
    assert cloud.pull() == set()


def test_refused_push_and_refused_dead_letter_are_named_and_the_message_stays(cloud):
    cloud.publish("lost?", 1, to="uninvited")
    report = stack.wait_for(
        lambda: (r := cloud.report("uninvited-player"))["denied"] and r, what="refusal"
    )
    assert "needs roles/pubsub.publisher on topic dead" in report["denied"]
    assert "needs roles/run.invoker on service player" in report["last_error"]
    assert report["backlog"] == 1
    assert cloud.receiver.deliveries == []


def test_more_messages_than_fit_in_memory_all_arrive(cloud):
    cloud.receiver.answer = lambda delivery: 503
    sent = cloud.publish("many", 3000)
    cloud.receiver.answer = lambda delivery: 204
    stack.wait_for(lambda: set(cloud.receiver.datas()) >= sent, 60)
    assert cloud.pull() == sent
    stack.wait_for(lambda: cloud.report("pushed-player")["backlog"] == 0)
