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
from emulators.metadata import ACCESS_AUDIENCE
from emulators.oidc import Issuer
from shared.instants import now

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
        at = now()
        while True:
            # Counted from the last time too: a clock that wakes us early must not fire twice.
            at = due(job, max(at, now()))
            await _sleep(max(0.0, (at - now()).total_seconds()))
            try:
                await self.fire(job["name"])
            except Exception:  # one job's trouble is not the others'
                log.exception("scheduler: %s", job["name"])

    async def fire(self, name: str) -> int:
        """Run job `name` now; gives the last HTTP status (0: no answer at all).

        Raises:
            NoJob: it is not in the graph.
        """
        job = self.graph.find(JOB, "name", name)
        if job is None:
            raise NoJob(name)
        retry = job.get("retryConfig") or {}
        retries = retry.get("retryCount", 0)
        backoff = _seconds(retry.get("minBackoffDuration") or "5s")
        longest = _seconds(retry.get("maxBackoffDuration") or "3600s")
        status = 0
        for attempt in range(retries + 1):
            status = await self._post(job)
            self.last[name] = {"at": now().isoformat(), "status": status}
            if 200 <= status < 300:
                break
            log.warning("scheduler: %s answered %s (attempt %d)", name, status, attempt + 1)
            if attempt < retries:
                await _sleep(min(backoff * 2**attempt, longest))
        return status

    async def _post(self, job: Resource) -> int:
        target = job["httpTarget"]
        headers = dict(target.get("headers") or {})
        access = target.get("oauthToken")
        if access:  # for Google's own APIs, as the metadata server's
            token = self.issuer.token(access["serviceAccountEmail"], ACCESS_AUDIENCE)
            headers["Authorization"] = f"Bearer {token}"
        token = target.get("oidcToken")
        if token:
            audience = token.get("audience") or target["uri"]
            headers["Authorization"] = (
                f"Bearer {self.issuer.token(token['serviceAccountEmail'], audience)}"
            )
        headers["X-CloudScheduler-JobName"] = job["name"]
        body = base64.b64decode(target.get("body") or "")
        deadline = _seconds(job.get("attemptDeadline") or "180s")
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
        except (aiohttp.ClientError, TimeoutError, KeyError):  # KeyError: no such service
            return 0


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


_sleep = asyncio.sleep


def due(job: Resource, after: datetime) -> datetime:
    """The next time, after `after` (aware), that unix-cron `job` is due in its own time zone."""
    zone = ZoneInfo(job.get("timeZone") or "Etc/UTC")
    return croniter(job["schedule"], after.astimezone(zone)).get_next(datetime).astimezone(UTC)
