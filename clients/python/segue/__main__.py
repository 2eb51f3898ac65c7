"""The `segue` command."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from segue import __version__
from segue.commands.access import clients, link, token
from segue.commands.context import Options, err
from segue.commands.demo import demo
from segue.commands.importing import import_catalog
from segue.commands.ingest import ingest
from segue.commands.play import play
from segue.commands.recommend import recommend
from segue.commands.rights import rights
from segue.commands.royalties import royalties
from segue.commands.status import status
from segue.errors import SegueError

app = typer.Typer(
    help="Ingest, play and look after a Segue library.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"segue {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="https://… (or SEGUE_HOST)")] = None,
    client_id: Annotated[str | None, typer.Option(help="(or SEGUE_CLIENT_ID)")] = None,
    client_secret: Annotated[str | None, typer.Option(help="(or SEGUE_CLIENT_SECRET)")] = None,
    profile: Annotated[Path | None, typer.Option(help="JSON file of these three")] = None,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    ctx.obj = Options(host, client_id, client_secret, profile)


for _command in (ingest, play, status, link, token, demo):
    app.command()(_command)
app.command("import")(import_catalog)
app.add_typer(clients, name="clients")
app.add_typer(rights, name="rights")
app.add_typer(recommend, name="recommend")
app.add_typer(royalties, name="royalties")


def main() -> None:
    """Run the command line; an error is one line with its stable code, exit 1."""
    try:
        app()
    except SegueError as error:
        err().say(f"error: {error.message} [{error.code}]")
        sys.exit(1)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        err().say(f"error: {what} [OS_ERROR]")
        sys.exit(1)


if __name__ == "__main__":
    main()
