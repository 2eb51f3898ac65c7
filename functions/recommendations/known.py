"""What recommendations knows of tracks and artists: projections, by events.

`stamp` rises with each write: an instance that asks for all beyond the last one that it saw has
heard of every change, whichever instance took the event in.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime

from functions.recommendations.candidates import Item
from shared.events import ArtistChanged, Credit, Features, TrackChanged
from shared.webapi import cards
from shared.webapi.cards import ArtistCard, TrackCard
from shared.webapi.objects import SHOWN_ROLES

TRACKS = "reco_tracks"
ARTISTS = "reco_artists"

TEXT_WIDTH = 64
"""Numbers in a text vector."""


@dataclass(frozen=True, slots=True)
class KnownTrack:
    """A track, and how it sounds where that was measured."""

    track_id: str
    stamp: str
    card: TrackCard
    features: Features | None


@dataclass(frozen=True, slots=True)
class KnownArtist:
    """An artist, and who it was merged into."""

    artist_id: str
    stamp: str
    card: ArtistCard


def stamp(at: datetime, id: str) -> str:
    """Sorts as time does, and differs from document to document."""
    return f"{at.isoformat(timespec='microseconds')}|{id}"


def track_after(known: KnownTrack | None, event: TrackChanged, at: datetime) -> KnownTrack | None:
    """The projection after `event`; None when it knows that revision or a later one."""
    card = cards.track_card(known.card if known else None, event)
    if card is None:
        return None
    return KnownTrack(event.track_id, stamp(at, event.track_id), card, event.features)


def artist_after(
    known: KnownArtist | None, event: ArtistChanged, at: datetime
) -> KnownArtist | None:
    """As `track_after`; a removed artist keeps no name, so nothing is explained by it."""
    card = cards.artist_card(known.card if known else None, event)
    if card is None:
        return None
    if event.removed:
        card = replace(card, name="")
    return KnownArtist(event.artist_id, stamp(at, event.artist_id), card)


def item(known: KnownTrack, vector: tuple[float, ...] = ()) -> Item:
    """What blending must know of the track."""
    card = known.card
    return Item(
        card.track_id,
        artist_ids(card.credits),
        card.genres,
        card.explicit,
        frozenset(card.blocked_markets),
        released_on(card.release_date),
        card.popularity,
        card.plays,
        vector,
    )


def artist_ids(credits: tuple[Credit, ...]) -> tuple[str, ...]:
    """The shown artists, each once, in order."""
    found = (it.artist_id for it in credits if it.role in SHOWN_ROLES and it.artist_id)
    return tuple(dict.fromkeys(found))


def released_on(text: str | None) -> date | None:
    """`2026`, `2026-11` and `2026-11-20` as a day: the first of what is told. None for no date."""
    if not text:
        return None
    try:
        parts = [int(it) for it in text.split("-")]
        year, month, day = (*parts, 1, 1)[:3]
        return date(year, month, day)
    except (ValueError, TypeError):
        return None
