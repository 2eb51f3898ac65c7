"""Sharing an amount: nothing is lost, nothing is made, and ties are no accident."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.royalties.allocation import largest_remainder

amounts = st.integers(-(10**15), 10**15)
weights = st.dictionaries(st.text(max_size=4), st.integers(0, 10**18), max_size=30)


@settings(max_examples=400)
@given(amounts, weights)
def test_shares_sum_to_the_amount_to_the_unit(amount: int, given_: dict[str, int]):
    shares = largest_remainder(amount, given_)
    assert set(shares) == set(given_)
    assert sum(shares.values()) == (amount if any(given_.values()) else 0)


@given(amounts, weights)
def test_everyone_is_within_one_unit_of_their_exact_share(amount: int, given_: dict[str, int]):
    total = sum(given_.values())
    for key, share in largest_remainder(amount, given_).items():
        if total:
            assert abs(share * total - amount * given_[key]) < total


@given(st.integers(0, 10**15), weights)
def test_more_weight_is_never_less_money(amount: int, given_: dict[str, int]):
    shares = largest_remainder(amount, given_)
    order = sorted(given_, key=lambda key: (given_[key], shares[key]))
    assert [shares[key] for key in order] == sorted(shares.values())


@given(amounts, weights, st.randoms())
def test_the_order_of_payees_changes_nothing(amount: int, given_: dict[str, int], dice):
    keys = list(given_)
    dice.shuffle(keys)
    assert largest_remainder(amount, {key: given_[key] for key in keys}) == largest_remainder(
        amount, given_
    )


@given(amounts, weights)
def test_taking_back_mirrors_giving(amount: int, given_: dict[str, int]):
    there, back = largest_remainder(amount, given_), largest_remainder(-amount, given_)
    assert back == {key: -share for key, share in there.items()}


def test_of_equal_remainders_the_smaller_key_gets_the_unit():
    assert largest_remainder(100, {"c": 1, "a": 1, "b": 1}) == {"a": 34, "b": 33, "c": 33}


def test_nobody_without_weight_gets_the_rest():
    assert largest_remainder(7, {"a": 0, "b": 3, "c": 0}) == {"a": 0, "b": 7, "c": 0}


@pytest.mark.parametrize("wrong", [{"a": -1, "b": 3}, {"a": -1, "b": 1}, {"a": -1}])
def test_a_negative_weight_is_refused(wrong: dict[str, int]):
    with pytest.raises(ValueError, match="negative"):
        largest_remainder(10, wrong)


def test_two_hundred_thousand_payees_lose_nothing_where_rounding_each_would():
    """$123,456,789.01 by Zipf: floats rounded one by one lost $127.17."""
    pool, payees = 12_345_678_901, 200_000
    given_ = {rank: 10**9 // rank for rank in range(1, payees + 1)}
    shares = largest_remainder(pool, given_)
    assert sum(shares.values()) == pool
    total = sum(given_.values())
    rounded = sum(int(pool * (weight / total)) for weight in given_.values())
    assert rounded != pool
