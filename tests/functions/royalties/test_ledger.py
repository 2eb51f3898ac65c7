"""Double entry: what does not balance is not written; what is wrong is reversed."""

import random

import pytest

from functions.royalties import ledger
from functions.royalties.ledger import Line, Unbalanced, balances, chained, entry, reversal
from shared.errors import Conflict


def share(payee: str, amount: int = 40) -> ledger.Entry:
    lines = Line("pool/SE/free", "SEK", -amount), Line(f"payable/{payee}", "SEK", amount)
    return entry("2026-09", "share", lines, payee)


def test_an_entry_that_does_not_balance_in_each_currency_is_refused():
    with pytest.raises(Unbalanced):
        entry("2026-09", "share", [Line("a", "SEK", -1), Line("b", "EUR", 1)], "x")


def test_a_reversal_undoes_and_is_not_undone():
    wrong = share("x")
    undone = reversal(wrong, "2026-10", "paid the wrong one")
    assert not any(balances([wrong, undone]).values())
    assert undone.refers_to == wrong.entry_id
    assert undone.entry_id == reversal(wrong, "2026-11", "again").entry_id
    with pytest.raises(Conflict) as caught:
        reversal(undone, "2026-10", "no, it was right")
    assert caught.value.code == "IS_REVERSAL"


def test_the_hash_is_of_what_is_said_and_not_of_its_order():
    entries = [share(name, amount) for amount, name in enumerate("abcdefgh", 1)]
    text, digest = chained("before", entries)
    random.Random(1).shuffle(entries)
    assert chained("before", entries) == (text, digest)
    assert chained("other", entries)[1] != digest
    assert chained("before", entries[1:])[1] != digest
    assert chained("before", [share("a", 2), *entries[1:]])[1] != digest


def test_the_ledgers_text_can_be_read_back():
    undone = reversal(share('Å/ä "x"\n'), "2026-10", "reason,\nwith a line")
    entries = sorted([share('Å/ä "x"\n'), undone], key=lambda it: it.entry_id)
    text, _ = chained("", entries)
    assert [ledger.parse(line) for line in text.splitlines()] == entries
