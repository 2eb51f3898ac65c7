"""`segue import`: a catalog in, line by line, with a report of every line that was not taken."""

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TimeRemainingColumn

from segue import importing
from segue.client import Client, Retry
from segue.commands.context import Screen, bars, client_for, counted, err, out, profile_of
from segue.config import Profile, state_dir
from segue.errors import NotFound
from segue.importing import Refused

PATIENT = Retry(attempts=9)
SHOWN = 20


def import_catalog(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="Catalog lines (.jsonl, .jsonl.gz) or a DDEX message (.xml).",
            exists=True,
            dir_okay=False,
        ),
    ],
    report: Annotated[
        Path | None, typer.Option(help="Write refused lines here, as JSON Lines.")
    ] = None,
    fresh: Annotated[bool, typer.Option(help="Do not go on with an earlier run.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Import artists, works, albums and tracks. Interrupted? Run it again: it goes on."""
    profile = profile_of(ctx)
    screen = err()
    with client_for(profile, retry=PATIENT) as client:
        if importing.is_message(file):
            refused = _message(client, file)
        else:
            hidden = quiet or not screen.is_terminal
            refused = _lines(client, profile, file, screen, fresh=fresh, hidden=hidden)
    for it in refused[:SHOWN]:
        screen.say(f"{file}:{it.line}: {it.message} [{it.reason}]")
    if len(refused) > SHOWN:
        more = f"see {report}" if report else "--report FILE tells all"
        screen.say(f"… and {len(refused) - SHOWN} more: {more}")
    if report is not None:
        with report.open("w") as written:
            for it in refused:
                line = {"line": it.line, "reason": it.reason, "message": it.message}
                written.write(json.dumps(line, ensure_ascii=False) + "\n")
    if refused:
        raise typer.Exit(1)


def _lines(
    client: Client, profile: Profile, file: Path, screen: Screen, *, fresh: bool, hidden: bool
) -> tuple[Refused, ...]:
    kept = _kept_at(profile, file)
    import_id, max_lines, since = _begun(client, kept, fresh=fresh)
    if since:
        screen.say(f"going on with chunk {since} of import {import_id}")
    with bars(screen, TimeRemainingColumn(), hidden=hidden) as bar:
        task = bar.add_task(file.name[:40], total=file.stat().st_size, said="")

        def told(so_far: importing.Progress) -> None:
            said = f"{counted(so_far.lines, 'line')}, {so_far.refused} refused"
            bar.update(task, completed=so_far.done_bytes, said=said)

        try:
            found = importing.send(client, file, import_id, max_lines, since=since, told=told)
        except KeyboardInterrupt:
            screen.say("stopped; run the same command again to go on")
            raise typer.Exit(130) from None
    kept.unlink(missing_ok=True)
    out().say(
        f"{counted(found.lines, 'line')}: {found.made} made, {found.changed} changed,"
        f" {found.unchanged} unchanged, {len(found.refused)} refused (import {import_id})"
    )
    return found.refused


def _message(client: Client, file: Path) -> tuple[Refused, ...]:
    found = importing.message(client, file)
    refused = found["refused"]
    out().say(
        f"message {found['message_id']}: {found['made']} made, {found['changed']} changed,"
        f" {found['unchanged']} unchanged, {len(refused)} refused"
    )
    return tuple(Refused(int(it["line"]), it["reason"], it["message"]) for it in refused)


def _kept_at(profile: Profile, file: Path) -> Path:
    """Where it is noted which import a file belongs to, while that is not finished."""
    whose = f"{profile.host} {profile.client_id} {importing.digest_of(file)}"
    key = hashlib.sha256(whose.encode()).hexdigest()[:16]
    return state_dir(profile) / f"import-{key}.json"


def _begun(client: Client, kept: Path, *, fresh: bool) -> tuple[str, int, int]:
    """The import's id, how many lines a chunk has, and the first chunk to send."""
    if kept.exists() and not fresh:
        try:
            noted = json.loads(kept.read_text())
            import_id, max_lines = str(noted["import_id"]), int(noted["max_lines"])
            return import_id, max_lines, importing.next_chunk(client, import_id)
        except (ValueError, KeyError, NotFound):
            pass  # torn, or of a cloud that was made anew
    import_id, max_lines = importing.begin(client)
    kept.write_text(json.dumps({"import_id": import_id, "max_lines": max_lines}))
    return import_id, max_lines, 0
