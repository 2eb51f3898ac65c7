"""What each track may be used for, gathered from every licence and release that covers it. Pure.

A track's rights have a version that rises by one with each change; everybody else projects them
by it. A source that no longer covers the track stays, empty, so that its older state arriving
late cannot bring it back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.errors import Invalid
from shared.events import RightsChanged
from shared.ids import derived_id
from shared.rights.deals import MAX_DEALS, Deal


@dataclass(frozen=True, slots=True)
class Source:
    """Deals from one licence or release, as of its `stamp`, which only rises."""

    stamp: int
    deals: tuple[Deal, ...]


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A track's rights. `unpublished_at`: when the latest version was written, until it is known
    to be published. Version 0: nothing was ever said."""

    track_id: str
    version: int = 0
    sources: Mapping[str, Source] = field(default_factory=dict)
    unpublished_at: datetime | None = None


def deals_of(known: Entitlement) -> tuple[Deal, ...]:
    """All deals that cover the track, in the order of their sources' keys."""
    return tuple(deal for _, source in sorted(known.sources.items()) for deal in source.deals)


def with_source(
    known: Entitlement, key: str, stamp: int, deals: tuple[Deal, ...], at: datetime
) -> Entitlement | None:
    """The rights once source `key` covers the track by `deals`; None if that changes nothing or
    a later state of the source is known.

    Raises:
        Invalid: more deals than a track may have (code TOO_MANY_DEALS).
    """
    before = known.sources.get(key)
    if before is not None and (stamp < before.stamp or before == Source(stamp, deals)):
        return None
    if before is None and not deals:
        return None
    after = replace(known, sources={**known.sources, key: Source(stamp, deals)})
    now = deals_of(after)
    if len(now) > MAX_DEALS:
        raise Invalid(
            f"track {known.track_id} would have more than {MAX_DEALS} deals", code="TOO_MANY_DEALS"
        )
    if now == deals_of(known):
        return after
    return replace(after, version=known.version + 1, unpublished_at=at)


def published(known: Entitlement, version: int) -> Entitlement | None:
    """The rights with `version` known to be published; None if they have changed since."""
    if known.version != version or known.unpublished_at is None:
        return None
    return replace(known, unpublished_at=None)


def changed(known: Entitlement, at: datetime) -> RightsChanged:
    """The event that tells others how they now stand: the same id each time it is told."""
    return RightsChanged(
        event_id=derived_id("rights", known.track_id, str(known.version)),
        occurred_at=at,
        track_id=known.track_id,
        version=known.version,
        deals=deals_of(known),
    )
