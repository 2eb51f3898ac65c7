"""Handing a long master to the Cloud Run job."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from shared.gcp import jobs

if TYPE_CHECKING:
    from functions.transcode.handler import Finalized


def starter(job: str, endpoint: str) -> "Callable[[Finalized], Awaitable[None]]":
    """Starts `job` for a master; see `shared.gcp.jobs`. Raises Unavailable when it could not."""
    start_job = jobs.starter(job, endpoint)

    async def start(master: "Finalized") -> None:
        generation = str(master.generation or "")
        await start_job({"OBJECT": master.name, "GENERATION": generation})

    return start
