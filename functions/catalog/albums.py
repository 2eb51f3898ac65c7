"""Releases: made, edited, filled with tracks, told. Pure."""

from bisect import insort
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from functions.catalog.model import ALBUM_TYPES, SHOWN_ROLES, WORLDWIDE, Album, Entry, Track
from shared.errors import Invalid
from shared.events import AlbumChanged, Credit
from shared.ids import derived_id

MAX_ENTRIES = 2000
EVERY = "*"
"""The list of all listed releases."""
GROUPS = ("album", "single", "appears_on", "compilation")


def new_album(
    album_id: str, title: str, album_type: str, credits: tuple[Credit, ...], at: datetime
) -> Album:
    """A first revision, without tracks; the caller `settled`s it."""
    return Album(
        album_id=album_id,
        revision=1,
        title=title,
        version=None,
        album_type=album_type,
        credits=credits,
        label=None,
        upc=None,
        release_date=None,
        genres=(),
        moods=(),
        p_line=None,
        c_line=None,
        cover_id=None,
        entries=(),
        appearing=(),
        supersedes=None,
        superseded_by=None,
        popularity=0,
        markets=None,
        removed=False,
        removed_with=None,
        refs=(),
        listed_for=(),
        shelf="",
        created_at=at,
        updated_at=at,
        unpublished_at=at,
    )


def group_of(album_type: str) -> str:
    """The group among an artist's albums, and the Web API's type: an ep is a single there."""
    return "single" if album_type == "ep" else album_type


def list_key(artist_id: str, group: str) -> str:
    """The list of one artist's releases of one of `GROUPS`."""
    return f"{artist_id}/{group}"


def settled(album: Album) -> Album:
    """The album with the keys that follow from its fields.

    What is removed or superseded is found by its id, and listed nowhere.
    """
    own = list(dict.fromkeys(it.artist_id for it in album.credits))
    others = [id for id in album.appearing if id not in own]
    listed: list[str] = []
    if not album.removed and album.superseded_by is None:
        group = group_of(album.album_type)
        listed = [EVERY, *(list_key(id, group) for id in own)]
        listed += [list_key(id, "appears_on") for id in others]
    return replace(
        album,
        refs=(*own, *others),
        listed_for=tuple(listed),
        # The id makes it unique: pages go on from it, whatever is added meanwhile.
        shelf=f"{album.release_date or '0000'}|{album.album_id}",
    )


def with_tracks(album: Album, tracks: Iterable[Track], at: datetime) -> Album | None:
    """The album with `tracks` on it, each where it says; None when they are there already.

    Raises:
        Invalid: more than `MAX_ENTRIES` (code TOO_MANY_TRACKS).
    """
    places = {it.track_id: it for it in album.entries}
    entries = list(album.entries)
    appearing = dict.fromkeys(album.appearing)
    cover_id = album.cover_id
    for track in tracks:
        place = Entry(track.track_id, track.disc_number, track.track_number)
        if (before := places.get(place.track_id)) != place:
            if before is not None:
                entries.remove(before)
            insort(entries, place, key=_place)
            places[place.track_id] = place
        appearing.update(
            dict.fromkeys(it.artist_id for it in track.credits if it.role in SHOWN_ROLES)
        )
        cover_id = cover_id or track.cover_id
    if len(entries) > MAX_ENTRIES:
        raise Invalid(f"a release has at most {MAX_ENTRIES} tracks", code="TOO_MANY_TRACKS")
    return changed_album(
        album, at, entries=tuple(entries), appearing=tuple(appearing), cover_id=cover_id
    )


def without_tracks(album: Album, track_ids: Iterable[str], at: datetime) -> Album | None:
    """The album without those tracks; None when it had none of them."""
    gone = set(track_ids)
    return changed_album(
        album, at, entries=tuple(it for it in album.entries if it.track_id not in gone)
    )


def _place(entry: Entry) -> tuple[int, int, str]:
    return entry.disc, entry.number, entry.track_id


def changed_album(album: Album, at: datetime, **changes: object) -> Album | None:
    """`album` with `changes` as its next revision; None when they change nothing."""
    after = settled(replace(album, **changes))
    if after == album:
        return None
    if replace(after, markets=album.markets) == album:
        return after  # where it plays is told with its tracks
    return replace(after, revision=album.revision + 1, updated_at=at, unpublished_at=at)


def markets_of(tracks: Iterable[Track]) -> tuple[str, ...] | None:
    """Where some of the tracks plays; None as long as rights has spoken of none."""
    spoken = [it.markets for it in tracks if it.markets is not None]
    if not spoken:
        return None
    found = {market for markets in spoken for market in markets}
    return (WORLDWIDE,) if WORLDWIDE in found else tuple(sorted(found))


def type_of(text: str) -> str:
    """One of `ALBUM_TYPES`.

    Raises:
        Invalid: another word (code INVALID_ALBUM_TYPE).
    """
    if text not in ALBUM_TYPES:
        raise Invalid(f"album_type is one of {', '.join(ALBUM_TYPES)}", code="INVALID_ALBUM_TYPE")
    return text


def changed(album: Album, at: datetime) -> AlbumChanged:
    """The event that tells others how the album now stands: the same id each time it is told."""
    return AlbumChanged(
        event_id=derived_id(album.album_id, str(album.revision)),
        occurred_at=at,
        album_id=album.album_id,
        revision=album.revision,
        title=album.title,
        version=album.version,
        album_type=album.album_type,
        artists=album.credits,
        label=album.label,
        upc=album.upc,
        release_date=album.release_date,
        genres=album.genres,
        moods=album.moods,
        p_line=album.p_line,
        c_line=album.c_line,
        cover_id=album.cover_id,
        track_ids=tuple(it.track_id for it in album.entries),
        supersedes=album.supersedes,
        superseded_by=album.superseded_by,
        removed=album.removed,
        popularity=album.popularity,
    )
