"""The scheduled task: start the job that builds a generation, if there is anything to build."""

from functions.search.live import Live
from shared.gcp.jobs import Start


class Indexing:
    """Every change beyond the generation is kept in the memory of every instance; a new
    generation takes them in, and instances start faster."""

    def __init__(self, live: Live, start: Start) -> None:
        self._live = live
        self._start = start

    async def run(self) -> str:
        """Start the job; what was done, for the log.

        Raises:
            Unavailable: the log did not answer, or the job could not be started.
        """
        await self._live.catch_up()
        if self._live.behind == 0 and not self._live.outdated:
            return "nothing has changed"
        await self._start({})
        return f"{self._live.behind} chunks to take in"
