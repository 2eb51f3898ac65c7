"""A line applied to what is known: the entity's next revision, or None when it says no more.
Pure: references are resolved before."""

from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from functions.catalog import albums, artists, domain
from functions.catalog.jsonl import AlbumLine, ArtistLine, TrackLine, WorkLine, ref_id
from functions.catalog.model import Album, Artist, Track, Work
from shared.events import Credit

E = TypeVar("E", Artist, Album, Track)


def artist(known: Artist | None, line: ArtistLine, id: str, at: datetime) -> Artist | None:
    """The artist after `line`. What a merge made of it stays; image and aliases too, and a
    former name becomes one, unless the line says what they are."""
    before = known or artists.new_artist(id, line.name, at)
    aliases = line.aliases
    if aliases is None:
        former = [before.name] if before.name != line.name else []
        aliases = [it for it in (*former, *before.aliases) if it != line.name]
    changes: dict[str, Any] = {
        "name": line.name,
        "aliases": tuple(dict.fromkeys(aliases))[: artists.MAX_ALIASES],
        "genres": tuple(line.genres),
        "isni": line.isni,
        "ipi": line.ipi,
        "popularity": line.popularity,
        "removed": line.removed,
        "merged_into": line.merged_into or before.merged_into,
        "cover_id": line.cover or before.cover_id,
    }
    after = artists.changed_artist(before, at, **changes)
    return after if known is not None else _first(after or artists.settled(before))


def work(
    known: Work | None, line: WorkLine, id: str, credits: tuple[Credit, ...], at: datetime
) -> Work | None:
    """The work after `line`."""
    refs = tuple(dict.fromkeys(it.artist_id for it in credits))
    if known is None:
        return Work(id, 1, line.title, line.iswc, credits, refs, at, at)
    if (known.title, known.iswc, known.credits) == (line.title, line.iswc, credits):
        return None
    return Work(id, known.revision + 1, line.title, line.iswc, credits, refs, known.created_at, at)


def album(
    known: Album | None, line: AlbumLine, id: str, credits: tuple[Credit, ...], at: datetime
) -> Album | None:
    """The release after `line`; its tracks and markets stay, and its cover if none is named."""
    before = known or albums.new_album(id, line.title, line.album_type, credits, at)
    changes: dict[str, Any] = {
        "title": line.title,
        "version": line.version,
        "album_type": line.album_type,
        "credits": credits,
        "label": line.label,
        "upc": line.upc,
        "release_date": line.release_date,
        "genres": tuple(line.genres),
        "moods": tuple(line.moods),
        "p_line": line.p_line,
        "c_line": line.c_line,
        "supersedes": None if line.supersedes is None else ref_id(line.supersedes, "album"),
        "popularity": line.popularity,
        "removed": line.removed,
        "removed_with": before.removed_with if line.removed else None,
        "cover_id": line.cover or before.cover_id,
    }
    after = albums.changed_album(before, at, **changes)
    return after if known is not None else _first(after or albums.settled(before))


def track(
    known: Track | None, line: TrackLine, id: str, credits: tuple[Credit, ...], at: datetime
) -> Track | None:
    """The recording after `line`. Audio, its length with it, cover and markets stay."""
    before = known or domain.new_track(id, line.title, credits, None, at)
    changes: dict[str, Any] = {
        "title": line.title,
        "version": line.version,
        "album_id": ref_id(line.album, "album"),
        "disc_number": line.disc_number,
        "track_number": line.track_number,
        "credits": credits,
        "isrc": line.isrc,
        "work_id": None if line.work is None else ref_id(line.work, "work"),
        "genres": tuple(line.genres),
        "moods": tuple(line.moods),
        "explicit": line.explicit,
        "duration_ms": before.duration_ms if before.audio_id else line.duration_ms,
        "popularity": line.popularity,
        "removed": line.removed,
        "removed_with": before.removed_with if line.removed else None,
    }
    after = domain.changed_track(before, at, **changes)
    return after if known is not None else _first(after or domain.settled(before))


def _first(entity: E) -> E:
    # `changed_…` counts from what was there; here nothing was.
    return replace(entity, revision=1)
