"""`segue token`, `segue link`, `segue clients create`: ways in."""

import json
from typing import Annotated

import typer

from segue.commands.context import client_for, out, profile_of

clients = typer.Typer(help="OAuth clients.", no_args_is_help=True)
_SCOPES = "uploads:write,streaming,user-read-recently-played"
_LISTENS = ("streaming", "user-read-recently-played")


def token(ctx: typer.Context) -> None:
    """Print a fresh access token."""
    with client_for(profile_of(ctx)) as client:
        out().say(client.token())


def link(ctx: typer.Context) -> None:
    """Print a link to the player page that is already signed in, to listen and no more."""
    with client_for(profile_of(ctx)) as client:
        out().say(f"{client.host}/#token={client.narrow_token(*_LISTENS)}")


@clients.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What people know it by.")],
    scopes: Annotated[str, typer.Option(help="Comma separated.")] = _SCOPES,
    plan: Annotated[str, typer.Option(help="free or premium.")] = "free",
    territory: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2.")] = "US",
) -> None:
    """Create an OAuth client; its secret is shown this once."""
    body = {
        "name": name,
        "scopes": [scope.strip() for scope in scopes.split(",") if scope.strip()],
        "plan": plan,
        "territory": territory.upper(),
    }
    with client_for(profile_of(ctx)) as client:
        made = client.post("/v1/clients", body)
        shown = {"host": client.host} | {k: made[k] for k in ("client_id", "client_secret")}
    out().print(json.dumps(shown, indent=2))
