"""The ledger: double entry, append only; a mistake is undone by a reversing entry. Pure.

A line adds `amount` to an account: what is positive on `payable/X` is owed to X. The lines of an
entry sum to zero in each currency, so all accounts together always do.

    pool     pool money comes in          revenue -100.00 · pool/SE/premium +100.00
    share    a payee's part of it         pool/SE/premium -40.00 · payable/X +40.00
    held     nobody played: it waits      pool/SE/premium -100.00 · held/SE/premium +100.00
    exchange paid in another currency     payable/X -40.00 SEK · exchange/SEK +40.00 SEK
                                          exchange/EUR -3.51 EUR · payable/X +3.51 EUR
    adjustment, reversal                  by hand, with a reason
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from shared.errors import Conflict
from shared.ids import derived_id


class Unbalanced(Exception):
    """The lines of an entry do not sum to zero. Nothing may be written after that."""


@dataclass(frozen=True, slots=True)
class Line:
    account: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened, once. `refers_to`: the entry that is reversed, or what else explains it."""

    entry_id: str
    period: str
    kind: str
    lines: tuple[Line, ...]
    refers_to: str | None = None
    reason: str | None = None


def entry(
    period: str,
    kind: str,
    lines: Iterable[Line],
    *key: str,
    refers_to: str | None = None,
    reason: str | None = None,
) -> Entry:
    """A balanced entry, whose id `period`, `kind` and `key` always give.

    Raises:
        Unbalanced: a currency's lines do not sum to zero.
    """
    made = Entry(
        derived_id("ledger", period, kind, *key), period, kind, tuple(lines), refers_to, reason
    )
    sums: dict[str, int] = {}
    for line in made.lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.amount
    if any(sums.values()):
        raise Unbalanced(f"{kind} {'/'.join(key)} of {period}: {sums}")
    return made


def reversal(wrong: Entry, period: str, reason: str) -> Entry:
    """The entry, in the open `period`, that undoes `wrong` of a closed one.

    Raises:
        Conflict: a reversal is not reversed; book what is right instead (code IS_REVERSAL).
    """
    if wrong.kind == "reversal":
        raise Conflict("a reversal is not reversed: book what is right", code="IS_REVERSAL")
    lines = [Line(it.account, it.currency, -it.amount) for it in wrong.lines]
    # Its id is the wrong entry's alone: whoever reverses it twice books it once.
    return Entry(
        derived_id("ledger", "reversal", wrong.entry_id), period, "reversal", tuple(lines),
        wrong.entry_id, reason,
    )  # fmt: skip


def text(it: Entry) -> str:
    """The entry in its one canonical form: a line of JSON."""
    return json.dumps(
        [
            it.entry_id,
            it.period,
            it.kind,
            [[line.account, line.currency, line.amount] for line in it.lines],
            it.refers_to,
            it.reason,
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def parse(line: str) -> Entry:
    """What `text` gave, as an entry again."""
    entry_id, period, kind, lines, refers_to, reason = json.loads(line)
    return Entry(entry_id, period, kind, tuple(Line(*it) for it in lines), refers_to, reason)


def chained(previous: str, entries: Iterable[Entry]) -> tuple[str, str]:
    """(the ledger's text, its hash): entries in order of their ids, hashed onto the hash of the
    period before. Whoever changes one entry of any period changes every hash from there on."""
    lines = [text(it) for it in sorted(entries, key=lambda it: it.entry_id)]
    whole = "\n".join(lines) + "\n"
    digest = hashlib.sha256(f"{previous}\n{whole}".encode()).hexdigest()
    return whole, digest


def balances(entries: Iterable[Entry]) -> dict[tuple[str, str], int]:
    """What is on each (account, currency)."""
    found: dict[tuple[str, str], int] = {}
    for it in entries:
        for line in it.lines:
            key = line.account, line.currency
            found[key] = found.get(key, 0) + line.amount
    return found
