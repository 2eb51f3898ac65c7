"""Conservation: whatever the pools, payouts are the pool to the minor unit."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.royalties import ledger
from functions.royalties.closing import (
    METHODS,
    PRO_RATA,
    USER_CENTRIC,
    Played,
    Pool,
    close,
)
from functions.royalties.ledger import Line, entry
from functions.royalties.money import new_rate
from shared.errors import Conflict

DAY = date(2026, 9, 30)
RATES = [
    new_rate("SEK", "EUR", DAY, "0.087712345678"),
    new_rate("USD", "EUR", DAY, "0.8512"),
    new_rate("EUR", "JPY", DAY, "171.23"),
    new_rate("USD", "JPY", DAY, "147.7"),
    new_rate("SEK", "JPY", DAY, "15.1"),
]
PLACES = [(where, plan) for where in ("SE", "NO", "US") for plan in ("free", "premium")]

pools = st.lists(
    st.builds(
        lambda place, currency, amount, method: Pool(*place, currency, amount, method),
        st.sampled_from(PLACES),
        st.sampled_from(["SEK", "USD"]),
        st.integers(-(10**6), 10**15) | st.sampled_from([0, 1, 10**15]),
        st.sampled_from(METHODS),
    ),
    max_size=6,
    unique_by=lambda it: (it.territory, it.plan),
)
lines = st.lists(
    st.builds(
        lambda place, payee, track, month, plays, weight, monetised: Played(
            *place, f"p{payee}", f"t{track}", f"2026-0{month}", plays, weight, monetised
        ),
        st.sampled_from([*PLACES, ("XX", "free")]),
        st.integers(0, 6),
        st.integers(0, 3),
        st.integers(8, 9),
        st.integers(1, 10**9),
        st.integers(0, 10**15),
        st.booleans(),
    ),
    max_size=40,
    unique_by=lambda it: (it.territory, it.plan, it.payee, it.track_id, it.of_period),
)


@settings(max_examples=300, deadline=None)
@given(pools, lines, st.dictionaries(st.sampled_from([f"p{it}" for it in range(7)]),
                                     st.sampled_from(["EUR", "JPY", "SEK"])))  # fmt: skip
def test_payouts_are_the_pool_to_the_minor_unit(
    given_pools: list[Pool], played: list[Played], currencies: dict[str, str]
):
    rates = [*RATES, new_rate("USD", "SEK", DAY, "10.1")]
    found = close("2026-09", DAY, given_pools, played, (), currencies, rates)
    accounts = ledger.balances(found.entries)
    by_currency: Counter[str] = Counter()
    for (_, currency), amount in accounts.items():
        by_currency[currency] += amount
    assert not any(by_currency.values()), "all accounts together are nothing"
    for pool in given_pools:
        assert accounts.get((pool.account, pool.currency), 0) == 0, "a pool goes out whole"
        shared = sum(
            line.amount
            for it in found.statements.values()
            for line in it.lines
            if (line.territory, line.plan) == (pool.territory, pool.plan)
        )
        held = found.held.get((pool.territory, pool.plan), 0)
        assert shared + held == pool.amount
    for payee, it in found.statements.items():
        owed = {c: a for (account, c), a in accounts.items() if account == f"payable/{payee}" and a}
        assert owed == it.totals, "the statement says what the ledger owes"
        if payee in currencies:
            assert set(it.totals) <= {currencies[payee]}
    for currency in ("EUR", "JPY"):
        into = [it for s in found.statements.values() for it in s.exchanges
                if it.paid_currency == currency]  # fmt: skip
        for base in ("SEK", "USD"):
            for sign in (1, -1):
                some = [it for it in into if it.currency == base and it.amount * sign > 0]
                if some:
                    rate = next(r for r in rates if (r.base, r.quote) == (base, currency))
                    scale = 100 if currency == "JPY" else 1
                    exact = sum(it.amount for it in some) * rate.fraction / scale
                    assert abs(sum(it.paid_amount for it in some) - exact) <= 0.5


@settings(max_examples=60, deadline=None)
@given(pools, lines, st.randoms())
def test_the_order_of_what_is_played_changes_not_one_byte(given_pools, played, dice):
    one = close("2026-09", DAY, given_pools, played)
    dice.shuffle(played)
    dice.shuffle(given_pools)
    two = close("2026-09", DAY, given_pools, played)
    assert ledger.chained("x", one.entries) == ledger.chained("x", two.entries)
    assert one.statements == two.statements


def play(payee: str, plays: int, weight: int = 0, **changes: object) -> Played:
    it = Played("SE", "premium", payee, f"track of {payee}", "2026-09", plays, weight)
    return replace(it, **changes)


def test_a_farm_of_accounts_draws_plays_but_not_listeners():
    """100 accounts at 9.99 play all day: of 10,000 listeners they are one in a hundred."""
    farm = play("farm", 100 * 2_000, 100 * 10**9)
    others = play("others", 9_900 * 400, 9_900 * 10**9)
    pool = Pool("SE", "premium", "USD", 10_000 * 999)
    plain = close("2026-09", DAY, [pool], [farm, others])
    by_listener = close("2026-09", DAY, [replace(pool, method=USER_CENTRIC)], [farm, others])
    assert plain.statements["farm"].totals == {"USD": 480_288}
    assert by_listener.statements["farm"].totals == {"USD": 99_900}


def test_a_pool_that_nobody_played_in_is_held():
    found = close("2026-09", DAY, [Pool("SE", "free", "SEK", 500)], [])
    assert found.held == {("SE", "free"): 500}
    assert ledger.balances(found.entries)["held/SE/free", "SEK"] == 500
    assert found.statements == {}


def test_a_pool_of_nothing_books_nothing_and_still_tells_the_plays():
    found = close("2026-09", DAY, [Pool("SE", "premium", "SEK", 0)], [play("x", 3)])
    assert found.entries == ()
    assert [line.plays for line in found.statements["x"].lines] == [3]
    assert found.statements["x"].totals == {}


def test_plays_without_a_pool_are_told():
    assert close("2026-09", DAY, [], [play("x", 3), play("y", 4)]).unpooled == 7


def test_a_track_below_the_minimum_leaves_its_share_to_the_others():
    played = [play("small", 10, monetised=False), play("big", 90)]
    found = close("2026-09", DAY, [Pool("SE", "premium", "SEK", 1001)], played)
    assert found.statements["big"].totals == {"SEK": 1001}
    assert found.statements["small"].totals == {}
    assert found.statements["small"].lines[0].plays == 10


def test_late_plays_have_a_line_of_their_own_and_share_in_the_open_pool():
    played = [play("x", 1), play("x", 1, of_period="2026-08")]
    found = close("2026-09", DAY, [Pool("SE", "premium", "SEK", 3)], played)
    assert [(it.of_period, it.amount) for it in found.statements["x"].lines] == [
        ("2026-08", 2),
        ("2026-09", 1),
    ]


def test_what_is_booked_by_hand_may_leave_a_payee_owing():
    by_hand = entry(
        "2026-09",
        "adjustment",
        (Line("revenue", "SEK", 500), Line("payable/x", "SEK", -500)),
        "1",
        reason="chargeback",
    )
    found = close(
        "2026-09", DAY, [Pool("SE", "premium", "SEK", 100)], [play("x", 1)], [by_hand],
        {"x": "EUR"}, RATES,
    )  # fmt: skip
    assert found.statements["x"].totals == {"EUR": -35}
    assert [it.reason for it in found.statements["x"].adjustments] == ["chargeback"]


def test_two_pools_of_one_place_are_refused():
    with pytest.raises(Conflict) as caught:
        close("2026-09", DAY, [Pool("SE", "free", "SEK", 1), Pool("SE", "free", "EUR", 1)], [])
    assert caught.value.code == "POOL_TWICE"


def test_a_missing_rate_stops_the_closing():
    with pytest.raises(Conflict) as caught:
        close(
            "2026-09", DAY, [Pool("SE", "premium", "SEK", 1)], [play("x", 1)], (), {"x": "NOK"},
            RATES,
        )  # fmt: skip
    assert caught.value.code == "RATE_MISSING"


def test_pro_rata_is_the_default():
    assert Pool("SE", "free", "SEK", 1).method == PRO_RATA
