"""Cloud Scheduler: jobs of the graph run when they are due, or by hand."""

import asyncio
import base64
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import aiohttp
from croniter import croniter

from emulators.endpoints import Endpoints
from emulators.graph import Graph, Resource
from emulators.oidc import Issuer

JOB = "gcp:cloudscheduler/job:Job"
log = logging.getLogger(__name__)


class NoJob(LookupError):
    """The graph schedules nothing of that name."""


@dataclass(slots=True)
class Scheduler:
    """Fires HTTP targets with the OIDC token that the job declares; failed ones are retried."""

    graph: Graph
    endpoints: Endpoints
    issuer: Issuer
    last: dict[str, dict[str, object]] = field(default_factory=dict)

    async def run(self) -> None:
        """Fire every job at its times, until cancelled. Times missed while down are not made up."""
        await asyncio.gather(*(self._keep(job) for job in self.graph.all(JOB)))

    async def _keep(self, job: Resource) -> None:
        while True:
            now = datetime.now(UTC)
            await asyncio.sleep((due(job, now) - now).total_seconds())
            await self.fire(job["name"])

    async def fire(self, name: str) -> int:
        """Run job `name` now; gives the last HTTP status (0: no answer at all).

        Raises:
            NoJob: it is not in the graph.
        """
        job = self.graph.find(JOB, "name", name)
        if job is None:
            raise NoJob(name)
        retries = (job.get("retryConfig") or {}).get("retryCount", 0)
        status = 0
        for attempt in range(retries + 1):
            status = await self._post(job)
            self.last[name] = {"at": datetime.now(UTC).isoformat(), "status": status}
            if 200 <= status < 300:
                break
            log.warning("scheduler: %s answered %s (attempt %d)", name, status, attempt + 1)
            await asyncio.sleep(min(2.0**attempt, 30.0))
        return status

    async def _post(self, job: Resource) -> int:
        target = job["httpTarget"]
        headers = dict(target.get("headers") or {})
        token = target.get("oidcToken")
        if token:
            audience = token.get("audience") or target["uri"]
            headers["Authorization"] = (
                f"Bearer {self.issuer.token(token['serviceAccountEmail'], audience)}"
            )
        headers["X-CloudScheduler-JobName"] = job["name"]
        body = base64.b64decode(target.get("body") or "")
        deadline = float(str(job.get("attemptDeadline") or "180s").removesuffix("s"))
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=deadline)) as session,
                session.request(
                    target.get("httpMethod") or "POST",
                    self.endpoints.local(target["uri"]),
                    data=body,
                    headers=headers,
                ) as response,
            ):
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return 0


def due(job: Resource, after: datetime) -> datetime:
    """The next time, after `after` (aware), that unix-cron `job` is due in its own time zone."""
    zone = ZoneInfo(job.get("timeZone") or "Etc/UTC")
    return croniter(job["schedule"], after.astimezone(zone)).get_next(datetime).astimezone(UTC)
