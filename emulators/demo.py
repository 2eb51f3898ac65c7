"""What `make run` shows: a library made here goes in at one end and is heard at the other."""

import asyncio
import json
import os
import sys
from collections.abc import Callable

import aiohttp

from emulators.supervisor import Supervisor
from emulators.tree import ROOT


class DemoFailed(RuntimeError):
    """A step of the demonstration did not work; names the step."""


async def run_demo(cloud: Supervisor, say: Callable[[str], None]) -> None:
    """Make, ingest, play, and find the play in BigQuery.

    Raises:
        DemoFailed: a step failed.
    """
    library = cloud.data_dir / "demo"
    await _segue(cloud, "demo", str(library))
    await _segue(cloud, "ingest", str(library))
    report = cloud.run_dir / "play.json"
    # A line of 2 Mbit/s that the player does not know: it starts low, and climbs.
    line = ("--limit-kbps", "2000", "--seconds", "32", "--fast")
    await _segue(cloud, "play", "--first", *line, "--report", str(report))
    play = json.loads(report.read_text())
    row = await _find_play(cloud, play["play_id"])
    edge = await _edge_stats(cloud)
    say("")
    say(f"played    {play['title']} ({play['seconds']:.0f} s of audio, {play['codec']})")
    for kbps, size in sorted(play["bytes_by_kbps"].items(), key=lambda it: int(it[0])):
        say(f"          {int(kbps):>4} kbps: {size:>9,} bytes")
    say(f"edge      {play['cache_hits']} cache hits, {play['cache_misses']} misses; "
        f"{edge['signatures_verified']} signatures verified, "
        f"{edge['signatures_refused']} refused")  # fmt: skip
    say(f"BigQuery  track_played has {row['ms_played'] / 1000:.1f} s of play {row['play_id']}")
    link = await _segue(cloud, "link", quiet=True)
    say(f"player    {link.strip()}")


async def _segue(cloud: Supervisor, *arguments: str, quiet: bool = False) -> str:
    """Run the command line as a person would; its output is shown as it comes."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "segue", *arguments,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "clients" / "python"),
            "SEGUE_PROFILE": str(cloud.run_dir / "client.json"),
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE if quiet else None,
    )  # fmt: skip
    try:
        out, _ = await child.communicate()
    except asyncio.CancelledError:
        child.terminate()
        await child.wait()
        raise
    if child.returncode != 0:
        raise DemoFailed(f"segue {arguments[0]} failed (exit {child.returncode})")
    return (out or b"").decode()


async def _find_play(cloud: Supervisor, play_id: str, patience_s: float = 30.0) -> dict:
    """The row of `play_id` in the de-duplicated view. Subscriptions deliver within seconds."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    def ask() -> list[dict]:
        client = bigquery.Client(
            project=cloud.graph.project,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": f"http://127.0.0.1:{cloud.endpoints.bigquery}"},
        )
        view = f"`{cloud.graph.project}.segue_events.track_played_unique`"
        query = f"SELECT play_id, ms_played FROM {view} WHERE play_id = @play"  # noqa: S608
        config = bigquery.QueryJobConfig(
            query_parameters=[bigquery.ScalarQueryParameter("play", "STRING", play_id)]
        )
        job = client.query(query, config, retry=None)  # type: ignore[arg-type] - None: no retry
        return [dict(row) for row in job.result(retry=None)]

    deadline = asyncio.get_running_loop().time() + patience_s
    while asyncio.get_running_loop().time() < deadline:
        rows = await asyncio.to_thread(ask)
        if rows:
            return rows[0]
        await asyncio.sleep(0.5)
    raise DemoFailed(f"no row for play {play_id} in BigQuery after {patience_s:.0f} s")


async def _edge_stats(cloud: Supervisor) -> dict:
    url = f"http://127.0.0.1:{cloud.endpoints.health['edge']}/_stats"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.json()
