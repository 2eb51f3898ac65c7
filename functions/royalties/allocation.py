"""Whole amounts shared out by weight, to the last minor unit. Pure."""

from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K", str, int, tuple)


def largest_remainder(amount: int, weights: Mapping[K, int]) -> dict[K, int]:
    """`amount` (minor units, of either sign) shared in proportion to `weights`; sums to `amount`.

    Everyone gets their share rounded towards zero; what is left goes one unit each to the largest
    remainders, of equal ones to the smaller key. Without any weight everyone gets nothing, and
    nothing is shared.

    Raises:
        ValueError: a weight is negative.

    Source: Hamilton's method, as in Balinski and Young, Fair Representation (1982), chapter 2
    """
    total = sum(weights.values())
    if total == 0:
        if any(weights.values()):
            raise ValueError("a weight is negative")
        return dict.fromkeys(weights, 0)
    size, sign = abs(amount), 1 if amount >= 0 else -1
    shares: dict[K, int] = {}
    rests: list[tuple[int, K]] = []
    shared = 0
    for key, weight in weights.items():
        if weight < 0:
            raise ValueError(f"the weight of {key!r} is negative")
        whole, rest = divmod(size * weight, total)
        shares[key] = whole
        shared += whole
        if rest:
            rests.append((-rest, key))
    left = size - shared
    if left:
        rests.sort()
        for _, key in rests[:left]:
            shares[key] += 1
    if sign < 0:
        return {key: -share for key, share in shares.items()}
    return shares
