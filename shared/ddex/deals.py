"""From a message's terms to the deals that decide. Pure."""

from collections.abc import Iterable

from shared.ddex.message import Period, Terms, Visibility
from shared.errors import Invalid
from shared.rights.deals import GRANT, PRE_ORDER_DEAL, Deal, check
from shared.rights.territories import EVERYWHERE, mask_of

FOREVER = Period(0, None, None)


def deals_of(
    terms: Terms, licensor_id: str, *, us: str, seen: Iterable[Visibility] = ()
) -> tuple[Deal, ...]:
    """The deals that `terms` make, one for each validity period, without licence ids.

    `us` is our DDEX party id: a channel list that does not name it, or an exclusion that does (or
    that names somebody in a way nobody can tell), makes them somebody else's. `seen` are the
    visibilities that the terms refer to.

    Raises:
        Invalid: as `shared.rights.deals.check`, or UNSUPPORTED_TERM: they restrict by what cannot
            be told here, so granting would grant too much.
    """
    if terms.limits:
        told = ", ".join(terms.limits)
        raise Invalid(
            f"nobody here can tell {told}: the deal is not taken", code="UNSUPPORTED_TERM"
        )
    if not terms.periods:
        raise Invalid("a deal has no ValidityPeriod", code="INVALID_MOMENT")
    listed = not terms.channels or us in terms.channels
    barred = us in terms.excluded_channels or "" in terms.excluded_channels
    dates = _dates(terms, seen)
    found = tuple(
        Deal(
            "",
            licensor_id,
            models=tuple(sorted(set(terms.models))),
            uses=tuple(sorted(set(terms.uses))),
            territories=tuple(sorted(set(terms.territories))),
            excluded=tuple(sorted(set(terms.excluded))),
            starts=period.starts,
            ends=period.ends,
            kind=PRE_ORDER_DEAL if terms.pre_order else GRANT,
            ours=listed and not barred,
            usages=terms.usages,
            display_from=dates["display_from"],
            cover_from=dates["cover_from"],
            listing_from=dates["listing_from"],
            clips_from=dates["clips_from"],
        )
        for period in terms.periods
    )
    for deal in found:
        check(deal)
    return found


def _dates(terms: Terms, seen: Iterable[Visibility]) -> dict[str, str | None]:
    """From when what may be seen: the terms' own dates, else those of a visibility that holds
    wherever the deal does. One that holds in fewer places is left out: later is safe."""
    dates = {
        "display_from": terms.display_from,
        "cover_from": terms.cover_from,
        "listing_from": terms.listing_from,
        "clips_from": terms.clips_from,
    }
    where = mask_of(terms.territories, terms.excluded)
    for it in seen:
        there = mask_of(it.territories, ()) if it.territories else EVERYWHERE
        if where & ~there == 0:
            dates = {name: dates[name] or getattr(it, name) for name in dates}
    return dates
