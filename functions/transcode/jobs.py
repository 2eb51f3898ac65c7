"""Handing a long master to the Cloud Run job."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from shared.errors import Unavailable

if TYPE_CHECKING:
    from functions.transcode.handler import Finalized

_TIMEOUT_S = 30.0


def starter(job: str, endpoint: str) -> "Callable[[Finalized], Awaitable[None]]":
    """Starts `job` (projects/…/locations/…/jobs/…) for a master. Needs run.jobs.runWithOverrides.

    The answer raises Unavailable when the job could not be started. `endpoint` is the Admin
    API's address with its scheme, or empty for its usual one.
    """

    async def start(master: "Finalized") -> None:
        await asyncio.to_thread(_start, job, endpoint, master)

    return start


def _start(job: str, endpoint: str, master: "Finalized") -> None:
    from google.api_core import exceptions
    from google.api_core.client_options import ClientOptions
    from google.cloud.run_v2 import JobsClient
    from google.cloud.run_v2.types import EnvVar, RunJobRequest

    options = ClientOptions(api_endpoint=endpoint) if endpoint else None
    client = JobsClient(transport="rest", client_options=options)
    container = RunJobRequest.Overrides.ContainerOverride(
        env=[
            EnvVar(name="OBJECT", value=master.name),
            EnvVar(name="GENERATION", value=str(master.generation or "")),
        ]
    )
    request = RunJobRequest(
        name=job, overrides=RunJobRequest.Overrides(container_overrides=[container])
    )
    try:
        # Answers once the execution is made; its end is told by the job's own event.
        client.run_job(request=request, timeout=_TIMEOUT_S)
    except (exceptions.GoogleAPIError, OSError) as error:
        raise Unavailable(f"{job} was not started: {error}") from error
