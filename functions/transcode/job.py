"""The Cloud Run job for long audio: `python -m functions.transcode.job`, OBJECT in the environment.

It runs the function's own handler with wider bounds; a task that fails is tried again by Cloud Run.
"""

import asyncio
import logging
import os
from dataclasses import replace

from functions.transcode.domain import LEASE
from functions.transcode.handler import Busy, Collaborators, Finalized, Limits, on_finalized
from functions.transcode.main import collaborators, settings
from functions.transcode.transcode import Bounds

log = logging.getLogger(__name__)

# Four hours of audio take about a sixth of that; the job's own timeout must be longer.
BOUNDS = Bounds(longest_s=4 * 3600, inline_s=4 * 3600, wall_s=3 * 3600)


async def run(master: Finalized, limits: Limits, with_: Collaborators) -> None:
    """Transcode the master, waiting for an owner before it to finish, or to be gone."""
    while True:
        try:
            return await on_finalized(master, limits, with_)
        except Busy:
            log.info("%s is being transcoded elsewhere; waiting", master.name)
            await asyncio.sleep(LEASE.total_seconds())


def main() -> None:
    """Settings are the function's, and OBJECT and GENERATION of the execution."""
    master = Finalized(os.environ["OBJECT"], int(os.environ.get("GENERATION") or 0) or None, 0)
    limits = Limits(largest_bytes=settings().max_upload_bytes, inline_bytes=1 << 62, bounds=BOUNDS)
    asyncio.run(run(master, limits, replace(collaborators(), hand_over=None)))


if __name__ == "__main__":
    main()
