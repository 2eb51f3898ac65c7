"""Arms are deterministic, in the shares asked for, and independent between experiments."""

from collections import Counter

import pytest

from shared.experiments import bucket


def test_a_user_stays_in_an_arm() -> None:
    assert len({bucket("x", "user", {"a": 1, "b": 1}) for _ in range(10)}) == 1


def test_arms_get_their_shares() -> None:
    counts = Counter(bucket("x", str(n), {"a": 3, "b": 1, "none": 0}) for n in range(4000))
    assert counts["a"] / 4000 == pytest.approx(0.75, abs=0.03)
    assert set(counts) == {"a", "b"}


def test_experiments_do_not_depend_on_each_other() -> None:
    both = Counter(
        (bucket("x", str(n), {"a": 1, "b": 1}), bucket("y", str(n), {"a": 1, "b": 1}))
        for n in range(4000)
    )
    assert all(it / 4000 == pytest.approx(0.25, abs=0.03) for it in both.values())


def test_no_weights_are_no_experiment() -> None:
    with pytest.raises(ValueError, match="no arms"):
        bucket("x", "user", {"a": 0})
