"""The events that deployables meet through. Past tense; frozen; nullable fields may be added,
none is ever renamed or removed (`tests/shared/events/golden` holds every published schema)."""

from dataclasses import dataclass
from datetime import datetime

from shared.rights.deals import Deal


@dataclass(frozen=True, slots=True)
class Rendition:
    """One encoding of a recording. `path` is the object's name in the audio bucket.

    `bandwidth_bps` is the peak over any segment, `average_bps` the mean over the whole.
    """

    codec: str
    kbps: int
    tier: str
    path: str
    size_bytes: int
    bandwidth_bps: int
    average_bps: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A playlist of renditions of one codec, for one tier ("base" or "high")."""

    codec: str
    protocol: str
    tier: str
    path: str


@dataclass(frozen=True, slots=True)
class Features:
    """How a recording sounds, measured from its samples (`functions/transcode/features.py`).

    `key` 0 to 11 from C upward, `mode` 1 major and 0 minor, `time_signature` in beats a bar,
    `loudness` in dB as the Web API has it; `timbre` a vector of cepstral means and deviations;
    the others 0 to 1. `confidence` is that of tempo: 0 where there is no beat.
    """

    tempo_bpm: float
    key: int
    mode: int
    time_signature: int
    energy: float
    danceability: float
    valence: float
    acousticness: float
    instrumentalness: float
    liveness: float
    speechiness: float
    loudness: float
    confidence: float
    timbre: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Credit:
    """Who did what. `role` is main, featured, remixer, producer, songwriter, composer, lyricist,
    performer, conductor or engineer; `name` as this track or album credits it."""

    artist_id: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class TrackTranscoded:
    """Every rendition of an upload is published. Loudness by EBU R128; gain to -14 LUFS."""

    event_id: str
    occurred_at: datetime
    upload_id: str
    track_id: str
    audio_id: str
    master_sha256: str
    duration_ms: int
    total_samples: int
    sample_rate_hz: int
    channels: int
    integrated_lufs: float | None
    true_peak_dbtp: float | None
    gain_db: float
    renditions: tuple[Rendition, ...]
    manifests: tuple[Manifest, ...]
    preview_path: str | None
    waveform_path: str | None
    cover_id: str | None
    title: str | None
    artists: tuple[str, ...]
    album: str | None
    isrc: str | None
    track_number: int | None
    disc_number: int | None
    features: Features | None = None


@dataclass(frozen=True, slots=True)
class TranscodeFailed:
    """An upload cannot become a track. `reason` is a stable code; the master is kept."""

    event_id: str
    occurred_at: datetime
    upload_id: str
    track_id: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class TrackChanged:
    """The catalog's current view of a track, whole. `revision` rises by one with each change.

    `artists` are the names of the main and featured credits, in order. `album_type` is album,
    single, compilation or ep; `release_date` YYYY[-MM[-DD]]; `popularity` 0 to 100.
    `blocked_markets`: ISO 3166-1 countries where no licence lets it play; `clip_markets`: those
    where its preview may be heard, ("*",) for all.
    """

    event_id: str
    occurred_at: datetime
    track_id: str
    revision: int
    title: str
    artists: tuple[str, ...]
    album: str | None
    isrc: str | None
    explicit: bool
    duration_ms: int
    cover_id: str | None
    audio_id: str | None
    integrated_lufs: float | None
    true_peak_dbtp: float | None
    gain_db: float | None
    renditions: tuple[Rendition, ...]
    manifests: tuple[Manifest, ...]
    preview_path: str | None
    waveform_path: str | None
    removed: bool
    album_id: str | None = None
    album_type: str | None = None
    album_artists: tuple[Credit, ...] = ()
    credits: tuple[Credit, ...] = ()
    disc_number: int | None = None
    track_number: int | None = None
    genres: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    release_date: str | None = None
    label: str | None = None
    upc: str | None = None
    work_id: str | None = None
    iswc: str | None = None
    blocked_markets: tuple[str, ...] = ()
    popularity: int = 0
    features: Features | None = None
    clip_markets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlbumChanged:
    """The catalog's current view of a release, whole. Fields as in `TrackChanged`.

    `supersedes` and `superseded_by` are album ids; `removed` also when merged into another.
    """

    event_id: str
    occurred_at: datetime
    album_id: str
    revision: int
    title: str
    version: str | None
    album_type: str
    artists: tuple[Credit, ...]
    label: str | None
    upc: str | None
    release_date: str | None
    genres: tuple[str, ...]
    moods: tuple[str, ...]
    p_line: str | None
    c_line: str | None
    cover_id: str | None
    track_ids: tuple[str, ...]
    supersedes: str | None
    superseded_by: str | None
    removed: bool
    popularity: int | None = None


@dataclass(frozen=True, slots=True)
class ArtistChanged:
    """The catalog's current view of an artist, whole. `merged_into`: the artist that this one
    turned out to be; its id then answers for this one everywhere."""

    event_id: str
    occurred_at: datetime
    artist_id: str
    revision: int
    name: str
    aliases: tuple[str, ...]
    genres: tuple[str, ...]
    isni: str | None
    ipi: str | None
    cover_id: str | None
    popularity: int
    merged_into: str | None
    removed: bool


@dataclass(frozen=True, slots=True)
class LibraryChanged:
    """A user saved, followed, or let go of something. `kind` is track, album, artist, show,
    episode, user or playlist."""

    event_id: str
    occurred_at: datetime
    user_id: str
    kind: str
    item_id: str
    saved: bool


@dataclass(frozen=True, slots=True)
class PlaylistChanged:
    """A playlist as it now stands. `revision` counts its operations, and rises with each change.

    `visibility` is public, unlisted or private; `kind` is list, smart or mix; `collaborators` are
    user ids, the owner not among them. `track_ids` are the first 1,000 in their order.
    """

    event_id: str
    occurred_at: datetime
    playlist_id: str
    revision: int
    owner_id: str
    kind: str
    name: str
    description: str
    visibility: str
    collaborators: tuple[str, ...]
    item_count: int
    track_ids: tuple[str, ...]
    image_id: str | None
    removed: bool


@dataclass(frozen=True, slots=True)
class UserChanged:
    """A user's public profile, whole. `territory` ISO 3166-1; `removed`: the account is gone."""

    event_id: str
    occurred_at: datetime
    user_id: str
    revision: int
    display_name: str
    plan: str
    territory: str
    removed: bool


@dataclass(frozen=True, slots=True)
class LicenceChanged:
    """A licence as it now stands. Window half-open, UTC; `territories` ISO 3166-1 or "*".

    A licence's licensor, who is paid for plays under it, never changes. Of a licence that came by
    a DDEX message `track_ids` are those of one release, and its dates on listeners' own clocks,
    where it has such, are left out: what may be played when is told by `RightsChanged`.
    """

    event_id: str
    occurred_at: datetime
    licence_id: str
    version: int
    track_ids: tuple[str, ...]
    territories: tuple[str, ...]
    plans: tuple[str, ...]
    starts_at: datetime | None
    ends_at: datetime | None
    withdrawn: bool
    licensor_id: str | None = None
    licensor_name: str | None = None


@dataclass(frozen=True, slots=True)
class RightsChanged:
    """All deals that cover a track, as of its `version`, which rises by one with each change."""

    event_id: str
    occurred_at: datetime
    track_id: str
    version: int
    deals: tuple[Deal, ...]


@dataclass(frozen=True, slots=True)
class PopularityChanged:
    """How popular a track is now, 0 to 100, by its counted `plays` of the last four weeks."""

    event_id: str
    occurred_at: datetime
    track_id: str
    popularity: int
    plays: int


@dataclass(frozen=True, slots=True)
class TrackPlayed:
    """A listener played (part of) a track. `ms_played` is audio heard, not time passed.

    `ms_distinct` is how much of the track was heard at all: seeking back and looping add nothing.
    `licence_id` is what the grant named; `context` the URI of what it was played from; `client_id`
    the application, as its token says.
    """

    event_id: str
    occurred_at: datetime
    play_id: str
    user_id: str
    track_id: str
    started_at: datetime
    ms_played: int
    codec: str
    kbps: int
    end_reason: str
    territory: str
    plan: str
    source: str | None
    bytes_fetched: int | None
    rebuffers: int | None
    licence_id: str | None = None
    client_id: str | None = None
    device_id: str | None = None
    duration_ms: int | None = None
    ms_distinct: int | None = None
    context: str | None = None
    offline: bool | None = None


@dataclass(frozen=True, slots=True)
class MixPublished:
    """A list made for one user, whole: it replaces what the playlist held. `kind` is
    discover-weekly, daily-mix or release-radar; `number` tells daily mixes apart, from 1.

    `reasons` say, track by track, why it is there. `generation` is the ISO week, "2026-W47", or
    the day, "2026-11-20", that it was made for: one generation of a playlist is published with
    one set of tracks, however often.
    """

    event_id: str
    occurred_at: datetime
    playlist_id: str
    user_id: str
    kind: str
    number: int | None
    title: str
    description: str
    track_ids: tuple[str, ...]
    reasons: tuple[str, ...]
    generation: str


@dataclass(frozen=True, slots=True)
class Impression:
    """One item of a list that was shown. `position` counts from 0; `propensity` is the chance
    that the policy had to put this item there; `source` is what proposed it."""

    position: int
    track_id: str
    source: str
    score: float
    propensity: float


@dataclass(frozen=True, slots=True)
class RecommendationsShown:
    """What a user was offered, for counterfactual evaluation. `surface` is home, radio, next-up,
    recommendations or a mix's kind; `arm` the user's share of `experiment`; `context` as
    "evening/mobile/running" (unknown parts empty)."""

    event_id: str
    occurred_at: datetime
    request_id: str
    user_id: str
    surface: str
    experiment: str | None
    arm: str | None
    policy: str
    generation: str | None
    territory: str
    context: str
    impressions: tuple[Impression, ...]


@dataclass(frozen=True, slots=True)
class RelatedArtistsChanged:
    """The artists nearest to an artist, nearest first, as of a generation of the batch."""

    event_id: str
    occurred_at: datetime
    artist_id: str
    artist_ids: tuple[str, ...]
    generation: str


@dataclass(frozen=True, slots=True)
class ChannelPublished:
    """Something was said on a live channel: "playlist:ID", "user:ID", "session:ID" or "feed:ID".

    `seq` rises by one within an `epoch`; 0: in passing, in no log and never repeated. `payload` is
    JSON. `recheck`: whether subscribers may listen is to be asked again. Delivered to gateways and
    kept nowhere: the channel's owner keeps what was said.
    """

    event_id: str
    occurred_at: datetime
    channel: str
    epoch: str
    seq: int
    payload: str
    recheck: bool = False


@dataclass(frozen=True, slots=True)
class LyricsChanged:
    """The words of a track as they now are, without times; `language` BCP 47 where it was told."""

    event_id: str
    occurred_at: datetime
    track_id: str
    revision: int
    language: str | None
    text: str


@dataclass(frozen=True, slots=True)
class MailQueued:
    """Someone is to be written to. What is said, and to whom, accounts alone knows."""

    event_id: str
    occurred_at: datetime
    mail_id: str
    kind: str


ALL: tuple[type, ...] = (
    AlbumChanged,
    ArtistChanged,
    ChannelPublished,
    LibraryChanged,
    LicenceChanged,
    LyricsChanged,
    MailQueued,
    MixPublished,
    PlaylistChanged,
    PopularityChanged,
    RecommendationsShown,
    RelatedArtistsChanged,
    RightsChanged,
    TrackChanged,
    TrackPlayed,
    TrackTranscoded,
    TranscodeFailed,
    UserChanged,
)

TRANSIENT: frozenset[type] = frozenset({ChannelPublished})
"""Events that are delivered and not kept: no table, no dead letters, gone within minutes."""
