"""Launching flex templates in the local cloud, by its own program's graph."""

import asyncio
import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from emulators.dataflow_api import BadLaunch, dataflow_routes, specification, start
from emulators.fleet import Execution
from emulators.graph import Graph
from emulators.iam import Policy
from emulators.metadata import ACCESS_AUDIENCE
from emulators.oidc import Issuer
from emulators.verify.dataflow import launches
from tests.infra.graphs import evaluated

URL = "/v1b3/projects/segue-dev/locations/europe-west1/flexTemplates:launch"
LAUNCHER = "segue-launcher@segue-dev.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def graph() -> Graph:
    return evaluated("dev")


class Fleet:
    """Remembers what it was to launch; runs nothing."""

    def __init__(self, graph: Graph) -> None:
        self.platform = SimpleNamespace(graph=graph)
        self.executions: dict[str, Execution] = {}
        self.told: list[dict[str, str]] = []

    def launch(self, job: str, image: Any, account: str, parameters: dict[str, str]) -> Execution:
        from datetime import UTC, datetime

        self.told.append(dict(parameters))
        execution = Execution(f"{job}-1", job, datetime(2026, 11, 16, tzinfo=UTC), launched=True)
        self.executions[execution.name] = execution
        return execution


def body(graph: Graph) -> dict[str, Any]:
    return launches(graph)["recommend-europe"]


async def post(graph: Graph, fleet: Fleet, asked: Any, email: str, tmp: Path) -> tuple[int, Any]:
    issuer = Issuer.load(tmp)
    app = web.Application()
    app.add_routes(dataflow_routes(fleet, Policy.from_graph(graph), issuer, "operator"))  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {issuer.token(email, ACCESS_AUDIENCE)}"}
    async with TestClient(TestServer(app)) as client:
        answer = await client.post(URL, data=json.dumps(asked), headers=headers)
        return answer.status, await answer.json()


def test_a_schedule_launches_the_pipeline_for_its_zone(graph: Graph, tmp_path: Path):
    fleet = Fleet(graph)
    status, answer = asyncio.run(post(graph, fleet, body(graph), LAUNCHER, tmp_path))
    assert status == 200, answer
    assert answer["job"]["currentState"] == "JOB_STATE_RUNNING"
    assert fleet.told[0]["zone"] == "europe"


def test_a_job_that_runs_is_not_launched_again(graph: Graph, tmp_path: Path):
    fleet = Fleet(graph)
    for expected in (200, 409):
        status, _ = asyncio.run(post(graph, fleet, body(graph), LAUNCHER, tmp_path))
        assert status == expected


def test_who_may_not_launch_is_refused(graph: Graph, tmp_path: Path):
    stranger = "segue-catalog@segue-dev.iam.gserviceaccount.com"
    status, answer = asyncio.run(post(graph, Fleet(graph), body(graph), stranger, tmp_path))
    assert status == 403
    assert "roles/dataflow.developer" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("parameters", {}),
        ("parameters", {"zone": "europe", "speed": "high"}),
        ("containerSpecGcsPath", "gs://nowhere/nothing.json"),
        ("jobName", "Not A Name"),
    ],
)
def test_a_launch_that_says_too_little_or_too_much_is_refused(graph: Graph, key, value):
    asked = body(graph)["launchParameter"] | {key: value}
    with pytest.raises(BadLaunch):
        start(Fleet(graph), asked)  # type: ignore[arg-type]


def test_the_template_is_where_the_launch_says(graph: Graph):
    path = body(graph)["launchParameter"]["containerSpecGcsPath"]
    assert specification(graph, path)["sdkInfo"] == {"language": "PYTHON"}


def test_the_schedules_body_is_base64_of_json(graph: Graph):
    (job,) = (
        it for it in graph.all("gcp:cloudscheduler/job:Job") if it["name"] == "recommend-asia"
    )
    assert json.loads(base64.b64decode(job["httpTarget"]["body"]))["launchParameter"]
    assert (job["schedule"], job["timeZone"]) == ("0 3 * * 1", "Asia/Tokyo")
