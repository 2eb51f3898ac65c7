"""Small graphs made by hand, and the processes of the local cloud run on them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from emulators import java
from emulators.endpoints import CallerPorts, Endpoints
from emulators.graph import Graph, Resource
from emulators.ports import free_port
from emulators.tree import ROOT

PROJECT, NUMBER, REGION = "segue-test", "123456789012", "europe-west1"
OPERATOR = "user:operator"
AGENT = f"serviceAccount:service-{NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com"


def account(name: str) -> str:
    """The IAM member of a service account."""
    return f"serviceAccount:{name}@{PROJECT}.iam.gserviceaccount.com"


def resource(type: str, name: str, /, **properties: Any) -> Resource:
    return Resource(f"urn:pulumi:test::segue::{type}::{name}", type, name, properties)


def topic(name: str, /, **properties: Any) -> Resource:
    return resource("gcp:pubsub/topic:Topic", name, name=name, **properties)


def subscription(name: str, topic: str, /, **properties: Any) -> Resource:
    full = f"projects/{PROJECT}/topics/{topic}"
    return resource(
        "gcp:pubsub/subscription:Subscription", name, name=name, topic=full, **properties
    )


def dead_letter(topic: str, attempts: int = 5) -> dict[str, Any]:
    return {
        "deadLetterTopic": f"projects/{PROJECT}/topics/{topic}",
        "maxDeliveryAttempts": attempts,
    }


def topic_role(topic: str, member: str, role: str = "roles/pubsub.publisher") -> Resource:
    type = "gcp:pubsub/topicIAMMember:TopicIAMMember"
    return resource(type, f"{topic}-{member}-{role}", topic=topic, member=member, role=role)


def subscription_role(
    subscription: str, member: str, role: str = "roles/pubsub.subscriber"
) -> Resource:
    type = "gcp:pubsub/subscriptionIAMMember:SubscriptionIAMMember"
    name = f"{subscription}-{member}-{role}"
    return resource(type, name, subscription=subscription, member=member, role=role)


def service_role(service: str, member: str, role: str = "roles/run.invoker") -> Resource:
    type = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
    return resource(type, f"{service}-{member}", name=service, member=member, role=role)


def dataset_role(dataset: str, member: str, role: str = "roles/bigquery.dataEditor") -> Resource:
    type = "gcp:bigquery/datasetIamMember:DatasetIamMember"
    return resource(type, f"{dataset}-{member}", datasetId=dataset, member=member, role=role)


def project_role(member: str, role: str) -> Resource:
    type = "gcp:projects/iAMMember:IAMMember"
    return resource(type, f"{member}-{role}", project=PROJECT, member=member, role=role)


def graph(*resources: Resource) -> Graph:
    return Graph("test", PROJECT, NUMBER, REGION, tuple(sorted(resources, key=lambda r: r.urn)))


def uri(service: str) -> str:
    return f"https://{service}-{NUMBER}.{REGION}.run.app"


def endpoints(
    members: Sequence[str], services: Mapping[str, int] | None = None, **ports: int
) -> Endpoints:
    """Free ports for all; `ports` sets those of processes that run already."""
    given = {
        name: ports.get(name) or free_port()
        for name in ("firestore_emulator", "pubsub_emulator", "bigquery", "bigquery_grpc")
    }
    callers = {
        member: CallerPorts(free_port(), free_port(), free_port(), free_port())
        for member in (*members, OPERATOR)
    }
    return Endpoints(
        public_url="http://127.0.0.1:9",
        control_url="http://127.0.0.1:9",
        storage_public=9,
        callers=callers,
        services=services or {},
        health={"pubsub": free_port(), "firestore": free_port()},
        **given,
    )


class Process:
    """A child that is started, killed and started again at the same ports."""

    def __init__(self, argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None):
        self._argv = list(argv)
        self._log = log
        self._env = {**os.environ, **(env or {})}
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._argv, stdout=log, stderr=log, cwd=ROOT, env=self._env
            )

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self._running is not None:
            self._running.send_signal(number)
            self._running.wait(20)
            self._running = None

    def stop(self) -> None:
        self.kill(signal.SIGTERM)

    @property
    def rss_bytes(self) -> int:
        assert self._running is not None
        text = Path(f"/proc/{self._running.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def log(self) -> str:
        return self._log.read_text(errors="replace")


@contextlib.contextmanager
def started(process: Process) -> Iterator[Process]:
    process.start()
    try:
        yield process
    finally:
        process.stop()


def child(module: str, data: Path, **env: str) -> Process:
    """`python -m emulators.runtime.MODULE --data DATA`."""
    argv = [sys.executable, "-m", f"emulators.runtime.{module}", "--data", str(data)]
    return Process(argv, data / f"{module}.log", env)


def emulator(name: str, port: int, folder: Path) -> Process:
    """Google's Firestore or Pub/Sub emulator; the test is skipped where it is not installed."""
    try:
        argv = java.firestore_argv(port) if name == "firestore" else java.pubsub_argv(port)
    except java.MissingEmulator as missing:
        pytest.skip(str(missing))
    return Process(argv, folder / f"{name}-emulator.log")


def write_run(data: Path, graph: Graph, endpoints: Endpoints) -> None:
    """What the supervisor leaves for its children."""
    (data / "run").mkdir(parents=True, exist_ok=True)
    graph.dump(data / "run" / "graph.json")
    endpoints.dump(data / "run" / "endpoints.json")


def get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return json.load(answer)


def wait_for(condition: Any, patience_s: float = 60, what: str = "it") -> Any:
    """The first true value of `condition()`; fails after `patience_s`."""
    end = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not happen in {patience_s} s"
        time.sleep(0.02)


def wait_healthy(port: int, patience_s: float = 150) -> None:
    def healthy() -> bool:
        try:
            get(port, "/_health")
        except OSError:
            return False
        return True

    wait_for(healthy, patience_s, "health")
