"""Cloud Run jobs, started through the official client. Nothing of it is loaded before the first."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from shared.errors import Unavailable

_TIMEOUT_S = 30.0

Start = Callable[[Mapping[str, str]], Awaitable[None]]
"""Start the job with these variables in its environment.

Raises Unavailable when it could not be started.
"""


def starter(job: str, endpoint: str) -> Start:
    """Starts `job` (projects/…/locations/…/jobs/…). Needs run.jobs.run, and
    run.jobs.runWithOverrides to give it variables.

    `endpoint` is the Admin API's address with its scheme, or empty for its usual one.
    """

    async def start(environment: Mapping[str, str]) -> None:
        await asyncio.to_thread(_start, job, endpoint, environment)

    return start


def _start(job: str, endpoint: str, environment: Mapping[str, str]) -> None:
    from google.api_core import exceptions
    from google.api_core.client_options import ClientOptions
    from google.cloud.run_v2 import JobsClient
    from google.cloud.run_v2.types import EnvVar, RunJobRequest

    options = ClientOptions(api_endpoint=endpoint) if endpoint else None
    client = JobsClient(transport="rest", client_options=options)
    request = RunJobRequest(name=job)
    if environment:
        variables = [EnvVar(name=name, value=value) for name, value in environment.items()]
        container = RunJobRequest.Overrides.ContainerOverride(env=variables)
        request.overrides = RunJobRequest.Overrides(container_overrides=[container])
    try:
        # Answers once the execution is made; the job itself tells how it ends.
        client.run_job(request=request, timeout=_TIMEOUT_S)
    except (exceptions.GoogleAPIError, OSError) as error:
        raise Unavailable(f"{job} was not started: {error}") from error
