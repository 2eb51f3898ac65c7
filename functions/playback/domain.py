"""What may be played, by whom and until when. Pure.

Playable   a track's audio and deals, projected from catalog's and rights' events
grant      a decision of `shared.rights` as what may be opened, and until when
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.events import Credit, Manifest, Rendition, RightsChanged, TrackChanged
from shared.rights.deals import Deal
from shared.rights.shapes import Decision

TRACK_NOT_READY = "TRACK_NOT_READY"
NO_PREVIEW = "NO_PREVIEW"
PREVIEW = "preview"
"""The tier of a grant that opens thirty seconds and no more."""
PREVIEW_MS = 30_000
RIGHTS_UNAVAILABLE = "RIGHTS_UNAVAILABLE"
"""Nobody could be asked: not what is projected here, nor rights itself."""


@dataclass(frozen=True, slots=True)
class Audio:
    """The published recording. Paths are object names in the audio bucket."""

    audio_id: str
    duration_ms: int
    gain_db: float | None
    true_peak_dbtp: float | None
    renditions: tuple[Rendition, ...]
    manifests: tuple[Manifest, ...]
    waveform_path: str | None
    preview_path: str | None = None


@dataclass(frozen=True, slots=True)
class Playable:
    """A track as playback knows it. `revision` 0: the catalog has said nothing about it yet;
    `rights_version` 0: neither has rights."""

    track_id: str
    revision: int = 0
    title: str = ""
    artists: tuple[str, ...] = ()
    album: str | None = None
    isrc: str | None = None
    explicit: bool = False
    cover_id: str | None = None
    audio: Audio | None = None
    rights_version: int = 0
    deals: tuple[Deal, ...] = ()
    album_id: str | None = None
    album_type: str | None = None
    album_artists: tuple[Credit, ...] = ()
    credits: tuple[Credit, ...] = ()
    disc_number: int | None = None
    track_number: int | None = None
    release_date: str | None = None
    blocked_markets: tuple[str, ...] = ()
    popularity: int = 0
    clip_markets: tuple[str, ...] = ()


MARGIN = timedelta(minutes=2)
"""What a player that cannot ask again is given beyond the track's length: for stalls and pauses."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a grant opens what it opens: this long may audio still be fetched once its rights
    have ended.

    `renewed`: for players that ask again before it is over; `longest`: for any other.
    """

    renewed: timedelta
    longest: timedelta

    def of(self, duration_ms: int, *, renews: bool) -> timedelta:
        """For a recording of that length; a player that does not renew can hear all of it."""
        if renews:
            return self.renewed
        return min(self.longest, timedelta(milliseconds=duration_ms) + MARGIN)


@dataclass(frozen=True, slots=True)
class Grant:
    """A decision on one play. `valid_until` only when allowed; `tier` "base", "high" or PREVIEW."""

    allow: bool
    reason: str
    licence_id: str | None = None
    version: int | None = None
    valid_until: datetime | None = None
    tier: str | None = None


def with_track(playable: Playable, event: TrackChanged) -> Playable | None:
    """The projection after `event`; None when it already knows that revision or a later one."""
    if event.revision <= playable.revision:
        return None
    audio = None
    if event.audio_id is not None and not event.removed:
        audio = Audio(
            audio_id=event.audio_id,
            duration_ms=event.duration_ms,
            gain_db=event.gain_db,
            true_peak_dbtp=event.true_peak_dbtp,
            renditions=event.renditions,
            manifests=event.manifests,
            waveform_path=event.waveform_path,
            preview_path=event.preview_path,
        )
    return replace(
        playable,
        revision=event.revision,
        title=event.title,
        artists=event.artists,
        album=event.album,
        isrc=event.isrc,
        explicit=event.explicit,
        cover_id=event.cover_id,
        audio=audio,
        album_id=event.album_id,
        album_type=event.album_type,
        album_artists=event.album_artists,
        credits=event.credits,
        disc_number=event.disc_number,
        track_number=event.track_number,
        release_date=event.release_date,
        blocked_markets=event.blocked_markets,
        popularity=event.popularity,
        clip_markets=event.clip_markets,
    )


def with_rights(playable: Playable, event: RightsChanged) -> Playable | None:
    """The projection after `event`; None when it already knows that version or a later one."""
    if event.version <= playable.rights_version:
        return None
    return replace(playable, rights_version=event.version, deals=event.deals)


def grant(
    playable: Playable,
    decision: Decision,
    *,
    plan: str,
    at: datetime,
    lifetimes: Lifetimes,
    renews: bool = False,
    preview: bool = False,
) -> Grant:
    """What `decision` opens of `playable` for `plan` at `at`; with `preview`, of its preview.

    `valid_until` is the nearer of the grant's lifetime, for a player that `renews` or does not,
    and the decision's own end.
    """
    if playable.audio is None:
        return Grant(False, TRACK_NOT_READY)
    if not decision.allow:
        return Grant(False, decision.reason, version=decision.version)
    if preview and playable.audio.preview_path is None:
        return Grant(False, NO_PREVIEW, version=decision.version)
    heard_ms = PREVIEW_MS if preview else playable.audio.duration_ms
    latest = at + lifetimes.of(heard_ms, renews=renews)
    until = latest if decision.valid_until is None else min(latest, decision.valid_until)
    tier = PREVIEW if preview else "high" if plan == "premium" else "base"
    return Grant(True, decision.reason, decision.licence_id, decision.version, until, tier)
