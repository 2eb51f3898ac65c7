"""How much a plan allows at once and in an hour: streams side by side, skips. Pure.

A stream is a device that was granted a play and may still be playing it. Its lease is written
when a device begins or its lease runs short, not for each play: within `LEASE` it plays on
unwritten. Who listens elsewhere says so (`take_over`), and the device that began first gives way.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import Forbidden

STREAMS = {"free": 1, "student": 1, "premium": 1, "family": 6}
SKIPS = {"free": 6}
"""Skips in `SKIP_WINDOW`; plans that are not named here skip as they like."""
SKIP_WINDOW = timedelta(hours=1)
LEASE = timedelta(minutes=10)
GRACE = timedelta(seconds=30)
"""Between tracks, and for clocks."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A device streams, from `since` until at most `until`."""

    device_id: str
    since: datetime
    until: datetime


class TooManyStreams(Forbidden):
    """Others stream already. `devices` are theirs, `retry_at` when the first lease ends."""

    code = "TOO_MANY_STREAMS"

    def __init__(self, limit: int, devices: tuple[str, ...], retry_at: datetime) -> None:
        plural = "" if limit == 1 else "s"
        super().__init__(f"your plan plays on {limit} device{plural} at a time")
        self.limit, self.devices, self.retry_at = limit, devices, retry_at


class SkipLimit(Forbidden):
    """No skip is left in this hour. `retry_at`: when the oldest one is an hour old."""

    code = "SKIP_LIMIT"

    def __init__(self, limit: int, retry_at: datetime) -> None:
        super().__init__(f"your plan allows {limit} skips an hour")
        self.limit, self.retry_at = limit, retry_at


def leased(
    leases: tuple[Lease, ...],
    device_id: str,
    *,
    product: str,
    at: datetime,
    lasts: timedelta,
    take_over: bool = False,
) -> tuple[Lease, ...]:
    """The leases once `device_id` plays something that `lasts`; the same object if nothing is new.

    Raises:
        TooManyStreams: `product` allows no further stream at `at`, and nobody is to give way.
    """
    live = tuple(one for one in leases if one.until > at)
    needed, until = at + lasts + GRACE, at + max(LEASE, lasts + GRACE)
    own = next((one for one in live if one.device_id == device_id), None)
    if own is not None:
        if own.until >= needed:
            return leases
        others = tuple(one for one in live if one is not own)
        return (*others, Lease(device_id, own.since, until))
    limit = STREAMS.get(product, 1)
    if len(live) >= limit:
        if not take_over:
            devices = tuple(one.device_id for one in live)
            raise TooManyStreams(limit, devices, min(one.until for one in live))
        first = sorted(live, key=lambda one: (one.since, one.device_id))
        live = tuple(first[len(first) - limit + 1 :])
    return (*live, Lease(device_id, at, until))


def released(leases: tuple[Lease, ...], device_id: str) -> tuple[Lease, ...]:
    """The leases without that of `device_id`: it has stopped."""
    return tuple(one for one in leases if one.device_id != device_id)


def skipped(skips: tuple[datetime, ...], *, product: str, at: datetime) -> tuple[datetime, ...]:
    """The skips of the last hour with one more, at `at`. Plans without a limit leave no trace.

    Raises:
        SkipLimit: there is none left.
    """
    limit = SKIPS.get(product)
    if limit is None:
        return skips
    recent = tuple(sorted(one for one in skips if one > at - SKIP_WINDOW))
    if len(recent) >= limit:
        raise SkipLimit(limit, recent[len(recent) - limit] + SKIP_WINDOW)
    return (*recent, at)
