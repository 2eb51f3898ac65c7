"""Where a track may be played now, projected from what rights says. Pure.

The plan does not matter here: a market is available when anyone can play there.
"""

from dataclasses import replace
from datetime import datetime

from functions.catalog.model import WORLDWIDE, Availability, Term
from shared.events import LicenceChanged


def with_licence(
    known: Availability | None, track_id: str, event: LicenceChanged, at: datetime
) -> Availability | None:
    """The projection after `event`; None when it knows that version or a later one.

    A withdrawn licence stays, so that an older version arriving late cannot bring it back.
    """
    before = known or Availability(track_id, (), None)
    terms = {it.licence_id: it for it in before.terms}
    if (old := terms.get(event.licence_id)) is not None and event.version <= old.version:
        return None
    terms[event.licence_id] = Term(
        event.licence_id,
        event.version,
        event.territories,
        event.starts_at,
        event.ends_at,
        event.withdrawn,
    )
    return due(replace(before, terms=tuple(terms.values())), at)


def due(known: Availability, at: datetime) -> Availability:
    """The projection with the instant after `at` at which its answer may next change."""
    bounds = [
        bound
        for it in known.terms
        if not it.withdrawn
        for bound in (it.starts_at, it.ends_at)
        if bound is not None and bound > at
    ]
    return replace(known, due_at=min(bounds, default=None))


def markets(known: Availability, at: datetime) -> tuple[str, ...]:
    """Where some licence holds at `at`: countries, sorted, or `("*",)`."""
    found = {
        territory
        for it in known.terms
        if not it.withdrawn
        and (it.starts_at is None or it.starts_at <= at)
        and (it.ends_at is None or at < it.ends_at)
        for territory in it.territories
    }
    return (WORLDWIDE,) if WORLDWIDE in found else tuple(sorted(found))
