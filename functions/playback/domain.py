"""What may be played, by whom and until when. Pure.

Playable   a track's audio and licences, projected from catalog's and rights' events
grant      the decision: deny unless one licence covers territory, instant and plan
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.events import LicenceChanged, Manifest, Rendition, TrackChanged

WORLDWIDE = "*"

TRACK_NOT_READY = "TRACK_NOT_READY"
NO_LICENCE = "NO_LICENCE"
TERRITORY = "TERRITORY"
WINDOW_NOT_OPEN = "WINDOW_NOT_OPEN"
WINDOW_CLOSED = "WINDOW_CLOSED"
PLAN = "PLAN"
LICENSED = "LICENSED"


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


@dataclass(frozen=True, slots=True)
class Licence:
    """One licence as this track sees it; a withdrawn one stays, so that an older version
    arriving late cannot bring it back. Window half-open, UTC, None unbounded."""

    licence_id: str
    version: int
    territories: tuple[str, ...]
    plans: tuple[str, ...]
    starts_at: datetime | None
    ends_at: datetime | None
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Playable:
    """A track as playback knows it. `revision` 0: the catalog has said nothing about it yet."""

    track_id: str
    revision: int = 0
    title: str = ""
    artists: tuple[str, ...] = ()
    album: str | None = None
    isrc: str | None = None
    explicit: bool = False
    cover_id: str | None = None
    audio: Audio | None = None
    licences: Mapping[str, Licence] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grant:
    """A decision on one play. `valid_until` only when allowed; `tier` "base" or "high"."""

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
    )


def with_licence(playable: Playable, event: LicenceChanged) -> Playable | None:
    """The projection after `event`; None when it already knows that version or a later one."""
    known = playable.licences.get(event.licence_id)
    if known is not None and event.version <= known.version:
        return None
    licence = Licence(
        licence_id=event.licence_id,
        version=event.version,
        territories=event.territories,
        plans=event.plans,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        withdrawn=event.withdrawn,
    )
    return replace(playable, licences={**playable.licences, event.licence_id: licence})


def grant(
    playable: Playable, *, territory: str, plan: str, at: datetime, lifetime: timedelta
) -> Grant:
    """Let a listener of `territory` and `plan` stream `playable` at `at`, or say why not.

    Deny by default. Licences are sieved by one predicate after the other; the reason is the
    first sieve that none passed. Of several that allow, the one that lasts longest is named.
    `valid_until` is the nearer of `at + lifetime` and the end of its window.
    """
    if playable.audio is None:
        return Grant(False, TRACK_NOT_READY)
    left = [licence for licence in playable.licences.values() if not licence.withdrawn]
    if not left:
        return Grant(False, NO_LICENCE)
    left = [
        licence
        for licence in left
        if WORLDWIDE in licence.territories or territory in licence.territories
    ]
    if not left:
        return Grant(False, TERRITORY)
    left = [licence for licence in left if licence.starts_at is None or licence.starts_at <= at]
    if not left:
        return Grant(False, WINDOW_NOT_OPEN)
    left = [licence for licence in left if licence.ends_at is None or at < licence.ends_at]
    if not left:
        return Grant(False, WINDOW_CLOSED)
    left = [licence for licence in left if plan in licence.plans]
    if not left:
        return Grant(False, PLAN)
    latest = at + lifetime
    # Ids break ties, so that the same facts always name the same licence.
    best = min(left, key=lambda licence: (-_until(licence, latest).timestamp(), licence.licence_id))
    tier = "high" if plan == "premium" else "base"
    return Grant(True, LICENSED, best.licence_id, best.version, _until(best, latest), tier)


def _until(licence: Licence, latest: datetime) -> datetime:
    return latest if licence.ends_at is None else min(latest, licence.ends_at)
