"""Which objects an edge should hold before they are asked for: the warm list. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from functions.warmer.forecast import chance_of_use

LEAST_CHANCE = 0.55
"""An object is fetched ahead only if it is asked for with this probability. The mean over a warm
list is higher; it is what `benchmarks.edge_cache` reports as the share used."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A track's objects and how often they are expected to be asked for in the time ahead."""

    track_id: str
    size_bytes: int
    expected: float


def warm_list(
    candidates: Iterable[Candidate], *, budget_bytes: int, least_chance: float = LEAST_CHANCE
) -> list[Candidate]:
    """The candidates to fetch, most plays for each byte first, within `budget_bytes`.

    What does not fit is left out and smaller ones after it may still come in: the warm list of an
    edge is thousands of objects of a similar size, so greedy is within one object of the best.
    Ties go by id: the same facts give the same list.
    """
    worth = [
        it for it in candidates if it.size_bytes > 0 and chance_of_use(it.expected) >= least_chance
    ]
    worth.sort(key=lambda it: (-it.expected / it.size_bytes, it.track_id))
    chosen: list[Candidate] = []
    left = budget_bytes
    for one in worth:
        if one.size_bytes <= left:
            chosen.append(one)
            left -= one.size_bytes
    return chosen
