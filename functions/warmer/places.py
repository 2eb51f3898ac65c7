"""Where territories are, and since when and how early their days begin. Pure.

Coordinates are those of a territory's first zone in the IANA database's zone.tab (public domain),
by the `tzdata` package; its midnights are those of that zone.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

import tzdata.zoneinfo

_POINT = re.compile(r"([+-])(\d{2})(\d{2})(?:\d{2})?([+-])(\d{3})(\d{2})(?:\d{2})?")


@dataclass(frozen=True, slots=True)
class Territory:
    """Degrees, and the zone of its capital or largest city."""

    latitude: float
    longitude: float
    zone: str


@cache
def territories() -> Mapping[str, Territory]:
    """Every territory of zone.tab by its ISO 3166-1 code."""
    found: dict[str, Territory] = {}
    text = resources.files(tzdata.zoneinfo).joinpath("zone.tab").read_text()
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        code, point, zone = line.split("\t")[:3]
        match = _POINT.fullmatch(point)
        if match is None or code in found:
            continue
        north, east = match[1], match[4]
        latitude = (int(match[2]) + int(match[3]) / 60) * (1 if north == "+" else -1)
        longitude = (int(match[5]) + int(match[6]) / 60) * (1 if east == "+" else -1)
        found[code] = Territory(latitude, longitude, zone)
    return found


def out_at(release_on: date, territory: str) -> datetime:
    """When what is released on that day comes out there: local midnight, in UTC. A midnight that
    clocks skip is the moment to which they skip (PEP 495, fold 0)."""
    known = territories().get(territory)
    zone = ZoneInfo(known.zone) if known else UTC
    return datetime(release_on.year, release_on.month, release_on.day, tzinfo=zone).astimezone(UTC)


def nearest(territory: str, edges: Iterable[tuple[str, float, float]]) -> str | None:
    """The name of the edge (name, latitude, longitude) that is nearest to a territory; of one that
    nobody knows the first. None without edges."""
    all_edges = sorted(edges)
    known = territories().get(territory)
    if known is None:
        return all_edges[0][0] if all_edges else None
    return min(
        all_edges,
        key=lambda edge: _turn(known.latitude, known.longitude, edge[1], edge[2]),
        default=(None,),
    )[0]


def _turn(one: float, east: float, other: float, other_east: float) -> float:
    """The angle between two points; which is nearer is all that is asked."""
    a, b = math.radians(one), math.radians(other)
    cosine = math.sin(a) * math.sin(b)
    cosine += math.cos(a) * math.cos(b) * math.cos(math.radians(east - other_east))
    return math.acos(max(-1.0, min(1.0, cosine)))
