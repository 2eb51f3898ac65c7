"""`segue recommend run` and `report`: the weekly batch that fills everyone's lists."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from segue.client import Client
from segue.commands.context import client_for, counted, err, out, profile_of
from segue.errors import Conflict, NotFound, SegueError

recommend = typer.Typer(help="Discover Weekly and its like.", no_args_is_help=True)

EVERY_S = 1.0
BEGINS_S = 600.0
"""How long a launched batch may take until it tells of itself: Dataflow starts workers first."""
_RUNS = "/v1/recommendations/runs"
_STAGES = {"reading": "reading plays", "learning": "learning", "recommending": "filling lists"}
Zone = Annotated[Literal["all", "asia", "europe", "americas"], typer.Option(help="Whose Monday.")]


class BatchFailed(SegueError):
    """The batch ended without filling anyone; its own words say why."""

    code = "BATCH_FAILED"


@recommend.command("run")
def run(
    ctx: typer.Context,
    zone: Zone = "all",
    again: Annotated[
        bool, typer.Option(help="Also if the week is done, for listeners who came since.")
    ] = False,
) -> None:
    """Make this week's lists for everyone, and wait until they are there."""
    with client_for(profile_of(ctx)) as client:
        before = {it["generation"]: it for it in _all(client, zone)}
        try:
            generation = client.post(_RUNS, {"zone": zone, "again": again})["generation"]
            old = before.get(generation)
            if old is not None and old["state"] == "done" and not again:
                old = None  # it stays done: nothing more will be told
        except Conflict as error:
            if error.code != "ALREADY_RUNS":
                raise
            err().say("it runs already: following it")
            generation, old = _this_week(), None
        ended = _follow(client, f"{_RUNS}/{generation}/{zone}", old)
    if ended["state"] == "failed":
        raise BatchFailed(ended["message"] or "the batch failed")
    for line in told(ended):
        out().say(line)


@recommend.command("report")
def report(
    ctx: typer.Context,
    to: Annotated[Path, typer.Argument(help="Where to write the page.")] = Path("report.html"),
    zone: Zone = "all",
) -> None:
    """Write the report of a zone's latest run to a file, to be opened in a browser."""
    with client_for(profile_of(ctx)) as client:
        latest = newest(client, zone)
        page = client.text(f"{_RUNS}/{latest['generation']}/{zone}/report")
    to.write_text(page)
    out().say(f"{to}")


def newest(client: Client, zone: str) -> dict[str, Any]:
    """The zone's latest run.

    Raises:
        SegueError: there was none yet.
    """
    found = _all(client, zone)
    if not found:
        raise SegueError(f"no batch has run for {zone} yet: segue recommend run", code="NO_RUN")
    return max(found, key=lambda it: it["generation"])


def _this_week() -> str:
    year, week, _ = datetime.now(UTC).isocalendar()
    return f"{year:04d}-W{week:02d}"


def _all(client: Client, zone: str) -> list[dict[str, Any]]:
    return [it for it in client.get(_RUNS)["items"] if it["zone"] == zone]


def told(ended: dict[str, Any]) -> Iterator[str]:
    """What a finished run is worth telling, in lines."""
    counts, figures = ended["counts"], ended["figures"]
    listeners = counted(counts.get("listeners", 0), "listener")
    yield f"{ended['generation']} {ended['zone']}: {listeners} filled"
    if counts.get("skipped"):
        yield f"{counts['skipped']:,} had their lists already"
    if counts.get("bots"):
        yield f"{counts['bots']:,} look like bots and get charts"
    if counts.get("mixes"):
        yield f"{counts['mixes']:,} daily mix{'' if counts['mixes'] == 1 else 'es'}"
    if figures:
        held = counted(counts.get("held", 0), "listener")
        yield (
            f"{figures['full_lists']:.0%} of lists are full, {figures['explained']:.0%} of tracks "
            f"explained, {figures['coverage']:.0%} of the catalog shown"
        )
        yield (
            f"recall@20 {figures['recall_at_20']:.3f} on {held} kept "
            f"out of learning (chart: {figures['chart_recall_at_20']:.3f})"
        )


def _follow(client: Client, path: str, old: dict[str, Any] | None) -> dict[str, Any]:
    """Show how the run goes until it ends; `old` is what was told of it before it was launched."""
    began = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as progress:
        task = progress.add_task("starting", total=None)
        while True:
            try:
                state = client.get(path)
            except NotFound as error:
                if error.code != "RUN_NOT_FOUND":
                    raise
                state = None
            if state is None or state == old:
                if time.monotonic() - began > BEGINS_S:
                    raise BatchFailed("the batch was launched, and tells nothing of itself")
            else:
                total = state["total"] or None
                name = _STAGES.get(state["stage"], state["stage"])
                progress.update(task, description=name, completed=state["done"], total=total)
                if state["state"] != "running":
                    return state
            time.sleep(EVERY_S)
