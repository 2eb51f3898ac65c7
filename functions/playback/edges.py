"""Which edge a listener should fetch from, and at which bit rate to begin. Pure.

An edge is judged by the time that a first segment would take from it: the way there and back,
and the transfer. What clients of the same country measured counts for the transfer; where nobody
has measured yet, a modest guess does. Errors multiply the time by the tries that they cost, and
an edge that is nearly full is slow for the next one who comes. All edges stay in the list: the
last one is still better than silence.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.events import Rendition

HALF_LIFE_S = 120.0
"""What was measured counts half after this time: an edge that has recovered is forgiven."""
SEGMENT_BYTES = 200_000
"""Ten seconds at 160 kbit/s."""
PRIOR_BPS = 8_000_000.0
PRIOR_S = 2.0
"""Believed of an edge as if two seconds of transfer at 8 Mbit/s had been measured."""
PRIOR_REQUESTS = 20.0
PRIOR_ERROR_RATE = 0.005
ANYWHERE_MS = 40.0
"""The way to an anycast address, which has no place of its own, or from who knows where."""
_EARTH_KM = 6371.0
_MS_PER_KM = 0.012
"""There and back at two thirds of light's speed, by cables that are a fifth longer than straight:
https://hpbn.co/primer-on-latency-and-bandwidth/"""
_BASE_MS = 10.0
NETWORK_BPS: Mapping[str, float] = {
    "slow-2g": 30_000,
    "2g": 60_000,
    "3g": 500_000,
    "4g": 8_000_000,
    "5g": 20_000_000,
    "cellular": 2_000_000,
    "wifi": 20_000_000,
    "ethernet": 50_000_000,
}
"""What to expect of a network type (the Network Information API's words and a few more)."""
_SAFE = 0.7


@dataclass(frozen=True, slots=True)
class Edge:
    """An audio endpoint. No place: an anycast address. `gbps` 0: not known to be bounded."""

    name: str
    url: str
    latitude: float | None = None
    longitude: float | None = None
    gbps: float = 0.0


@dataclass(frozen=True, slots=True)
class Sums:
    """What clients measured, each sum decayed to the instant `at_s` (Unix seconds)."""

    at_s: float = 0.0
    requests: float = 0.0
    errors: float = 0.0
    bytes: float = 0.0
    seconds: float = 0.0

    def at(self, now_s: float) -> "Sums":
        """The same, decayed to `now_s`; never grown, should clocks disagree."""
        kept = 0.5 ** (max(0.0, now_s - self.at_s) / HALF_LIFE_S)
        return Sums(
            max(now_s, self.at_s),
            self.requests * kept,
            self.errors * kept,
            self.bytes * kept,
            self.seconds * kept,
        )

    def plus(self, other: "Sums") -> "Sums":
        """Both together, at the later of their instants."""
        at_s = max(self.at_s, other.at_s)
        one, two = self.at(at_s), other.at(at_s)
        return Sums(
            at_s,
            one.requests + two.requests,
            one.errors + two.errors,
            one.bytes + two.bytes,
            one.seconds + two.seconds,
        )

    @property
    def throughput_bps(self) -> float:
        return (8 * self.bytes + PRIOR_BPS * PRIOR_S) / (self.seconds + PRIOR_S)

    @property
    def error_rate(self) -> float:
        errors = self.errors + PRIOR_ERROR_RATE * PRIOR_REQUESTS
        return errors / (self.requests + PRIOR_REQUESTS)

    @property
    def load_bps(self) -> float:
        """Bits a second delivered lately: a decayed sum is a rate times its mean lifetime."""
        return 8 * self.bytes * math.log(2) / HALF_LIFE_S


def read_edges(text: str) -> tuple[Edge, ...]:
    """The endpoints that the stack configures, from their JSON."""
    return tuple(
        Edge(it["name"], it["url"], it["latitude"], it["longitude"], it["gbps"])
        for it in json.loads(text)
    )


NOTHING = Sums()
Cells = Mapping[tuple[str, str], Sums]
"""By edge and the clients' country."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listener is: country, and coordinates where the load balancer knows them."""

    country: str
    latitude: float | None = None
    longitude: float | None = None


def place_of(country: str, location: str, default: str) -> Place:
    """From the load balancer's headers: `SE` and `59.33,18.06`, either possibly empty or odd."""
    known = country.upper() if len(country) == 2 and country.isascii() else default
    latitude, _, longitude = location.partition(",")
    try:
        at = float(latitude), float(longitude)
    except ValueError:
        return Place(known)
    if not (-90 <= at[0] <= 90 and -180 <= at[1] <= 180):
        return Place(known)
    return Place(known, *at)


def ranked(edges: Sequence[Edge], place: Place, cells: Cells, now_s: float) -> list[Edge]:
    """The edges, best first. Ties go by name: the same facts give the same order."""
    loads = loads_of(cells, now_s)
    return sorted(
        edges,
        key=lambda edge: (
            expected_ms(edge, place, cells.get((edge.name, place.country), NOTHING).at(now_s),
                        loads.get(edge.name, 0.0)),
            edge.name,
        ),
    )  # fmt: skip


def loads_of(cells: Cells, now_s: float) -> dict[str, float]:
    """Bits a second that each edge delivers to everyone."""
    loads: dict[str, float] = {}
    for (edge, _), sums in cells.items():
        loads[edge] = loads.get(edge, 0.0) + sums.at(now_s).load_bps
    return loads


def expected_ms(edge: Edge, place: Place, sums: Sums, load_bps: float) -> float:
    """How long a first segment takes: a request each for what it is and for its bytes."""
    free = 1.0
    if edge.gbps:
        # A queue at utilisation u is 1 / (1 - u) as long; never endless, or nobody would tell.
        free = 1.0 - min(load_bps / (edge.gbps * 1e9), 0.98)
    transfer_ms = 8000 * SEGMENT_BYTES / sums.throughput_bps
    right = max(0.02, 1.0 - sums.error_rate)
    return (2 * way_ms(edge, place) + transfer_ms / free) / right**2


def way_ms(edge: Edge, place: Place) -> float:
    """There and back by the great circle."""
    if None in (edge.latitude, edge.longitude, place.latitude, place.longitude):
        return ANYWHERE_MS
    one, two = math.radians(edge.latitude or 0.0), math.radians(place.latitude or 0.0)
    turn = math.radians((edge.longitude or 0.0) - (place.longitude or 0.0))
    half = math.sin((one - two) / 2) ** 2
    half += math.cos(one) * math.cos(two) * math.sin(turn / 2) ** 2
    return _BASE_MS + 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(half))) * _MS_PER_KM


def start_of(
    renditions: Iterable[Rendition], codec: str, sums: Sums, network: str | None, told_bps: float
) -> Rendition | None:
    """Where in the ladder of `codec` to begin: the best that the line carries with something to
    spare. `told_bps` is the client's own estimate, 0 for none, and goes before the guess that
    its network's type allows; no line is better than what the edge was seen to deliver."""
    line = told_bps or NETWORK_BPS.get(network or "", math.inf)
    budget = _SAFE * min(line, sums.throughput_bps)
    ladder = sorted((it for it in renditions if it.codec == codec), key=lambda it: it.bandwidth_bps)
    if not ladder:
        return None
    return next((it for it in reversed(ladder) if it.bandwidth_bps <= budget), ladder[0])
