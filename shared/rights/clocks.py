"""What the clocks on the walls of a territory say: its UTC offsets now, and until when they hold.

A listener's territory is known, their time zone is not. Where a territory has several zones, a
right that depends on the wall clock is had only where it is had on all of them.
"""

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import tzdata  # noqa: F401 - a container has no rules of its own; zoneinfo finds them here

from shared.rights.zones import ZONES

HORIZON = timedelta(days=30)
"""No answer is given for longer: beyond it a change of rules may be announced."""
STEP = timedelta(hours=12)
EVERY_OFFSET = tuple(timedelta(minutes=15 * n) for n in range(-48, 57))
"""From -12:00 to +14:00: every offset in use anywhere."""
_PARTS = {"ES-CE": "Africa/Ceuta", "ES-CN": "Atlantic/Canary", "ES-ML": "Africa/Ceuta"}
_known: dict[str, tuple[datetime, datetime, tuple[timedelta, ...]]] = {}


def clocks_of(territory: str, at: datetime) -> tuple[tuple[timedelta, ...], datetime]:
    """The distinct UTC offsets in `territory` at `at`, and the instant until which they stay.

    Uninhabited places without a zone have every whole hour.
    """
    known = _known.get(territory)
    if known is not None and known[0] <= at < known[1]:
        return known[2], known[1]
    zones = zones_of(territory)
    until = at + HORIZON
    for zone in zones:
        until = next_change(zone, at, until)
    offsets = sorted({_offset(zone, at) for zone in zones}) or EVERY_OFFSET[::4]
    _known[territory] = at, until, tuple(offsets)
    return tuple(offsets), until


def zones_of(territory: str) -> tuple[ZoneInfo, ...]:
    """The zones of a territory or of a part of one; none for what nobody lives in."""
    part = _PARTS.get(territory)
    return tuple(_zone(name) for name in ((part,) if part else ZONES.get(territory, ())))


def next_change(zone: ZoneInfo, at: datetime, until: datetime) -> datetime:
    """The first instant after `at` at which the zone's offset differs, to the second, or `until`.

    Zones do not change there and back within twelve hours.
    """
    offset, low = _offset(zone, at), at
    while low < until:
        high = min(low + STEP, until)
        if _offset(zone, high) != offset:
            low = low.replace(microsecond=0)
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                if _offset(zone, middle) == offset:
                    low = middle
                else:
                    high = middle
            return high
        low = high
    return until


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    found = at.astimezone(zone).utcoffset()
    assert found is not None
    return found


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
