"""A track as the catalog knows it, made from what the client said and transcoding found. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from functions.catalog.uploads import Upload
from shared.errors import Invalid
from shared.events import Manifest, Rendition, TrackChanged, TrackTranscoded
from shared.ids import derived_id, parse_isrc

MAX_NAME_CHARS = 500
MAX_ARTISTS = 50
_EXTENSION = re.compile(r"\.[0-9A-Za-z]{1,5}$")
_NUMBER = re.compile(r"^\d{1,3}\s*[-._ ]\s*(?=\S)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Track:
    """A track that can be played where it is licensed. `revision` rises by one with each change.

    `unpublished_at` is when the latest revision was written, until it is known to be published.
    """

    track_id: str
    revision: int
    upload_id: str
    title: str
    artists: tuple[str, ...]
    album: str | None
    isrc: str | None
    track_number: int | None
    disc_number: int | None
    explicit: bool
    duration_ms: int
    cover_id: str | None
    audio_id: str
    integrated_lufs: float | None
    true_peak_dbtp: float | None
    gain_db: float
    renditions: tuple[Rendition, ...]
    manifests: tuple[Manifest, ...]
    preview_path: str | None
    waveform_path: str | None
    created_at: datetime
    updated_at: datetime
    unpublished_at: datetime | None


@dataclass(frozen=True, slots=True)
class AudioOwner:
    """The one track that has a recording: the first whose transcoding was heard of."""

    audio_id: str
    track_id: str
    upload_id: str


@dataclass(frozen=True, slots=True)
class Master:
    """A master that has become a track, by the SHA-256 that transcoding (not a client) found."""

    sha256: str
    track_id: str
    upload_id: str


def transcoded(
    known: Track | None, upload: Upload, event: TrackTranscoded, at: datetime
) -> Track | None:
    """The track after `event`; None when it has that audio already.

    Title and the rest come from the client, else from the file's tags; a title is at last
    taken from the file's name.
    """
    if known is not None and known.audio_id == event.audio_id:
        return None
    return Track(
        track_id=event.track_id,
        revision=known.revision + 1 if known else 1,
        upload_id=event.upload_id,
        title=_clean(upload.title) or _clean(event.title) or title_from(upload.filename),
        artists=_names(upload.artists) or _names(event.artists),
        album=_clean(upload.album) or _clean(event.album),
        isrc=upload.isrc or _isrc(event.isrc),
        track_number=event.track_number,
        disc_number=event.disc_number,
        explicit=False,
        duration_ms=event.duration_ms,
        cover_id=event.cover_id,
        audio_id=event.audio_id,
        integrated_lufs=event.integrated_lufs,
        true_peak_dbtp=event.true_peak_dbtp,
        gain_db=event.gain_db,
        renditions=event.renditions,
        manifests=event.manifests,
        preview_path=event.preview_path,
        waveform_path=event.waveform_path,
        created_at=known.created_at if known else at,
        updated_at=at,
        unpublished_at=at,
    )


def published(track: Track, revision: int) -> Track | None:
    """The track with `revision` known to be published; None if it has changed since."""
    if track.revision != revision or track.unpublished_at is None:
        return None
    return replace(track, unpublished_at=None)


def changed(track: Track, at: datetime) -> TrackChanged:
    """The event that tells others how the track now stands: the same id each time it is told."""
    return TrackChanged(
        event_id=derived_id(track.track_id, str(track.revision)),
        occurred_at=at,
        track_id=track.track_id,
        revision=track.revision,
        title=track.title,
        artists=track.artists,
        album=track.album,
        isrc=track.isrc,
        explicit=track.explicit,
        duration_ms=track.duration_ms,
        cover_id=track.cover_id,
        audio_id=track.audio_id,
        integrated_lufs=track.integrated_lufs,
        true_peak_dbtp=track.true_peak_dbtp,
        gain_db=track.gain_db,
        renditions=track.renditions,
        manifests=track.manifests,
        preview_path=track.preview_path,
        waveform_path=track.waveform_path,
        removed=False,
    )


def title_from(filename: str) -> str:
    """A title from a file's name: `../disc 1/03 - Nocturne.flac` → `Nocturne`."""
    base = re.split(r"[/\\]", filename.rstrip("/\\"))[-1]
    stem = _EXTENSION.sub("", base).replace("_", " ").strip()
    return _clean(_NUMBER.sub("", stem)) or _clean(stem) or "Untitled"


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in map(_clean, names) if name)[:MAX_ARTISTS]


def _clean(text: str | None) -> str | None:
    """Tags hold anything: no control characters, bounded, None rather than empty."""
    if text is None:
        return None
    return _CONTROL.sub(" ", text).strip()[:MAX_NAME_CHARS].strip() or None


def _isrc(text: str | None) -> str | None:
    """A tag's ISRC if it is one: a bad tag must not fail a good track."""
    try:
        return parse_isrc(text) if text else None
    except Invalid:
        return None
