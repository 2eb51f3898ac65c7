"""Artists: made, renamed, merged, told. Pure.

A merge leaves the old artist where it was, saying what became of it: every old id answers for
the survivor. Chains are followed; a ring, which two opposite merges at once could make, is read
as its smallest id, so that nobody runs in circles.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from functions.catalog.model import Artist
from functions.catalog.naming import key_of
from shared.errors import Conflict
from shared.events import ArtistChanged
from shared.ids import derived_id

MAX_ALIASES = 100
MAX_ABSORBED = 500


def new_artist(artist_id: str, name: str, at: datetime) -> Artist:
    """A first revision."""
    return Artist(
        artist_id=artist_id,
        revision=1,
        name=name,
        aliases=(),
        genres=(),
        isni=None,
        ipi=None,
        cover_id=None,
        popularity=0,
        absorbed=(),
        merged_into=None,
        removed=False,
        refs=(),
        created_at=at,
        updated_at=at,
        unpublished_at=at,
    )


def settled(artist: Artist) -> Artist:
    """The artist with the keys that follow from its fields."""
    hidden = artist.removed or artist.merged_into is not None
    return replace(
        artist, refs=() if hidden else tuple(f"genre:{genre}" for genre in artist.genres)
    )


def changed_artist(artist: Artist, at: datetime, **changes: object) -> Artist | None:
    """`artist` with `changes` as its next revision; None when they change nothing."""
    after = settled(replace(artist, **changes))
    if after == artist:
        return None
    return replace(after, revision=artist.revision + 1, updated_at=at, unpublished_at=at)


def merged(artist: Artist, into: Artist, at: datetime) -> Artist | None:
    """`artist` as what has become `into`, a living one; None when it has already.

    Raises:
        Conflict: it was merged into another, or into itself (code ALREADY_MERGED, SAME_ARTIST).
    """
    if artist.artist_id == into.artist_id:
        raise Conflict("an artist is not merged into itself", code="SAME_ARTIST")
    if artist.merged_into == into.artist_id:
        return None
    if artist.merged_into is not None:
        raise Conflict(f"{artist.artist_id} was merged before", code="ALREADY_MERGED")
    return changed_artist(artist, at, merged_into=into.artist_id)


def absorbing(survivor: Artist, gone: Artist, at: datetime) -> Artist | None:
    """The survivor with the names and ids of `gone`; None when it has them already."""
    absorbed = dict.fromkeys((*survivor.absorbed, gone.artist_id, *gone.absorbed))
    absorbed.pop(survivor.artist_id, None)
    return changed_artist(
        survivor,
        at,
        absorbed=tuple(absorbed)[:MAX_ABSORBED],
        aliases=_names(survivor.name, *survivor.aliases, gone.name, *gone.aliases),
        genres=tuple(dict.fromkeys((*survivor.genres, *gone.genres))),
        isni=survivor.isni or gone.isni,
        ipi=survivor.ipi or gone.ipi,
        cover_id=survivor.cover_id or gone.cover_id,
    )


def letting_go(survivor: Artist, gone: Artist, at: datetime) -> Artist | None:
    """The survivor without what a merge that is undone brought it."""
    names = {key_of(name) for name in (gone.name, *gone.aliases)}
    return changed_artist(
        survivor,
        at,
        absorbed=tuple(it for it in survivor.absorbed if it != gone.artist_id),
        aliases=tuple(it for it in survivor.aliases if key_of(it) not in names),
    )


def survivor(artist_id: str, known: Mapping[str, Artist]) -> Artist | None:
    """The artist that `artist_id` stands for, followed through `known`; None if one is absent."""
    seen: list[str] = []
    while (artist := known.get(artist_id)) is not None:
        if artist.merged_into is None:
            return artist
        if artist_id in seen:
            return known[min(seen[seen.index(artist_id) :])]
        seen.append(artist_id)
        artist_id = artist.merged_into
    return None


def _names(name: str, *others: str) -> tuple[str, ...]:
    """`others` without `name` and without doubles, by what people would call the same."""
    kept: dict[str, str] = {}
    for other in others:
        if other != name:
            kept.setdefault(other, other)
    return tuple(kept)[:MAX_ALIASES]


def changed(artist: Artist, at: datetime) -> ArtistChanged:
    """The event that tells others how the artist now stands: the same id each time it is told."""
    return ArtistChanged(
        event_id=derived_id(artist.artist_id, str(artist.revision)),
        occurred_at=at,
        artist_id=artist.artist_id,
        revision=artist.revision,
        name=artist.name,
        aliases=artist.aliases,
        genres=artist.genres,
        isni=artist.isni,
        ipi=artist.ipi,
        cover_id=artist.cover_id,
        popularity=artist.popularity,
        merged_into=artist.merged_into,
        removed=artist.removed,
    )
