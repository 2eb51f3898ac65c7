"""`segue ingest`: folders and files in, a line per failure and why, a summary, an exit code."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from segue.client import Retry
from segue.commands.context import Speed, bars, client_for, counted, err, out, plain, profile_of
from segue.config import state_dir
from segue.ingest import Event, Ingest, Outcome, scan
from segue.journal import Journal

# Half a minute: a service that restarts while many files are on their way costs none of them.
PATIENT = Retry(attempts=9)
_WORDS = {
    "ready": "new",
    "duplicate": "already in the library",
    "unchanged": "done by an earlier run",
    "failed": "failed",
}


def ingest(
    ctx: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Folders (searched) and files.")],
    jobs: Annotated[int, typer.Option(min=1, max=32, help="Uploads at the same time.")] = 4,
    licence: Annotated[
        bool, typer.Option(help="License new tracks worldwide, on every plan.")
    ] = True,
    timeout_s: Annotated[float, typer.Option(help="Patience per file after its upload.")] = 1800.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress shown.")] = False,
) -> None:
    """Upload audio, wait until it plays, and license it. Interrupted? Run it again."""
    profile = profile_of(ctx)
    files = scan(paths)
    if not files:
        out().say("no audio files there")
        raise typer.Exit(0)
    key = hashlib.sha256(f"{profile.host} {profile.client_id}".encode()).hexdigest()[:16]
    journal = Journal(state_dir(profile) / f"ingest-{key}.jsonl")
    screen = err()
    hidden = quiet or not screen.is_terminal
    with (
        client_for(profile, retry=PATIENT) as client,
        bars(screen, Speed(), hidden=hidden) as shown,
    ):
        everything = shown.add_task("files", total=len(files), unit="files", said="")
        sending: dict[Path, int] = {}

        def progress(event: Event) -> None:
            if event.path not in sending:
                name = event.path.name
                sending[event.path] = shown.add_task(plain(name[:40]), total=event.size, said="")
            shown.update(
                sending[event.path],  # pyright: ignore[reportArgumentType]
                completed=event.done,
                said=event.stage,
            )

        def done(outcome: Outcome) -> None:
            shown.advance(everything)
            if outcome.path in sending:
                shown.remove_task(sending.pop(outcome.path))  # pyright: ignore[reportArgumentType]
            if outcome.kind == "failed":
                why = f": {outcome.message}" if outcome.message else ""
                screen.say(f"failed  {outcome.path}  [{outcome.reason}]{why}")

        run = Ingest(
            client,
            journal,
            license_worldwide=licence,
            jobs=jobs,
            timeout_s=timeout_s,
            progress=progress,
        )
        try:
            outcomes = run.run(files, done)
        except KeyboardInterrupt:
            screen.say("stopped; run the same command again to go on")
            raise typer.Exit(130) from None
        finally:
            journal.close()
    counts = Counter(outcome.kind for outcome in outcomes)
    parts = [f"{counts[kind]} {words}" for kind, words in _WORDS.items() if counts[kind]]
    out().say(f"{counted(len(outcomes), 'file')}: {', '.join(parts)}")
    if counts["failed"]:
        raise typer.Exit(1)
