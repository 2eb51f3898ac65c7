"""Which arm of an experiment a user is in: the same for ever, without anyone remembering it."""

import hashlib
from collections.abc import Mapping


def bucket(experiment: str, user_id: str, weights: Mapping[str, float]) -> str:
    """The arm of `user_id`, in the shares of `weights` (any scale; in their order).

    SHA-256 of both names: arms of different experiments do not depend on each other.

    Raises:
        ValueError: no weight is above nought.
    """
    total = sum(weights.values())
    if not total > 0:
        raise ValueError(f"experiment {experiment} has no arms")
    digest = hashlib.sha256(f"{experiment}/{user_id}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64 * total
    arm = ""
    for arm, weight in weights.items():
        point -= weight
        if point < 0 < weight:
            return arm
    return arm
