"""Releases as licensors deliver them: whose deals they are, and which recordings they cover. Pure.

A message replaces all deals of its release. Messages may come late: the one made last counts, by
the licensor's clock, and of two made in the same instant the one with the greater id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.errors import Invalid
from shared.events import LicenceChanged, TrackChanged
from shared.ids import derived_id
from shared.rights.deals import HOLDBACK, Deal
from shared.rights.moments import moment_of
from shared.rights.territories import EVERYWHERE, codes_of, mask_of
from shared.rights.vocabulary import PLANS
from shared.territories import WORLDWIDE

MAX_AHEAD = timedelta(days=1)
"""How far a licensor's clock may be ahead of ours: a message from further would shut out all
that follow it."""
MAX_RECORDINGS = 2000


@dataclass(frozen=True, slots=True)
class Covered:
    """One recording (by ISRC) or track of ours that `deals`, places in the release's list,
    cover."""

    isrc: str | None
    track_id: str | None
    deals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """What the latest message of a release says. `name` as the licensor names it
    (`icpn:…`, `grid:…`, `own:…`), `names` all such names of it. `left`: ISRCs and track ids that
    it covered before. `unsettled_at`: when `revision` was written, until all tracks follow it."""

    release_id: str
    licensor_id: str
    licensor_name: str
    name: str
    upc: str | None
    message_id: str
    message_at: datetime
    revision: int
    deals: tuple[Deal, ...]
    covered: tuple[Covered, ...]
    purged: bool = False
    left: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    unsettled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """An ISRC: our tracks that carry it, with their UPC, and the releases that cover it.

    It is not unique, nor a key of anything but this."""

    isrc: str
    tracks: Mapping[str, str] = field(default_factory=dict)
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """A track of the catalog, as far as rights must know it."""

    track_id: str
    revision: int
    isrc: str | None
    upc: str | None


def release_id_of(licensor_id: str, name: str) -> str:
    """The id of a licensor's release."""
    return derived_id("release", licensor_id, name)


def licensed(deal: Deal) -> Deal:
    """The deal with the id of its licence: the same terms of the same licensor are one licence,
    whatever release they come with."""
    terms = repr(replace(deal, licence_id=""))
    return replace(deal, licence_id=derived_id("deal", deal.licensor_id, terms))


def check_time(message_at: datetime, at: datetime) -> None:
    """Refuse a message from the future.

    Raises:
        Invalid: code MESSAGE_FROM_THE_FUTURE.
    """
    if message_at > at + MAX_AHEAD:
        raise Invalid(
            f"the message says it was made at {message_at.isoformat()}, which is yet to come",
            code="MESSAGE_FROM_THE_FUTURE",
        )


def is_later(told: Release, known: Release | None) -> bool:
    """Whether `told` was made after what is known."""
    return known is None or (told.message_at, told.message_id) > (
        known.message_at,
        known.message_id,
    )


def succeeded(known: Release | None, told: Release, at: datetime) -> Release | None:
    """The release once `told` was heard; None when it is nothing new."""
    if not is_later(told, known):
        return None
    if known is None:
        return replace(told, revision=1, unsettled_at=at)
    now = covers(told)
    left = {it for it in (*known.left, *covers(known)) if it not in now}
    return replace(told, revision=known.revision + 1, left=tuple(sorted(left)), unsettled_at=at)


def matching(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names by which a release is found again: its own number only where it has no other, as
    editions may share one."""
    return tuple(it for it in names if not it.startswith("own:")) or names


def covers(release: Release) -> frozenset[str]:
    """What it covers: ISRCs (12 characters) and track ids (22)."""
    return frozenset(it.isrc or it.track_id or "" for it in release.covered)


def deals_for(
    release: Release, track_id: str, isrc: str | None, upc: str | None
) -> tuple[Deal, ...]:
    """The release's deals that cover a track.

    Where both name a UPC they must agree: the same recording may lie on releases under other
    terms.
    """
    places = set[int]()
    for it in release.covered:
        named = it.track_id is not None and it.track_id == track_id
        heard = it.isrc is not None and it.isrc == isrc and _agree(release.upc, upc)
        if named or heard:
            places.update(it.deals)
    return tuple(release.deals[place] for place in sorted(places))


def _agree(one: str | None, other: str | None) -> bool:
    return not one or not other or one.lstrip("0") == other.lstrip("0")


def track_of(event: TrackChanged) -> Track:
    """What rights must know of the track; one that is gone has no ISRC."""
    gone = event.removed
    return Track(
        event.track_id,
        event.revision,
        None if gone else event.isrc,
        None if gone else event.upc,
    )


def licences_of(release: Release, track_ids: tuple[str, ...], at: datetime) -> list[LicenceChanged]:
    """Each licence that the release comes under, told for those who must know its licensor."""
    return [
        LicenceChanged(
            event_id=derived_id(
                "licence", deal.licence_id, release.release_id, str(release.revision)
            ),
            occurred_at=at,
            licence_id=deal.licence_id,
            version=release.revision,
            track_ids=track_ids,
            territories=_territories(deal),
            plans=tuple(sorted(plan for plan, model in PLANS.items() if model in deal.models)),
            starts_at=_instant(deal.starts),
            ends_at=_instant(deal.ends),
            withdrawn=release.purged,
            licensor_id=release.licensor_id,
            licensor_name=release.licensor_name,
        )
        for deal in release.deals
        if deal.kind != HOLDBACK
    ]


def _territories(deal: Deal) -> tuple[str, ...]:
    mask = mask_of(deal.territories, deal.excluded)
    return (WORLDWIDE,) if mask == EVERYWHERE else codes_of(mask)


def _instant(moment: str | None) -> datetime | None:
    at = None if moment is None else moment_of(moment)
    return None if at is None or at.tzinfo is None else at
