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
        screen.say(f"host       {profile.host} as {profile.client_id}")
        tracks = client.get("/v1/tracks", limit=1, offset=0)["total"]
        screen.say(f"tracks     {tracks}")
        try:
            recent = list(islice(client.pages("/v1/uploads"), RECENT_UPLOADS))
        except SegueError as error:
            screen.say(f"uploads    {error.message} [{error.code}]")
        else:
            counts = Counter(upload["status"] for upload in recent)
            shown = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
            screen.say(f"uploads    {shown or 'none'}")
            for upload in [u for u in recent if u["status"] == "failed"][:5]:
                screen.say(
                    f"  failed   {upload['filename']}  [{upload.get('reason')}]"
                    f" {upload.get('message') or ''}".rstrip()
                )
        if profile.local_run is not None:
            for line in local_lines(profile.local_run, client.http):
                screen.say(line)


def local_lines(run: Path, http: httpx.Client) -> list[str]:
    """The processes of the local cloud whose `run` folder this is: how many run, which do not."""
    try:
        state = json.loads((run / "state.json").read_text())
    except (OSError, ValueError):
        return ["local      the local cloud is down (make run)"]
    try:
        # The supervisor knows better than the file it wrote at its last change.
        bearer = {"Authorization": f"Bearer {state['operator_token']}"}
        answer = http.get(f"{state['control']}/_control/state", headers=bearer, timeout=5)
        state = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError, KeyError):
        return [f"local      the supervisor (process {state.get('pid')}) does not answer"]
    processes = state.get("processes", [])
    well = [it for it in processes if it["state"] == "up"]
    lines = [f"local      {len(well)} of {len(processes)} processes up"]
    names = sorted(it["name"] for it in well)
    if names:
        lines.append(f"           {', '.join(names)}")
    for it in processes:
        if it not in well:
            lines.append(f"  {it['state']:8} {it['name']}")
        elif it["restarts"]:
            lines.append(f"  restarted {it['name']} {it['restarts']} times")
    if "mail" in state:
        lines.append(
            f"mail       {len(list(Path(state['mail']).glob('*.eml')))} in {state['mail']}"
        )
    return lines
