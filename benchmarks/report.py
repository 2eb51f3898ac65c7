"""The one line every benchmark ends with, for people to read and machines to compare."""

import json
from collections.abc import Mapping


def emit(
    name: str,
    unit: str,
    ours: float,
    *,
    peers: Mapping[str, float],
    floor: float,
    higher_is_better: bool,
    peer: str | None = None,
    **more: object,
) -> None:
    """Print the result as one JSON line; `ratio_*` above 1 means ours is better.

    `peer` names the peer that `ratio_peer` is taken against (default: the best one).
    """
    best = peers[peer] if peer else (max if higher_is_better else min)(peers.values())

    def ratio(other: float) -> float:
        return round(ours / other if higher_is_better else other / ours, 3)

    line = {
        "name": name,
        "unit": unit,
        "ours": round(ours, 3),
        "peers": {key: round(value, 3) for key, value in peers.items()},
        "floor": round(floor, 3),
        "ratio_peer": ratio(best),
        "ratio_floor": ratio(floor),
        **more,
    }
    print(json.dumps(line), flush=True)
