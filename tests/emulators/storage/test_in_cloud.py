"""The process as the supervisor starts it: everything out of graph.json and endpoints.json."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from emulators.endpoints import CallerPorts, Endpoints
from emulators.graph import Graph, Resource
from emulators.iam import OPERATOR, agents
from emulators.oidc import Issuer
from emulators.runtime.storage.server import listen
from emulators.tree import ROOT
from tests.emulators.storage.rig import CATALOG, MASTERS, Function, until, upload

EMAIL = "transcode@segue.iam.gserviceaccount.com"
AUDIENCE = "https://transcode-7.europe-west1.run.app"


def _graph() -> Graph:
    trigger = {
        "eventType": "google.cloud.storage.object.v1.finalized",
        "eventFilters": [{"attribute": "bucket", "value": MASTERS}],
        "retryPolicy": "RETRY_POLICY_RETRY",
        "serviceAccountEmail": EMAIL,
    }
    function = {
        "name": "transcode",
        "serviceConfig": {"uri": AUDIENCE, "timeoutSeconds": 10},
        "eventTrigger": trigger,
    }
    account = f"serviceAccount:{EMAIL}"
    declared = [
        ("gcp:storage/bucket:Bucket", {"name": MASTERS, "location": "europe-west1"}),
        ("gcp:cloudfunctionsv2/function:Function", function),
        (
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            {"bucket": MASTERS, "role": "roles/storage.objectCreator", "member": CATALOG},
        ),
        _on_project("roles/pubsub.publisher", agents("7")["storage"]),
        _on_project("roles/eventarc.eventReceiver", account),
        (
            "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
            {"name": "transcode", "role": "roles/run.invoker", "member": account},
        ),
    ]
    resources = (Resource(f"urn:{n}", kind, str(n), p) for n, (kind, p) in enumerate(declared))
    return Graph("dev", "segue", "7", "europe-west1", tuple(resources))


def _on_project(role: str, member: str) -> tuple[str, dict]:
    values = {"project": "segue", "role": role, "member": member}
    return "gcp:projects/iAMMember:IAMMember", values


@pytest.fixture
def endpoints(tmp_path: Path, function: Function) -> Endpoints:
    sockets = [listen(0) for _ in range(4)]
    operator, catalog, public, health = (s.getsockname()[1] for s in sockets)
    for listener in sockets:
        listener.close()
    endpoints = Endpoints(
        public_url="http://127.0.0.1:1",
        control_url="http://127.0.0.1:1",
        storage_public=public,
        firestore_emulator=1,
        pubsub_emulator=1,
        bigquery=1,
        bigquery_grpc=1,
        callers={
            OPERATOR: CallerPorts(operator, 1, 1, 1),
            CATALOG: CallerPorts(catalog, 1, 1, 1),
        },
        services={"transcode": httpx.URL(function.url).port or 0},
        health={"storage": health},
    )
    (tmp_path / "run").mkdir()
    endpoints.dump(tmp_path / "run" / "endpoints.json")
    return endpoints


class Process:
    """The storage process of a data directory."""

    def __init__(self, data: Path, endpoints: Endpoints) -> None:
        command = [sys.executable, "-m", "emulators.runtime.storage", "--data", str(data)]
        self._process = subprocess.Popen(command, cwd=ROOT)
        self._health = f"http://127.0.0.1:{endpoints.health['storage']}"

    async def ready(self) -> None:
        async with asyncio.timeout(20), httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"{self._health}/_health")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    def end(self, how: signal.Signals) -> int:
        if self._process.poll() is None:
            os.kill(self._process.pid, how)
        return self._process.wait(20)


async def test_an_upload_reaches_the_function_with_a_token_it_can_verify(
    tmp_path: Path, endpoints: Endpoints, function: Function
) -> None:
    _graph().dump(tmp_path / "run" / "graph.json")
    process = Process(tmp_path, endpoints)
    try:
        await process.ready()
        port = endpoints.callers[CATALOG].storage
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as catalog:
            assert (await upload(catalog, MASTERS, "a")).status_code == 200
            assert (await upload(catalog, "segue-other", "a")).status_code == 404
            refused = await catalog.get(f"/storage/v1/b/{MASTERS}/o")
            assert refused.status_code == 403
        await until(lambda: function.events)
        headers, body = function.events[0]
        token = headers["authorization"].removeprefix("Bearer ")
        assert Issuer.load(tmp_path).email_of(token, AUDIENCE) == EMAIL
        assert body["name"] == "a"
        assert process.end(signal.SIGTERM) == 0
    finally:
        process.end(signal.SIGKILL)


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("roles/pubsub.publisher", "roles/pubsub.publisher on project segue"),
        ("roles/eventarc.eventReceiver", "roles/eventarc.eventReceiver on project segue"),
        ("roles/run.invoker", "roles/run.invoker on service transcode"),
    ],
)
async def test_without_one_binding_the_event_waits_and_says_which(
    tmp_path: Path, endpoints: Endpoints, function: Function, missing: str, named: str
) -> None:
    graph = _graph()
    kept = tuple(r for r in graph.resources if r.get("role") != missing)
    broken = Graph("dev", "segue", "7", "europe-west1", kept)
    broken.dump(tmp_path / "run" / "graph.json")
    process = Process(tmp_path, endpoints)
    try:
        await process.ready()
        port = endpoints.callers[CATALOG].storage
        health = f"http://127.0.0.1:{endpoints.health['storage']}"
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as catalog:
            await upload(catalog, MASTERS, "a")
            assert (await catalog.get("/_deliveries")).status_code == 404
            async with asyncio.timeout(5):
                pending: list[dict] = []
                while not pending or not pending[0]["last_error"]:
                    await asyncio.sleep(0.02)
                    pending = (await catalog.get(f"{health}/_deliveries")).json()["pending"]
        assert named in pending[0]["last_error"]
        assert function.events == []

        process.end(signal.SIGKILL)
        graph.dump(tmp_path / "run" / "graph.json")
        process = Process(tmp_path, endpoints)
        await until(lambda: function.events, timeout_s=20)
    finally:
        process.end(signal.SIGKILL)
