"""Where a track may be played now, projected from what rights says. Pure.

The plan does not matter here: a market is available when anyone can play there.
"""

from dataclasses import replace
from datetime import datetime

from functions.catalog.model import WORLDWIDE, Availability
from shared.events import RightsChanged
from shared.rights.shapes import Shape
from shared.rights.vocabulary import ON_DEMAND
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
    return replace(known, due_at=Shape(known.deals).next_bound(ON_DEMAND, at))


def markets(known: Availability, at: datetime) -> tuple[str, ...]:
    """Where some deal holds at `at`: countries, sorted, or `("*",)`."""
    found = TERRITORIES.intersection(Shape(known.deals).markets(ON_DEMAND, at))
    return (WORLDWIDE,) if found == TERRITORIES else tuple(sorted(found))
