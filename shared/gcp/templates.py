"""Dataflow flex templates, launched over REST. Nothing of a client is loaded before the first."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from shared.errors import Conflict, Unavailable

_TIMEOUT_S = 60.0
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"

Launch = Callable[[str, Mapping[str, str]], Awaitable[str]]
"""Launch a job of that name with more parameters; answers the job's id.

Raises Conflict (ALREADY_RUNS) when one of that name runs, Unavailable when it cannot be launched.
"""


def launcher(url: str, body: str) -> Launch:
    """Launches what `body` (a LaunchFlexTemplateRequest, as JSON) says, by posting to `url`
    (…/flexTemplates:launch). Needs roles/dataflow.developer, and to act as the job's worker."""

    async def launch(name: str, parameters: Mapping[str, str]) -> str:
        asked = json.loads(body)
        asked["launchParameter"]["jobName"] = name
        asked["launchParameter"]["parameters"] |= parameters
        return await asyncio.to_thread(_launch, url, asked)

    return launch


def _launch(url: str, asked: object) -> str:
    import google.auth
    import httpx
    from google.auth.exceptions import GoogleAuthError
    from google.auth.transport.requests import Request

    try:
        credentials = google.auth.default(scopes=[_SCOPE])[0]
        credentials.refresh(Request())
        headers = {"Authorization": f"Bearer {credentials.token}"}
        answer = httpx.post(url, json=asked, headers=headers, timeout=_TIMEOUT_S)
    except (GoogleAuthError, httpx.HTTPError, OSError) as error:
        raise Unavailable(f"Dataflow did not answer: {error}") from error
    if answer.status_code == 409:
        raise Conflict("it runs already", code="ALREADY_RUNS")
    if answer.status_code != 200:
        raise Unavailable(f"Dataflow answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()["job"]["id"]
