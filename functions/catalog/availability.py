"""Where a track, or its preview, may be played now, projected from what rights says. Pure.

The plan does not matter here: a market is available when anyone can play there.
"""

from dataclasses import replace
from datetime import datetime

from functions.catalog.model import WORLDWIDE, Availability
from shared.events import RightsChanged
from shared.rights.shapes import Shape
from shared.rights.vocabulary import CLIP_PREVIEW, ON_DEMAND
from shared.territories import TERRITORIES


def with_rights(
    known: Availability | None, event: RightsChanged, at: datetime
) -> Availability | None:
    """The projection after `event`; None when it knows that version or a later one."""
    if known is not None and event.version <= known.version:
        return None
    return due(Availability(event.track_id, event.version, event.deals, None), at)


def due(known: Availability, at: datetime) -> Availability:
    """The projection with the instant after `at` at which its answer may next change."""
    shape = Shape(known.deals)
    bounds = [it for use in (ON_DEMAND, CLIP_PREVIEW) if (it := shape.next_bound(use, at))]
    return replace(known, due_at=min(bounds, default=None))


def markets(known: Availability, at: datetime) -> tuple[str, ...]:
    """Where some deal holds at `at`: countries, sorted, or `("*",)`."""
    return _where(known, ON_DEMAND, at)


def clips(known: Availability, at: datetime) -> tuple[str, ...]:
    """As `markets`, of the preview."""
    return _where(known, CLIP_PREVIEW, at)


def _where(known: Availability, use: str, at: datetime) -> tuple[str, ...]:
    found = TERRITORIES.intersection(Shape(known.deals).markets(use, at))
    return (WORLDWIDE,) if found == TERRITORIES else tuple(sorted(found))
