"""`segue status`: what is in the library, what is on its way, and what runs locally."""

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import httpx
import typer

from segue.commands.context import client_for, out, profile_of
from segue.errors import SegueError

RECENT_UPLOADS = 1000


def status(ctx: typer.Context) -> None:
    """Show tracks, uploads by state, and the local cloud's processes when beside one."""
    profile = profile_of(ctx)
    screen = out()
    with client_for(profile) as client:
        screen.print(f"host       {profile.host} as {profile.client_id}")
        tracks = client.get("/v1/tracks", limit=1, offset=0)["total"]
        screen.print(f"tracks     {tracks}")
        try:
            recent = list(islice(client.pages("/v1/uploads"), RECENT_UPLOADS))
        except SegueError as error:
            screen.print(f"uploads    {error.message} [{error.code}]")
        else:
            counts = Counter(upload["status"] for upload in recent)
            shown = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
            screen.print(f"uploads    {shown or 'none'}")
            for upload in [u for u in recent if u["status"] == "failed"][:5]:
                screen.print(
                    f"  failed   {upload['filename']}  [{upload.get('reason')}]"
                    f" {upload.get('message') or ''}".rstrip()
                )
        if profile.local_run is not None:
            for line in local_lines(profile.local_run, client.http):
                screen.print(line)


def local_lines(run: Path, http: httpx.Client) -> list[str]:
    """One line per child of the local cloud whose `run` folder this is: up, or not."""
    try:
        endpoints = json.loads((run / "endpoints.json").read_text())
    except (OSError, ValueError):
        return ["local      no endpoints.json: is the local cloud up? (make run)"]
    up: list[str] = []
    down: list[str] = []
    for name, port in sorted(endpoints.get("health", {}).items()):
        try:
            healthy = http.get(f"http://127.0.0.1:{port}/_health", timeout=2).is_success
        except httpx.HTTPError:
            healthy = False
        (up if healthy else down).append(name)
    services = ", ".join(sorted(endpoints.get("services", {})))
    lines = [f"local      {len(up)} of {len(up) + len(down)} processes healthy"]
    if services:
        lines.append(f"services   {services}")
    return lines + [f"  down     {name}" for name in down]
