"""A track as the catalog knows it: made from what clients said and transcoding found. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from functions.catalog.model import SHOWN_ROLES, WORLDWIDE, Album, Artist, Track
from functions.catalog.naming import clean, clean_names, title_from
from functions.catalog.uploads import Upload
from shared.errors import Invalid, Stale
from shared.events import Credit, TrackChanged, TrackTranscoded
from shared.ids import derived_id, parse_isrc
from shared.territories import TERRITORIES

Entity = TypeVar("Entity", Artist, Album, Track)


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


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of an uploaded recording: the client's word first, then the file's tags."""

    title: str
    artists: tuple[str, ...]
    album: str | None
    isrc: str | None


def described(upload: Upload, event: TrackTranscoded) -> Described:
    """Title and the rest; a title is at last taken from the file's name."""
    return Described(
        title=clean(upload.title) or clean(event.title) or title_from(upload.filename),
        artists=clean_names(upload.artists) or clean_names(event.artists),
        album=clean(upload.album) or clean(event.album),
        isrc=upload.isrc or _isrc(event.isrc),
    )


def transcoded(
    known: Track | None,
    told: Described,
    credits: tuple[Credit, ...],
    album_id: str,
    event: TrackTranscoded,
    at: datetime,
) -> Track | None:
    """The track after `event`; None when it has that audio already.

    A track that was known before its audio came keeps what it was described as.
    """
    if known is not None and known.audio_id == event.audio_id:
        return None
    before = known or new_track(event.track_id, told.title, credits, album_id, at)
    return settled(
        replace(
            before,
            revision=known.revision + 1 if known else 1,
            upload_id=event.upload_id,
            isrc=before.isrc or told.isrc,
            disc_number=before.disc_number if known else event.disc_number or 1,
            track_number=before.track_number if known else event.track_number or 1,
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
            features=event.features,
            updated_at=at,
            unpublished_at=at,
        )
    )


def new_track(
    track_id: str, title: str, credits: tuple[Credit, ...], album_id: str | None, at: datetime
) -> Track:
    """A first revision, without audio; the caller `settled`s it."""
    return Track(
        track_id=track_id,
        revision=1,
        upload_id=None,
        title=title,
        version=None,
        credits=credits,
        album_id=album_id,
        disc_number=1,
        track_number=1,
        isrc=None,
        work_id=None,
        genres=(),
        moods=(),
        explicit=False,
        duration_ms=0,
        cover_id=None,
        audio_id=None,
        integrated_lufs=None,
        true_peak_dbtp=None,
        gain_db=None,
        renditions=(),
        manifests=(),
        preview_path=None,
        waveform_path=None,
        markets=None,
        popularity=0,
        removed=False,
        removed_with=None,
        refs=(),
        listed_for=(),
        rank="",
        created_at=at,
        updated_at=at,
        unpublished_at=at,
    )


def settled(track: Track) -> Track:
    """The track with the keys that follow from its fields."""
    refs = [it.artist_id for it in track.credits]
    refs += [id for id in (track.album_id, track.work_id) if id]
    refs += [isrc_key(track.isrc)] if track.isrc else []
    shown = [it.artist_id for it in track.credits if it.role in SHOWN_ROLES]
    return replace(
        track,
        refs=tuple(dict.fromkeys(refs)),
        listed_for=() if track.removed else tuple(dict.fromkeys(shown)),
        rank=f"{track.popularity:03d}|{track.track_id}",
    )


def isrc_key(isrc: str) -> str:
    """What finds the tracks of an ISRC: several may have it."""
    return f"isrc:{isrc}"


def changed_track(track: Track, at: datetime, **changes: object) -> Track | None:
    """`track` with `changes` as its next revision; None when they change nothing."""
    after = settled(replace(track, **changes))
    if after == track:
        return None
    return replace(after, revision=track.revision + 1, updated_at=at, unpublished_at=at)


def again(track: Track, at: datetime) -> Track:
    """The next revision of a track of which something told with it has changed: its album's
    title, its work's ISWC."""
    return replace(track, revision=track.revision + 1, updated_at=at, unpublished_at=at)


def expect(revision: int, expected: int | None, what: str) -> None:
    """Let a change of `revision` through; None expects any.

    Raises:
        Stale: another change came before (code REVISION_MISMATCH).
    """
    if expected is not None and expected != revision:
        message = f"{what} is at revision {revision}, not {expected}: read it again"
        raise Stale(message, code="REVISION_MISMATCH")


def following(credits: Sequence[Credit], old_id: str, artist: Artist) -> tuple[Credit, ...]:
    """`credits` with `old_id` given to `artist`, under the name that it has now; none twice."""
    now = (
        replace(it, artist_id=artist.artist_id, name=artist.name)
        if it.artist_id in (old_id, artist.artist_id)
        else it
        for it in credits
    )
    return tuple({(it.artist_id, it.role): it for it in now}.values())


def plays_in(track: Track, market: str) -> bool:
    """Whether the track can be played in that country by anyone."""
    return bool(
        track.audio_id
        and not track.removed
        and track.markets
        and (market in track.markets or WORLDWIDE in track.markets)
    )


def blocked_markets(markets: tuple[str, ...] | None) -> tuple[str, ...]:
    """Where it does not play; nowhere as long as rights has not spoken."""
    if markets is None or WORLDWIDE in markets:
        return ()
    return tuple(sorted(TERRITORIES.difference(markets)))


def clip_markets(track: Track) -> tuple[str, ...]:
    """Where its preview may be heard, if it has one."""
    return track.clip_markets if track.preview_path and not track.removed else ()


def published(entity: Entity, revision: int) -> Entity | None:
    """The entity with `revision` known to be published; None if it has changed since."""
    if entity.revision != revision or entity.unpublished_at is None:
        return None
    return replace(entity, unpublished_at=None)


def changed(track: Track, album: Album | None, iswc: str | None, at: datetime) -> TrackChanged:
    """The event that tells others how the track now stands: the same id each time it is told."""
    return TrackChanged(
        event_id=derived_id(track.track_id, str(track.revision)),
        occurred_at=at,
        track_id=track.track_id,
        revision=track.revision,
        title=track.title if track.version is None else f"{track.title} - {track.version}",
        artists=track.artists,
        album=album.title if album else None,
        isrc=track.isrc,
        explicit=track.explicit,
        duration_ms=track.duration_ms,
        cover_id=(album.cover_id if album else None) or track.cover_id,
        audio_id=track.audio_id,
        integrated_lufs=track.integrated_lufs,
        true_peak_dbtp=track.true_peak_dbtp,
        gain_db=track.gain_db,
        renditions=track.renditions,
        manifests=track.manifests,
        preview_path=track.preview_path,
        waveform_path=track.waveform_path,
        removed=track.removed,
        album_id=track.album_id,
        album_type=album.album_type if album else None,
        album_artists=album.credits if album else (),
        credits=track.credits,
        disc_number=track.disc_number,
        track_number=track.track_number,
        genres=track.genres or (album.genres if album else ()),
        moods=track.moods or (album.moods if album else ()),
        release_date=album.release_date if album else None,
        label=album.label if album else None,
        upc=album.upc if album else None,
        work_id=track.work_id,
        iswc=iswc,
        blocked_markets=blocked_markets(track.markets),
        popularity=track.popularity,
        features=track.features,
        clip_markets=clip_markets(track),
    )


def _isrc(text: str | None) -> str | None:
    """A tag's ISRC if it is one: a bad tag must not fail a good track."""
    try:
        return parse_isrc(text) if text else None
    except Invalid:
        return None
