"""`segue royalties …`: close periods, read statements, explain plays, correct by hand."""

import hashlib
import json
import secrets
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from segue.commands.context import client_for, counted, err, out, profile_of
from segue.errors import SegueError

royalties = typer.Typer(help="Money for what was played.", no_args_is_help=True)

PATIENCE_S = 600.0
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
Period = Annotated[str, typer.Argument(help="A month, e.g. 2026-11.")]
PayeeId = Annotated[str, typer.Argument(help="The licensor's id, as rights has it.")]
Reason = Annotated[str, typer.Option(help="Why; it stands on the statement.")]


@royalties.command("periods")
def periods(ctx: typer.Context) -> None:
    """List periods: open, closing or closed, and what is owed."""
    with client_for(profile_of(ctx)) as client:
        items = client.get("/v1/royalties/periods")["items"]
        if not items:
            err().say("no period yet: segue royalties run makes one of what was played")
        for it in items:
            owed = ", ".join(f"{amount} {c}" for c, amount in it["totals_minor"].items())
            payees = counted(it["payees"], "payee")
            line = f"{it['period']}  {it['status']:8}{payees:>15}  {owed or '-'} (minor)"
            out().say(f"{line}  {it['ledger'] or ''}".rstrip())


@royalties.command("pool")
def pool(
    ctx: typer.Context,
    period: Period,
    territory: Annotated[str, typer.Argument(help="ISO 3166-1 alpha-2.")],
    plan: Annotated[str, typer.Argument(help="free or premium.")],
    amount_minor: Annotated[int, typer.Argument(help="In minor units: cents, öre, yen.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217.")],
    user_centric: Annotated[bool, typer.Option(help="By listener instead of by play.")] = False,
) -> None:
    """Say what a territory and plan have to share."""
    body = {
        "currency": currency.upper(),
        "amount_minor": amount_minor,
        "method": "user-centric" if user_centric else "pro-rata",
    }
    with client_for(profile_of(ctx)) as client:
        path = f"/v1/royalties/periods/{period}/pools/{territory.upper()}/{plan}"
        client.call("PUT", path, json=body)
        out().say(f"{period} {territory.upper()} {plan}: {amount_minor} {currency.upper()} (minor)")


@royalties.command("rate")
def rate(
    ctx: typer.Context,
    base: str,
    quote: str,
    on: Annotated[str, typer.Argument(help="The day, YYYY-MM-DD.")],
    value: Annotated[str, typer.Argument(help="How many QUOTE one BASE is worth, exactly.")],
) -> None:
    """Keep an exchange rate of a day."""
    body = {"base": base.upper(), "quote": quote.upper(), "on": on, "value": value}
    with client_for(profile_of(ctx)) as client:
        client.call("PUT", "/v1/royalties/rates", json=body)
        out().say(f"1 {base.upper()} = {value} {quote.upper()} on {on}")


@royalties.command("payee")
def payee(
    ctx: typer.Context,
    payee: PayeeId,
    currency: Annotated[str | None, typer.Option(help="ISO 4217; none: as it was earned.")] = None,
) -> None:
    """Say what a payee is paid in."""
    body = {"currency": currency.upper() if currency else None}
    with client_for(profile_of(ctx)) as client:
        client.call("PUT", f"/v1/royalties/payees/{payee}", json=body)
        out().say(f"{payee} is paid in {body['currency'] or 'what was earned'}")


@royalties.command("run")
def run(
    ctx: typer.Context,
    wait: Annotated[bool, typer.Option(help="Until the open period's statements are new.")] = True,
) -> None:
    """Run the daily job now: close what is due, make provisional statements."""
    with client_for(profile_of(ctx)) as client:
        before = _accrued(client)
        client.post("/v1/royalties/runs", {})
        if not wait:
            return
        _until(lambda: _accrued(client) != before)
    periods(ctx)


def _accrued(client: Any) -> list[Any]:
    items = client.get("/v1/royalties/periods")["items"]
    return [(it["period"], it["status"], it["accrued_at"]) for it in items]


@royalties.command("close")
def close(
    ctx: typer.Context,
    period: Period,
    cutoff: Annotated[
        str | None, typer.Option(help="Reports from then on are late (RFC 3339).")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Until it is closed.")] = True,
) -> None:
    """Close a period for good."""
    with client_for(profile_of(ctx)) as client:
        client.post(f"/v1/royalties/periods/{period}/close", {"cutoff": cutoff}, idempotent=True)
        if not wait:
            out().say(f"{period} is being closed")
            return

        def closed() -> bool:
            return client.get(f"/v1/royalties/periods/{period}")["status"] == "closed"

        _until(closed)
        state = client.get(f"/v1/royalties/periods/{period}")
        out().say(f"{period} is closed: {state['payees']} payees, ledger {state['ledger']}")


def _until(done: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise SegueError("the job takes longer; see `segue royalties periods`", code="WAITING")
        time.sleep(0.5)


@royalties.command("statement")
def statement(
    ctx: typer.Context,
    payee: PayeeId,
    period: Annotated[str | None, typer.Argument(help="None: list them.")] = None,
    format: Annotated[str, typer.Option(help="csv, html, dsr or json.")] = "csv",
    to: Annotated[Path | None, typer.Option("--out", help="A file instead of the screen.")] = None,
) -> None:
    """Show a payee's statement: a table, a page with a plot, or a DDEX usage report."""
    with client_for(profile_of(ctx)) as client:
        if period is None:
            items = client.get(f"/v1/royalties/statements/{payee}")["items"]
            if not items:
                err().say(f"no statement for {payee}")
            for it in items:
                owed = ", ".join(f"{amount} {c}" for c, amount in it["totals_minor"].items())
                line = f"{it['period']}  {it['status']:11} {it['plays']:>9} plays  {owed or '-'}"
                out().say(f"{line} (minor)")
            return
        text = client.text(f"/v1/royalties/statements/{payee}/{period}", format=format)
    if to is None:
        _raw(text)
    else:
        to.write_text(text, encoding="utf-8", newline="")
        err().say(f"written to {to}")


def _raw(text: str) -> None:
    """As it came, tabs and all, but for what would steer a terminal."""
    typer.echo(
        "".join(it if it.isprintable() or it in "\t\r\n" else "\ufffd" for it in text), nl=False
    )


@royalties.command("explain")
def explain(ctx: typer.Context, play_id: Annotated[str, typer.Argument(help="The play.")]) -> None:
    """Say whether a play counts, for whom, and why (not)."""
    with client_for(profile_of(ctx)) as client:
        for it in client.get(f"/v1/royalties/plays/{play_id}")["verdicts"]:
            out().say(f"{it['period']}  play {play_id} of track {it['track_id']} {it['why']}.")


@royalties.command("screened")
def screened(ctx: typer.Context, period: Period) -> None:
    """List accounts whose plays were screened out, and by what."""
    with client_for(profile_of(ctx)) as client:
        items = client.get(f"/v1/royalties/periods/{period}/screened")["items"]
        if not items:
            err().say(f"nobody's plays of {period} were screened out")
        for it in items:
            line = f"{it['plays']:>8}  {it['verdict']:18} {it['user_id']}  for {it['payee']}"
            out().say(f"{line}, e.g. {it['for_example']}")


@royalties.command("reinstate")
def reinstate(
    ctx: typer.Context,
    play_id: Annotated[str | None, typer.Argument(help="One play.")] = None,
    user: Annotated[str | None, typer.Option(help="Or an account …")] = None,
    period: Annotated[str | None, typer.Option(help="… in a month.")] = None,
    reason: Reason = "reinstated by hand",
) -> None:
    """Let plays count that were screened out; they are booked in the open period."""
    body = {"play_id": play_id, "user_id": user, "period": period, "reason": reason}
    with client_for(profile_of(ctx)) as client:
        made = client.post("/v1/royalties/reinstatements", body, idempotent=True)
        what = made["play_id"] or f"account {made['user_id']}"
        out().say(f"{what} of {made['period']} will be booked in the open period")


@royalties.command("adjust")
def adjust(
    ctx: typer.Context,
    payee: PayeeId,
    amount_minor: Annotated[int, typer.Argument(help="In minor units; negative takes back.")],
    currency: str,
    reason: Reason,
    source: Annotated[str, typer.Option("--from", help="The account that it is from.")] = "revenue",
) -> None:
    """Book an amount to a payee in the open period."""
    body = {
        "id": "".join(secrets.choice(ALPHABET) for _ in range(22)),
        "payee": payee,
        "amount_minor": amount_minor,
        "currency": currency.upper(),
        "source": source,
        "reason": reason,
    }
    with client_for(profile_of(ctx)) as client:
        made = client.post("/v1/royalties/adjustments", body, idempotent=True)
        out().say(f"booked as {made['entry_id']}")


@royalties.command("reverse")
def reverse(
    ctx: typer.Context,
    period: Period,
    entry_id: Annotated[str, typer.Argument(help="The wrong entry, from the ledger.")],
    reason: Reason,
) -> None:
    """Undo an entry of a closed period, in the open one."""
    body = {"period": period, "entry_id": entry_id, "reason": reason}
    with client_for(profile_of(ctx)) as client:
        made = client.post("/v1/royalties/reversals", body, idempotent=True)
        out().say(f"reversed by {made['entry_id']}")


@royalties.command("ledger")
def ledger(
    ctx: typer.Context,
    period: Period,
    verify: Annotated[bool, typer.Option(help="Check the hash and that all balances.")] = False,
) -> None:
    """Print a closed period's ledger, one entry a line; or check it."""
    with client_for(profile_of(ctx)) as client:
        text = client.text(f"/v1/royalties/periods/{period}/ledger")
        if not verify:
            _raw(text)
            return
        state = client.get(f"/v1/royalties/periods/{period}")
    digest = hashlib.sha256(f"{state['previous_ledger'] or ''}\n{text}".encode()).hexdigest()
    if digest != state["ledger"]:
        raise SegueError(f"the ledger is {digest}, not {state['ledger']}", code="LEDGER_DIFFERS")
    entries = [json.loads(line) for line in text.splitlines()]
    for entry in entries:
        own: Counter[str] = Counter()
        for _, currency, amount in entry[3]:
            own[currency] += amount
        if any(own.values()):
            raise SegueError(f"entry {entry[0]} does not balance", code="UNBALANCED")
    out().say(f"{period}: {len(entries)} entries balance, {digest}")
