"""Cloud Run's Admin API, spoken by google-cloud-run's own clients."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from google.api_core import exceptions
from google.cloud import run_v2
from google.cloud.run_v2.services.executions.transports import ExecutionsRestTransport
from google.cloud.run_v2.services.jobs.transports import JobsRestTransport
from google.cloud.run_v2.services.revisions.transports import RevisionsRestTransport
from google.cloud.run_v2.services.services.transports import ServicesRestTransport
from google.oauth2.credentials import Credentials

from emulators import process
from emulators.endpoints import CallerPorts, Endpoints
from emulators.fleet import Fleet
from emulators.iam import Policy, service_accounts
from emulators.metadata import ACCESS_AUDIENCE, metadata_app
from emulators.oidc import Issuer
from emulators.ports import free_ports
from emulators.run_api import run_routes
from emulators.tree import ROOT
from emulators.workloads import Platform
from tests.emulators.tiny import PARENT, email, tiny_graph

OPERATOR_TOKEN = "operator's own"
JOB = f"{PARENT}/jobs/sweep"
PAGE = f"{PARENT}/services/page"


@dataclass
class Cloud:
    fleet: Fleet
    issuer: Issuer
    host: str
    routing: Path
    lines: list[str]
    metadata: dict[str, int]

    def _transport(self, kind: Any, token: str | None) -> Any:
        return kind(
            host=self.host,
            url_scheme="http",
            credentials=Credentials(token or OPERATOR_TOKEN),
        )

    def jobs(self, who: str | None = None) -> run_v2.JobsClient:
        """As account `who`, else as the operator."""
        token = who and self.issuer.token(email(who), ACCESS_AUDIENCE)
        return run_v2.JobsClient(transport=self._transport(JobsRestTransport, token))

    def executions(self) -> run_v2.ExecutionsClient:
        return run_v2.ExecutionsClient(transport=self._transport(ExecutionsRestTransport, None))

    def services(self, who: str | None = None) -> run_v2.ServicesClient:
        token = who and self.issuer.token(email(who), ACCESS_AUDIENCE)
        return run_v2.ServicesClient(transport=self._transport(ServicesRestTransport, token))

    def revisions(self) -> run_v2.RevisionsClient:
        return run_v2.RevisionsClient(transport=self._transport(RevisionsRestTransport, None))

    def routed(self) -> dict[str, int]:
        table = json.loads(self.routing.read_text())["page"]
        return {it["revision"]: it["percent"] for it in table}


@pytest.fixture
async def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cloud]:
    monkeypatch.setattr(process, "FIRST_BACKOFF_S", 0.05)
    graph = tiny_graph()
    policy, issuer = Policy.from_graph(graph), Issuer.load(tmp_path)
    nobody = CallerPorts(1, 1, 1, 1)
    endpoints = Endpoints(
        "http://127.0.0.1:1",
        "http://127.0.0.1:1",
        1, 1, 1, 1, 1,
        callers={it["member"]: nobody for it in service_accounts(graph)},
    )  # fmt: skip
    lines: list[str] = []
    routing = tmp_path / "routing.json"
    fleet = Fleet(
        Platform(graph, policy, endpoints, tmp_path),
        lambda _name, line: lines.append(line.decode()),
        routing,
    )
    fleet.start()
    assert fleet.refused == {}
    app = web.Application()
    app.add_routes(run_routes(fleet, policy, issuer, OPERATOR_TOKEN))
    port, *ports = free_ports(3)
    metadata = dict(zip(("runner", "nobody"), ports, strict=True))
    accounts = metadata_app(graph, issuer, {at: email(who) for who, at in metadata.items()})
    runners = [await listen(app, port), await listen(accounts, *ports)]
    await asyncio.wait_for(fleet.revisions["page"][0].process.up.wait(), 20)
    yield Cloud(fleet, issuer, f"127.0.0.1:{port}", routing, lines, metadata)
    await fleet.stop()
    for runner in runners:
        await runner.cleanup()


async def listen(app: web.Application, *ports: int) -> web.AppRunner:
    runner = web.AppRunner(app)
    await runner.setup()
    for port in ports:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


def with_env(**env: str) -> run_v2.RunJobRequest:
    container = run_v2.RunJobRequest.Overrides.ContainerOverride(
        env=[run_v2.EnvVar(name=name, value=value) for name, value in env.items()]
    )
    overrides = run_v2.RunJobRequest.Overrides(container_overrides=[container])
    return run_v2.RunJobRequest(name=JOB, overrides=overrides)


async def call(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(method, *args, **kwargs)


async def test_job_runs_with_overrides_and_its_secret(cloud: Cloud) -> None:
    operation = await call(cloud.jobs("runner").run_job, with_env(OBJECT="masters/a"))
    done = await call(operation.result, timeout=20)
    assert done.succeeded_count == 1
    assert done.name == f"{JOB}/executions/sweep-00001"
    assert cloud.lines == ["object masters/a secret sesame", "execution sweep-00001"]


HAND_OVER = """
import asyncio, sys
from functions.transcode.handler import Finalized
from functions.transcode.jobs import starter

asyncio.run(starter(sys.argv[1], sys.argv[2])(Finalized("masters/long", 7, 0)))
"""


@pytest.mark.parametrize(("who", "allowed"), [("runner", True), ("nobody", False)])
async def test_transcode_hands_a_master_over_as_its_own_account(
    cloud: Cloud, who: str, allowed: bool, tmp_path: Path
) -> None:
    host = f"127.0.0.1:{cloud.metadata[who]}"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HAND_OVER, JOB, f"http://{cloud.host}",
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path),
            "CLOUDSDK_CONFIG": str(tmp_path),
            "NO_PROXY": "127.0.0.1",
            **dict.fromkeys(("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"), host),
        },
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await asyncio.wait_for(child.communicate(), 60)
    assert (child.returncode == 0) == allowed, errors.decode()
    if allowed:
        await asyncio.wait_for(cloud.fleet.executions["sweep-00001"].done.wait(), 20)
        assert cloud.lines[0] == "object masters/long secret sesame"
    else:
        assert "needs roles/run." in errors.decode()
        assert cloud.fleet.executions == {}


async def test_job_that_fails_is_tried_again_and_then_told(cloud: Cloud) -> None:
    operation = await call(cloud.jobs("runner").run_job, with_env(EXIT="4"))
    with pytest.raises(exceptions.GoogleAPICallError, match="exit code 4"):
        await call(operation.result, timeout=20)
    execution = await call(cloud.executions().get_execution, name=f"{JOB}/executions/sweep-00001")
    assert (execution.failed_count, execution.retried_count) == (1, 1)
    assert cloud.lines.count("execution sweep-00001") == 2


async def test_running_job_is_seen_among_the_executions(cloud: Cloud) -> None:
    await call(cloud.jobs("runner").run_job, with_env(SLEEP="600"))
    (execution,) = await call(lambda: list(cloud.executions().list_executions(parent=JOB)))
    assert (execution.running_count, execution.succeeded_count) == (1, 0)
    assert execution.job == JOB


async def test_account_without_binding_may_not_run_the_job(cloud: Cloud) -> None:
    with pytest.raises(exceptions.Forbidden) as refused:
        await call(cloud.jobs("nobody").run_job, with_env(OBJECT="x"))
    assert "denied: needs roles/run." in refused.value.message
    assert "on job sweep" in refused.value.message
    assert email("nobody") in refused.value.message
    assert cloud.fleet.executions == {}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer made.up.token"}])
async def test_stranger_is_not_let_in(cloud: Cloud, headers: dict[str, str]) -> None:
    url = f"http://{cloud.host}/v2/{JOB}:run"
    async with aiohttp.ClientSession() as http, http.post(url, headers=headers) as answer:
        assert answer.status == 401
    assert cloud.fleet.executions == {}


async def test_job_and_execution_that_do_not_exist_are_not_found(cloud: Cloud) -> None:
    with pytest.raises(exceptions.NotFound):
        await call(cloud.jobs().run_job, name=f"{PARENT}/jobs/other")
    with pytest.raises(exceptions.NotFound):
        await call(cloud.executions().get_execution, name=f"{JOB}/executions/none")


async def test_services_and_revisions_are_listed(cloud: Cloud) -> None:
    (service,) = await call(lambda: list(cloud.services().list_services(parent=PARENT)))
    assert service.name == PAGE
    assert service.uri == "https://page-42.europe-west1.run.app"
    assert service.latest_ready_revision == f"{PAGE}/revisions/page-00001"
    (revision,) = await call(lambda: list(cloud.revisions().list_revisions(parent=PAGE)))
    assert revision.name == f"{PAGE}/revisions/page-00001"
    assert cloud.routed() == {"page-00001": 100}


def service(colour: str | None = None, **split: int) -> run_v2.Service:
    """A change: a new revision in `colour`, traffic split between revisions."""
    changed = run_v2.Service(name=PAGE)
    if colour:
        environment = [run_v2.EnvVar(name="COLOUR", value=colour)]
        changed.template.containers = [run_v2.Container(env=environment)]
    by_revision = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
    changed.traffic = [
        run_v2.TrafficTarget(type_=by_revision, revision=name.replace("_", "-"), percent=percent)
        for name, percent in split.items()
    ]
    return changed


async def test_new_revision_takes_over_once_it_answers(cloud: Cloud) -> None:
    operation = await call(cloud.services().update_service, service=service("blue"))
    done = await call(operation.result, timeout=20)
    assert done.latest_ready_revision == f"{PAGE}/revisions/page-00002"
    assert cloud.routed() == {"page-00002": 100}
    port = json.loads(cloud.routing.read_text())["page"][0]["port"]
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/") as answer:
        assert await answer.json(content_type=None) == {"revision": "page-00002", "colour": "blue"}


async def test_revision_that_never_answers_gets_no_traffic(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulators.fleet.ROLL_OUT_S", 1.0)
    with pytest.raises(exceptions.BadRequest, match="page-00002 does not answer"):
        await call(cloud.services().update_service, service=service("broken"))
    assert cloud.routed() == {"page-00001": 100}
    assert [it.name for it in cloud.fleet.revisions["page"]] == ["page-00001"]


async def test_traffic_is_split_and_rolled_back(cloud: Cloud) -> None:
    await call(cloud.services().update_service, service=service("blue"))
    await call(cloud.services().update_service, service=service(page_00001=90, page_00002=10))
    assert cloud.routed() == {"page-00001": 90, "page-00002": 10}
    await call(cloud.services().update_service, service=service(page_00001=100))
    assert cloud.routed() == {"page-00001": 100}
    latest = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
    forward = run_v2.Service(name=PAGE, traffic=[run_v2.TrafficTarget(type_=latest, percent=100)])
    await call(cloud.services().update_service, service=forward)
    assert cloud.routed() == {"page-00002": 100}


@pytest.mark.parametrize("split", [{"page_00001": 90}, {"page_00009": 100}])
async def test_traffic_that_does_not_add_up_is_refused(cloud: Cloud, split: dict) -> None:
    with pytest.raises(exceptions.BadRequest):
        await call(cloud.services().update_service, service=service(**split))
    assert cloud.routed() == {"page-00001": 100}


async def test_account_without_binding_may_not_change_a_service(cloud: Cloud) -> None:
    with pytest.raises(exceptions.Forbidden, match="on service page"):
        await call(cloud.services("runner").update_service, service=service("blue"))
    assert cloud.routed() == {"page-00001": 100}
