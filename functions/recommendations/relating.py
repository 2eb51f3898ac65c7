"""Which artists are heard with which: told to whoever answers for artists."""

from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam

from functions.recommendations.matrix import Ints
from functions.recommendations.outlets import Outlet
from functions.recommendations.plan import Plan
from shared.events import RelatedArtistsChanged
from shared.ids import derived_id

RELATED = 50
"""Artists that are told of one, at most."""
PARTIAL = 200
"""Of a range of tracks, at most: what is far behind in each comes nowhere."""
Weights = dict[str, float]


def of_tracks(
    first: int, near: Sequence[Sequence[tuple[int, float]]], codes: Ints, names: Sequence[str]
) -> dict[str, Weights]:
    """What some tracks (from number `first` on) say of their artists: by artist, others' weights.

    `near` are each track's neighbours and weights, `codes` the artists of all tracks, −1 for none.
    A track's nearest counts 1, so that no single hit outweighs all that an artist has made.
    """
    found: dict[str, Weights] = {}
    for at, neighbours in enumerate(near):
        own = int(codes[first + at])
        if own < 0 or not neighbours:
            continue
        weights = found.setdefault(names[own], {})
        highest = max(weight for _, weight in neighbours)
        for track, weight in neighbours:
            other = int(codes[track])
            if other >= 0 and other != own and weight > 0:
                weights[names[other]] = weights.get(names[other], 0.0) + weight / highest
    return {artist: dict(_best(weights, PARTIAL)) for artist, weights in found.items() if weights}


def related(parts: Iterable[Weights], most: int = RELATED) -> tuple[str, ...]:
    """The nearest artists of all that was said, nearest first."""
    total: Weights = {}
    for part in parts:
        for artist, weight in part.items():
            total[artist] = total.get(artist, 0.0) + weight
    return tuple(artist for artist, _ in _best(total, most))


def _best(weights: Weights, most: int) -> list[tuple[str, float]]:
    return sorted(weights.items(), key=lambda it: (-it[1], it[0]))[:most]


class Tell(beam.DoFn):
    """Publishes artists' nearest; answers how many. Told twice is the same event."""

    def __init__(self, plan: Plan, outlet: Outlet) -> None:
        self._plan, self._outlet = plan, outlet

    def process(self, some: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[int]:
        plan = self._plan
        self._outlet.open().publish(
            RelatedArtistsChanged(
                derived_id("related", artist, plan.generation),
                plan.now,
                artist,
                nearest,
                plan.generation,
            )
            for artist, nearest in some
        )
        yield len(some)
