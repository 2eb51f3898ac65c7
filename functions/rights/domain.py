"""Licences: who may play which tracks where, on which plan, and when. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.errors import Invalid
from shared.events import LicenceChanged
from shared.ids import derived_id, parse_id
from shared.instants import in_utc
from shared.rights.deals import Deal
from shared.rights.moments import text_of
from shared.rights.vocabulary import PLANS, STREAM
from shared.territories import TERRITORIES, WORLDWIDE

MAX_TRACKS = 500


@dataclass(frozen=True, slots=True)
class Licence:
    """Leave to stream `track_ids` in `territories` on `plans` within [starts_at, ends_at).

    None at either end of the window means unbounded. `version` rises by one with each change.
    `unpublished_at` is when the latest change was written, until it is known to be published.
    The licensor is who is paid; `previews`: those of other plans may hear 30 s.
    """

    licence_id: str
    version: int
    track_ids: tuple[str, ...]
    territories: tuple[str, ...]
    plans: tuple[str, ...]
    starts_at: datetime | None
    ends_at: datetime | None
    withdrawn: bool
    created_at: datetime
    created_by: str
    unpublished_at: datetime | None
    licensor_id: str = ""
    licensor_name: str = ""
    previews: bool = False


def new_licence(
    licence_id: str,
    *,
    track_ids: Iterable[str],
    territories: Iterable[str],
    plans: Iterable[str],
    starts_at: datetime | None,
    ends_at: datetime | None,
    by: str,
    at: datetime,
    licensor_id: str | None = None,
    licensor_name: str | None = None,
    previews: bool = False,
) -> Licence:
    """A first version.

    Raises:
        Invalid: INVALID_ID, INVALID_TERRITORY, INVALID_PLAN, EMPTY_WINDOW, or INVALID when
            nothing or too much is licensed.
    """
    tracks = tuple(dict.fromkeys(parse_id(id, "track id") for id in track_ids))
    if not 0 < len(tracks) <= MAX_TRACKS:
        raise Invalid(f"a licence covers 1 to {MAX_TRACKS} tracks")
    start = in_utc(starts_at) if starts_at else None
    end = in_utc(ends_at) if ends_at else None
    if start is not None and end is not None and start >= end:
        raise Invalid("the window is empty: starts_at is not before ends_at", code="EMPTY_WINDOW")
    return Licence(
        licence_id,
        version=1,
        track_ids=tracks,
        territories=_territories(territories),
        plans=_plans(plans),
        starts_at=start,
        ends_at=end,
        withdrawn=False,
        created_at=at,
        created_by=by,
        unpublished_at=at,
        licensor_id=licensor_id or by,
        licensor_name=licensor_name or licensor_id or by,
        previews=previews,
    )


def deals(licence: Licence) -> tuple[Deal, ...]:
    """The licence in DDEX's words: streaming by the plans' models. Withdrawn, none."""
    if licence.withdrawn:
        return ()
    return (
        Deal(
            licence.licence_id,
            licence.licensor_id or licence.created_by,
            models=tuple(sorted(PLANS[plan] for plan in licence.plans)),
            uses=(STREAM,),
            territories=licence.territories,
            starts=licence.starts_at and text_of(licence.starts_at),
            ends=licence.ends_at and text_of(licence.ends_at),
            clips=licence.previews,
        ),
    )


def withdraw(licence: Licence, at: datetime) -> Licence:
    """The licence taken back, as its next version. Withdrawing twice changes nothing."""
    if licence.withdrawn:
        return licence
    return replace(licence, version=licence.version + 1, withdrawn=True, unpublished_at=at)


def published(licence: Licence, version: int) -> Licence | None:
    """The licence with `version` known to be published; None if it has changed since."""
    if licence.version != version or licence.unpublished_at is None:
        return None
    return replace(licence, unpublished_at=None)


def changed(licence: Licence, at: datetime) -> LicenceChanged:
    """The event that tells others how the licence now stands: the same id each time it is told."""
    return LicenceChanged(
        event_id=derived_id(licence.licence_id, str(licence.version)),
        occurred_at=at,
        licence_id=licence.licence_id,
        version=licence.version,
        track_ids=licence.track_ids,
        territories=licence.territories,
        plans=licence.plans,
        starts_at=licence.starts_at,
        ends_at=licence.ends_at,
        withdrawn=licence.withdrawn,
        licensor_id=licence.licensor_id or licence.created_by,
        licensor_name=licence.licensor_name or licence.created_by,
    )


def _territories(given: Iterable[str]) -> tuple[str, ...]:
    codes = set(given)
    unknown = sorted(codes - TERRITORIES - {WORLDWIDE})
    if unknown or not codes:
        what = f"{unknown[0][:20]!r} is no territory" if unknown else "no territory is given"
        raise Invalid(f'{what} (ISO 3166-1 alpha-2, or "*")', code="INVALID_TERRITORY")
    return (WORLDWIDE,) if WORLDWIDE in codes else tuple(sorted(codes))


def _plans(given: Iterable[str]) -> tuple[str, ...]:
    plans = set(given)
    if not plans or not plans <= set(PLANS):
        raise Invalid("plans are free and premium", code="INVALID_PLAN")
    return tuple(sorted(plans))
