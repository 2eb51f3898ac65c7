"""The weekly batch over HTTP, for operators: launch it, follow it, read its report."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from functions.recommendations.generations import Run, generation_of, run_document
from shared.errors import NotFound
from shared.gcp.documents import Documents
from shared.gcp.templates import Launch
from shared.web.principal import Principal, requires

Operator = Annotated[Principal, Depends(requires("recommendations:write"))]
Week = Annotated[str, Field(pattern=r"^\d{4}-W\d{2}$")]
Zone = Literal["all", "asia", "europe", "americas"]
Report = Callable[[str], bytes | None]
"""The object of that name, in the bucket of the generations."""


class NewRun(BaseModel):
    """Whom it shall fill. `again`: also if the week is done, for listeners who came since."""

    model_config = ConfigDict(extra="forbid")

    zone: Zone = "all"
    again: bool = False


def routes(
    runs: Documents[Run], launch: Launch, report: Report, *, now: Callable[[], datetime]
) -> APIRouter:
    """`/v1/recommendations/runs`."""
    router = APIRouter()

    @router.post("/v1/recommendations/runs", status_code=202)
    async def start(body: NewRun, _: Operator) -> dict[str, Any]:
        """Launch this week's batch. 409 ALREADY_RUNS while one for that zone does."""
        generation = generation_of(now())
        more = {"zone": body.zone, "again": "yes" if body.again else "no"}
        job = await launch(f"recommend-{body.zone}", {**more, "generation": generation})
        return {"generation": generation, "zone": body.zone, "job": job}

    @router.get("/v1/recommendations/runs")
    async def recent(_: Operator) -> dict[str, Any]:
        """The latest runs, newest first."""
        found = await runs.page("updated_at", descending=True, limit=50)
        return {"items": [view(it) for it in found]}

    @router.get("/v1/recommendations/runs/{generation}/{zone}")
    async def one(generation: Week, zone: Zone, _: Operator) -> dict[str, Any]:
        """How a run goes. 404 RUN_NOT_FOUND until it has begun."""
        return view(await runs.get(run_document(generation, zone)))

    @router.get("/v1/recommendations/runs/{generation}/{zone}/report")
    async def page(generation: Week, zone: Zone, _: Operator) -> Response:
        """The run's report, an HTML page with plots that loads nothing."""
        run = await runs.get(run_document(generation, zone))
        found = await asyncio.to_thread(report, run.report) if run.report else None
        if found is None:
            raise NotFound("the run has no report yet", code="REPORT_NOT_FOUND")
        return Response(
            found,
            media_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )

    return router


def view(run: Run) -> dict[str, Any]:
    """What operators are told."""
    return {
        "generation": run.generation,
        "zone": run.zone,
        "state": run.state,
        "stage": run.stage,
        "done": run.done,
        "total": run.total,
        "started_at": run.started_at.isoformat(),
        "updated_at": run.updated_at.isoformat(),
        "counts": run.counts,
        "figures": run.figures,
        "message": run.message,
    }
