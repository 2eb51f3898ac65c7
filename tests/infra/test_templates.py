"""The weekly batch as Dataflow would take it: specification, launch bodies, parameters, image."""

from datetime import UTC, datetime

import pytest

from emulators.archives import asset_bytes
from emulators.graph import Graph
from emulators.verify import dataflow, discovery
from functions.recommendations import batch
from infra.packaging import archive
from infra.services import DEPLOYABLES
from shared.zones import ZONES
from tests.infra.graphs import evaluated


@pytest.fixture(scope="module")
def graph() -> Graph:
    return evaluated("prod")


def test_template_and_launches_are_what_dataflow_describes(graph: Graph):
    assert dataflow.violations(graph) == []


def test_wrong_launches_are_found(graph: Graph):
    body = dataflow.launches(graph)["recommend-europe"]
    body["launchParameter"]["environment"] |= {"maxWorker": 3, "ipConfiguration": "NO"}
    found = discovery.problems("dataflow.v1b3", "LaunchFlexTemplateRequest", body)
    assert len(found) == 2


def test_every_zone_has_its_monday(graph: Graph):
    jobs = {it["name"]: it for it in graph.all("gcp:cloudscheduler/job:Job")}
    for zone in ZONES:
        job = jobs[f"recommend-{zone.name}"]
        assert (job["schedule"], job["timeZone"]) == ("0 3 * * 1", zone.time_zone)
        launch = dataflow.launches(graph)[job["name"]]["launchParameter"]
        assert launch["parameters"]["zone"] == zone.name
        assert launch["jobName"] == job["name"]


def test_the_pipeline_takes_what_launches_give(graph: Graph):
    for body in dataflow.launches(graph).values():
        argv = [f"--{key}={value}" for key, value in body["launchParameter"]["parameters"].items()]
        beams = ["--runner=DataflowRunner", "--project=p", "--region=r", "--job_name=j"]
        launch, rest = batch.parse([*argv, *beams], datetime(2026, 11, 16, tzinfo=UTC))
        assert launch.plan.zone == body["launchParameter"]["parameters"]["zone"]
        assert rest == beams


def test_the_image_launches_and_works():
    (entry,) = (it for it in DEPLOYABLES if it.kind == "pipeline")
    packed = archive(entry)
    texts = dict(packed.texts)
    assert "functions.recommendations.batch" in texts["main.py"]
    assert "FLEX_TEMPLATE_PYTHON_PY_FILE=/template/main.py" in texts["Dockerfile"]
    assert 'ENTRYPOINT ["/opt/apache/beam/boot"]' in texts["Dockerfile"]
    pins = dict(packed.files)["requirements.txt"].read_text()
    beam = next(it for it in pins.splitlines() if it.startswith("apache-beam=="))
    assert f"beam_python3.11_sdk:{beam.partition('==')[2]}" in texts["Dockerfile"]


def test_the_specification_names_the_image_by_digest(graph: Graph):
    (kept,) = (
        it
        for it in graph.all("gcp:storage/bucketObject:BucketObject")
        if it["name"].startswith("templates/")
    )
    assert b"@sha256:" in asset_bytes(kept["source"])
