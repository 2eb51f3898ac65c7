"""A statement as it is kept and handed out: what was earned with which track, and what did not
count. Pure."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import msgspec

from functions.royalties.closing import Adjustment, Exchange, Statement
from functions.royalties.money import decimal
from functions.royalties.warehouse import Described

PROVISIONAL, FINAL = "provisional", "final"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Item:
    """A line, with the track's description as it was at the cutoff."""

    territory: str
    plan: str
    track_id: str
    told: Described
    of_period: str
    plays: int
    monetised: bool
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Document:
    """One payee's statement for one period. `ledger`: the hash of the ledger that it is from, ""
    while provisional; `not_counted`: plays by the reason why they did not count."""

    payee: str
    name: str
    period: str
    status: str
    cutoff: datetime
    ledger: str
    items: tuple[Item, ...]
    adjustments: tuple[Adjustment, ...]
    exchanges: tuple[Exchange, ...]
    totals: Mapping[str, int]
    not_counted: Mapping[str, int]


def document(
    it: Statement,
    name: str,
    cutoff: datetime,
    ledger: str,
    tracks: Mapping[str, Described],
    verdicts: Mapping[str, int],
) -> Document:
    """The statement with names in the place of ids; final if it is from a `ledger`."""
    unknown = Described("", "", None, None, None, None, None, 0)
    items = [
        Item(
            line.territory,
            line.plan,
            line.track_id,
            tracks.get(line.track_id, unknown),
            line.of_period,
            line.plays,
            line.monetised,
            line.currency,
            line.amount,
        )
        for line in it.lines
    ]
    return Document(
        it.payee, name, it.period, FINAL if ledger else PROVISIONAL, cutoff, ledger, tuple(items),
        it.adjustments, it.exchanges, it.totals,
        {verdict: plays for verdict, plays in sorted(verdicts.items()) if verdict != "COUNTED"},
    )  # fmt: skip


def name_of(period: str, ledger: str, payee: str) -> str:
    """Where a statement lies in the vault: of a ledger's hash once it is final."""
    return f"statements/{period}/{ledger or 'open'}/{quote(payee, safe='')}.json"


def to_bytes(it: Document) -> bytes:
    return msgspec.json.encode(it)


def from_bytes(data: bytes) -> Document:
    return msgspec.json.decode(data, type=Document)


def to_csv(it: Document) -> str:
    """The statement as a table: one row a track and pool, then what was adjusted and exchanged.

    RFC 4180; amounts are decimals of the major unit. A text that a spreadsheet would take for a
    formula gets an apostrophe.
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(
        ("kind", "period", "played_in", "territory", "plan", "track_id", "isrc", "title",
         "artists", "plays", "monetised", "currency", "amount", "reference", "reason")
    )  # fmt: skip
    for item in it.items:
        kind = "plays" if item.of_period == it.period else "late plays"
        table.writerow(
            (kind, it.period, item.of_period, item.territory, item.plan, item.track_id,
             item.told.isrc or "", _safe(item.told.title), _safe(item.told.artists), item.plays,
             "yes" if item.monetised else "no", item.currency,
             decimal(item.amount, item.currency), "", "")
        )  # fmt: skip
    for made in it.adjustments:
        table.writerow(
            (made.kind, it.period, *[""] * 9, made.currency, decimal(made.amount, made.currency),
             made.refers_to or "", _safe(made.reason or ""))
        )  # fmt: skip
    for paid in it.exchanges:
        reason = f"1 {paid.currency} = {paid.rate} {paid.paid_currency} on {paid.rate_on}"
        for currency, amount in (
            (paid.currency, -paid.amount),
            (paid.paid_currency, paid.paid_amount),
        ):
            table.writerow(
                ("exchange", it.period, *[""] * 9, currency, decimal(amount, currency), "", reason)
            )
    for currency, amount in it.totals.items():
        table.writerow(("total", it.period, *[""] * 9, currency, decimal(amount, currency), "", ""))
    return out.getvalue()


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
