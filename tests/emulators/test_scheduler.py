"""Scheduled jobs: when they are due, and how they call."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from emulators import scheduler
from emulators.endpoints import Endpoints
from emulators.graph import Graph
from emulators.oidc import Issuer
from emulators.ports import free_ports
from emulators.scheduler import NoJob, Scheduler, due
from tests.emulators.tiny import email, resource, tiny_graph

URI = "https://page-42.europe-west1.run.app/_tasks/sweep"


def job(name: str = "sweep", schedule: str = "*/5 * * * *", **more: Any):
    return resource(
        "gcp:cloudscheduler/job:Job",
        name,
        name=name,
        schedule=schedule,
        httpTarget={
            "uri": URI,
            "httpMethod": "POST",
            "body": base64.b64encode(b'{"a": 1}').decode(),
            "headers": {"Content-Type": "application/json"},
            "oidcToken": {"serviceAccountEmail": email("page"), "audience": "segue-page"},
        },
        **more,
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "expected"),
    [
        ("*/5 * * * *", None, "2026-03-01T10:02:30", "2026-03-01T10:05:00"),
        ("*/5 * * * *", None, "2026-03-01T10:05:00", "2026-03-01T10:10:00"),
        ("0 9 * * 1", "Etc/UTC", "2026-03-01T10:00:00", "2026-03-02T09:00:00"),
        # London changes to summer time on 29 March 2026 and back on 25 October.
        ("0 9 * * *", "Europe/London", "2026-03-28T10:00:00", "2026-03-29T08:00:00"),
        ("0 9 * * *", "Europe/London", "2026-10-24T10:00:00", "2026-10-25T09:00:00"),
        ("0 0 1 1 *", "Asia/Tokyo", "2026-06-01T00:00:00", "2026-12-31T15:00:00"),
    ],
)
def test_job_is_due_in_its_own_time_zone(
    schedule: str, zone: str | None, after: str, expected: str
) -> None:
    it = job(schedule=schedule, **({"timeZone": zone} if zone else {}))
    assert due(it, at(after)) == at(expected)


def test_every_run_of_a_day_with_a_lost_hour_is_distinct_and_rising() -> None:
    it = job(schedule="*/30 * * * *", timeZone="Europe/London")
    times = [at("2026-03-29T00:10:00")]
    for _ in range(6):
        times.append(due(it, times[-1]))
    assert [f"{t:%H:%M}" for t in times[1:]] == [
        "00:30",
        "01:00",
        "01:30",
        "02:00",
        "02:30",
        "03:00",
    ]


@dataclass
class Page:
    """Answers as it is told to, and keeps what it was asked."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.asked.append((request.method, request.path, dict(request.headers), body))
        return web.Response(status=self.answers.pop(0) if self.answers else 204)


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    it = Page(free_ports(1)[0])
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", it.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", it.port).start()
    yield it
    await runner.cleanup()


@pytest.fixture
def made(tmp_path: Path, page: Page) -> Callable[[Graph], Scheduler]:
    endpoints = Endpoints("", "", 1, 1, 1, 1, 1, services={"page": page.port})
    return lambda graph: Scheduler(graph, endpoints, Issuer.load(tmp_path))


async def test_fired_job_calls_the_service_with_its_token(page: Page, made) -> None:
    it = made(tiny_graph(job()))
    assert await it.fire("sweep") == 204
    ((method, path, headers, body),) = page.asked
    assert (method, path, body) == ("POST", "/_tasks/sweep", b'{"a": 1}')
    assert headers["Content-Type"] == "application/json"
    assert headers["X-CloudScheduler-JobName"] == "sweep"
    token = headers["Authorization"].removeprefix("Bearer ")
    assert it.issuer.email_of(token, "segue-page") == email("page")
    with pytest.raises(ValueError, match="refused"):
        it.issuer.email_of(token, "segue-other")


async def test_failed_call_is_repeated_with_growing_backoff(
    page: Page, made, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(scheduler, "_sleep", sleep)
    retry = {"retryCount": 3, "minBackoffDuration": "5s", "maxBackoffDuration": "8s"}
    page.answers = [500, 429, 503, 200]
    assert await made(tiny_graph(job(retryConfig=retry))).fire("sweep") == 200
    assert waited == [5.0, 8.0, 8.0]


async def test_job_without_retries_gives_up_at_once(page: Page, made) -> None:
    page.answers = [500]
    it = made(tiny_graph(job()))
    assert await it.fire("sweep") == 500
    assert len(page.asked) == 1
    assert it.last["sweep"]["status"] == 500


async def test_service_that_is_not_there_is_no_answer(made, page: Page) -> None:
    nowhere = job(name="nowhere")
    nowhere.properties["httpTarget"]["uri"] = "https://gone-42.europe-west1.run.app/_tasks/x"  # type: ignore[index]
    assert await made(tiny_graph(nowhere)).fire("nowhere") == 0


async def test_unknown_job_is_refused(made) -> None:
    with pytest.raises(NoJob, match="other"):
        await made(tiny_graph(job())).fire("other")


async def test_due_jobs_run_once_each_time(
    page: Page, made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the clock wakes us a moment before the minute."""
    now = at("2026-03-01T10:04:59")

    async def sleep(seconds: float) -> None:
        nonlocal now
        now = datetime.fromtimestamp(now.timestamp() + seconds - 0.001, UTC)
        await asyncio.sleep(0.01)

    monkeypatch.setattr(scheduler, "_sleep", sleep)
    monkeypatch.setattr(scheduler, "now", lambda: now)
    running = asyncio.create_task(made(tiny_graph(job(), job("broken", "* * * * *"))).run())
    async with asyncio.timeout(10):
        while len(page.asked) < 8:  # noqa: ASYNC110 - it waits for a count
            await asyncio.sleep(0.01)
    running.cancel()
    minutes = (now - at("2026-03-01T10:05:00")).total_seconds() // 60 + 2
    assert len(page.asked) <= 2 * minutes
    names = [headers["X-CloudScheduler-JobName"] for _, _, headers, _ in page.asked]
    assert names.count("sweep") <= minutes // 5 + 1
