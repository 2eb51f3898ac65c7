"""`segue rights explain`, `segue rights import`: why a track may be played, and deals in."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from segue.client import Client
from segue.commands.context import client_for, err, out, profile_of
from segue.commands.play import resolve
from segue.errors import ApiError, SegueError
from segue.rights import USES, explanation, taken, track_id_of

rights = typer.Typer(help="Licences, deals and what they allow.", no_args_is_help=True)


@rights.command("explain")
def explain(
    ctx: typer.Context,
    track: Annotated[str, typer.Argument(help="A track's id, URI, address or title.")],
    territory: Annotated[str, typer.Option("--in", help="ISO 3166-1 alpha-2.")] = "",
    plan: Annotated[str, typer.Option(help="free or premium.")] = "",
    use: Annotated[str, typer.Option(help=f"{', '.join(USES)}, or DDEX's word.")] = "stream",
    at: Annotated[
        str, typer.Option(help="YYYY-MM-DD[Thh:mm:ss], UTC unless it names an offset; now.")
    ] = "",
) -> None:
    """Why may this be played, or why not, and when could it?"""
    asked = {"use": USES.get(use, use)}
    if territory:
        asked["territory"] = territory.upper()
    if plan:
        asked["plan"] = plan
    if at:
        asked["at"] = _instant(at)
    with client_for(profile_of(ctx)) as client:
        asked["track"] = track_id_of(track) or resolve(client, track)["id"]
        told = client.get("/v1/rights/decisions", **asked)
        shown = _track(client, told["track_id"])
    screen = out()
    for line in explanation(told, shown):
        screen.say(line)


@rights.command("import")
def import_messages(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="DDEX ERN 4 messages.", exists=True)],
) -> None:
    """Take deals from DDEX messages; exit 1 if any was refused, or some of one."""
    screen, refused = out(), 0
    with client_for(profile_of(ctx)) as client:
        for file in files:
            try:
                # A message sent twice changes nothing the second time.
                told = client.call(
                    "POST",
                    "/v1/rights/messages",
                    idempotent=True,
                    content=file.read_bytes(),
                    headers={"Content-Type": "application/xml"},
                )
            except SegueError as error:
                refused += 1
                err().say(f"{file}: {error.message} [{error.code}]")
                continue
            screen.say(f"{file}:")
            for line in taken(told):
                screen.say(line)
            refused += len(told["problems"]) + sum(not it["effective"] for it in told["releases"])
    if refused:
        raise typer.Exit(1)


def _instant(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"not a date or time: {text}", param_hint="--at") from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _track(client: Client, track_id: str) -> dict | None:
    """The catalog's view of it, if there is one: rights may speak of tracks to come."""
    try:
        return client.get(f"/v1/tracks/{track_id}")
    except ApiError:
        return None
