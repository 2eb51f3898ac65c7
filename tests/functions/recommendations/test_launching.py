"""Operators launch the batch and follow it over HTTP."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from functions.recommendations import launching
from functions.recommendations.generations import Run, run_document
from shared.errors import Conflict
from shared.gcp.memory import MemoryDocuments
from shared.web.app import create_app
from tests.web import Tokens, client_of, code_of

NOW = datetime(2026, 11, 16, 4, tzinfo=UTC)
TOKENS = Tokens()
OPERATOR = TOKENS.bearer("recommendations:write")
RUN = Run(
    "2026-W47", "europe", "running", "learning", 0, 0, NOW, NOW, {"listeners": 3}, {}, None,
    "generations/2026-W47/europe/report.html",
)  # fmt: skip


class Launched(list[tuple[str, Mapping[str, str]]]):
    async def __call__(self, name: str, parameters: Mapping[str, str]) -> str:
        if any(name == it for it, _ in self):
            raise Conflict("it runs already", code="ALREADY_RUNS")
        self.append((name, parameters))
        return "job-1"


@pytest.fixture
def runs() -> MemoryDocuments[Run]:
    return MemoryDocuments(Run, "run")


@pytest.fixture
def launched() -> Launched:
    return Launched()


@pytest.fixture
async def client(runs, launched):
    objects = {"generations/2026-W47/europe/report.html": b"<!doctype html><h1>fine</h1>"}
    routes = launching.routes(runs, launched, objects.get, now=lambda: NOW)
    app = create_app("recommendations", routes, verifier=TOKENS.verifier())
    async with client_of(app) as client:
        yield client


async def test_a_launch_names_week_and_zone(client, launched):
    answer = await client.post(
        "/v1/recommendations/runs", json={"zone": "europe", "again": True}, headers=OPERATOR
    )
    assert answer.status_code == 202
    assert answer.json() == {"generation": "2026-W47", "zone": "europe", "job": "job-1"}
    ((name, parameters),) = launched
    assert name == "recommend-europe"
    assert parameters == {"zone": "europe", "again": "yes", "generation": "2026-W47"}


async def test_a_zone_that_is_being_filled_is_not_launched_again(client):
    for status in (202, 409):
        answer = await client.post("/v1/recommendations/runs", json={}, headers=OPERATOR)
        assert answer.status_code == status
    assert code_of(answer) == "ALREADY_RUNS"


async def test_a_run_tells_how_it_goes(client, runs):
    path = "/v1/recommendations/runs/2026-W47/europe"
    assert code_of(await client.get(path, headers=OPERATOR)) == "RUN_NOT_FOUND"
    await runs.put(run_document("2026-W47", "europe"), RUN)
    told = (await client.get(path, headers=OPERATOR)).json()
    assert (told["state"], told["stage"], told["counts"]) == (
        "running",
        "learning",
        {"listeners": 3},
    )
    (recent,) = (await client.get("/v1/recommendations/runs", headers=OPERATOR)).json()["items"]
    assert recent == told


async def test_the_report_loads_nothing(client, runs):
    path = "/v1/recommendations/runs/2026-W47/europe/report"
    await runs.put(run_document("2026-W47", "europe"), RUN)
    answer = await client.get(path, headers=OPERATOR)
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "fine" in answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [({"zone": "moon"}, 400), ({"zone": "all", "speed": 2}, 400), ([], 400)],
)
async def test_launches_that_make_no_sense_are_refused(client, body, status):
    answer = await client.post("/v1/recommendations/runs", json=body, headers=OPERATOR)
    assert answer.status_code in (status, 422)


async def test_listeners_may_not_launch(client):
    headers = TOKENS.bearer("streaming")
    for answer in (
        await client.post("/v1/recommendations/runs", json={}, headers=headers),
        await client.get("/v1/recommendations/runs", headers=headers),
    ):
        assert answer.status_code == 403
