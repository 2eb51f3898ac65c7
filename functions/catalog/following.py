"""What refers to a changed entity follows it: credits, takedowns, releases. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from functions.catalog.albums import changed_album
from functions.catalog.domain import changed_track, following
from functions.catalog.model import SHOWN_ROLES, Album, Artist, Track, Work


def track_after(track: Track, old_id: str, artist: Artist, at: datetime) -> Track | None:
    """`track` when `old_id` is `artist` now; None when that is what it says already."""
    credits = following(track.credits, old_id, artist)
    return changed_track(track, at, credits=credits, **_takedown(track, old_id, artist))


def album_after(album: Album, old_id: str, artist: Artist, at: datetime) -> Album | None:
    """`album` when `old_id` is `artist` now; None when that is what it says already."""
    appearing = dict.fromkeys(artist.artist_id if id == old_id else id for id in album.appearing)
    return changed_album(
        album,
        at,
        credits=following(album.credits, old_id, artist),
        appearing=tuple(appearing),
        **_takedown(album, old_id, artist),
    )


def work_after(work: Work, old_id: str, artist: Artist, at: datetime) -> Work | None:
    """`work` when `old_id` is `artist` now; None when that is what it says already."""
    credits = following(work.credits, old_id, artist)
    if credits == work.credits:
        return None
    refs = tuple(dict.fromkeys(it.artist_id for it in credits))
    return replace(work, credits=credits, refs=refs, revision=work.revision + 1, updated_at=at)


def _takedown(entity: Track | Album, old_id: str, artist: Artist) -> dict[str, Any]:
    """A main artist's takedown takes the entity with it; its return brings back just that."""
    main = {it.artist_id for it in entity.credits if it.role == "main"}
    if artist.removed and not entity.removed and main & {old_id, artist.artist_id}:
        return {"removed": True, "removed_with": artist.artist_id}
    if not artist.removed and entity.removed_with in (old_id, artist.artist_id):
        return {"removed": False, "removed_with": None}
    return {}


def appearing(tracks: Iterable[Track]) -> tuple[str, ...]:
    """The artists shown on any of an album's tracks."""
    return tuple(
        dict.fromkeys(
            it.artist_id for track in tracks for it in track.credits if it.role in SHOWN_ROLES
        )
    )
