"""What the catalog keeps: artists, releases, recordings on releases, works, lyrics. Pure.

    Artist ←── Credit ──→ Album (release) ←── Entry ──→ Track ──→ Work
    "who, as what"                        "where on it"   recording   composition

Every entity has an id that works for ever, a `revision` that rises by one with each change, and
`unpublished_at`: when the latest revision was written, until it is known to be published.
`removed` is a takedown: the object still answers under its id, but is listed and played nowhere;
`removed_with` is the artist whose takedown caused it.

`refs` are the keys by which documents are found (artist, album and work ids, `isrc:…`);
`listed_for` the lists that show them, `rank` or `shelf` their place there.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.events import Credit, Features, Manifest, Rendition
from shared.rights.deals import Deal

ROLES = (
    "main",
    "featured",
    "remixer",
    "producer",
    "songwriter",
    "composer",
    "lyricist",
    "performer",
    "conductor",
    "engineer",
)
SHOWN_ROLES = ("main", "featured", "remixer")
"""Credits that make an artist one of a track's `artists`."""

ALBUM_TYPES = ("album", "single", "compilation", "ep")
WORLDWIDE = "*"

ARTISTS = "artists"
ALBUMS = "albums"
TRACKS = "tracks"
WORKS = "works"
LYRICS = "lyrics"
NAMES = "names"
AVAILABILITY = "availability"
ERRANDS = "errands"
VOCABULARIES = "vocabularies"


@dataclass(frozen=True, slots=True)
class Artist:
    """A person, group or project. `aliases` are other names, former ones among them; `absorbed`
    the ids of artists that were merged into this one; `merged_into` the one that this became."""

    artist_id: str
    revision: int
    name: str
    aliases: tuple[str, ...]
    genres: tuple[str, ...]
    isni: str | None
    ipi: str | None
    cover_id: str | None
    popularity: int
    absorbed: tuple[str, ...]
    merged_into: str | None
    removed: bool
    refs: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    unpublished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A track's place on a release."""

    track_id: str
    disc: int
    number: int


@dataclass(frozen=True, slots=True)
class Album:
    """A release: one edition (`version`: "Deluxe", "2011 Remaster") of an album, single or ep.

    `entries` rise by disc and number. `supersedes` is the release that this one replaces.
    `release_date` is YYYY, YYYY-MM or YYYY-MM-DD.
    """

    album_id: str
    revision: int
    title: str
    version: str | None
    album_type: str
    credits: tuple[Credit, ...]
    label: str | None
    upc: str | None
    release_date: str | None
    genres: tuple[str, ...]
    moods: tuple[str, ...]
    p_line: str | None
    c_line: str | None
    cover_id: str | None
    entries: tuple[Entry, ...]
    appearing: tuple[str, ...]
    supersedes: str | None
    superseded_by: str | None
    popularity: int
    markets: tuple[str, ...] | None
    removed: bool
    removed_with: str | None
    refs: tuple[str, ...]
    listed_for: tuple[str, ...]
    shelf: str
    created_at: datetime
    updated_at: datetime
    unpublished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Track:
    """A recording on a release. Without `audio_id` it is known, and not playable yet.

    `artists` are the names of `credits` in `SHOWN_ROLES`. `markets` are where some licence lets
    it play now, `("*",)` everywhere, None as long as rights has not spoken of it; `clip_markets`
    where some licence lets its preview play.
    """

    track_id: str
    revision: int
    upload_id: str | None
    title: str
    version: str | None
    credits: tuple[Credit, ...]
    album_id: str | None
    disc_number: int
    track_number: int
    isrc: str | None
    work_id: str | None
    genres: tuple[str, ...]
    moods: tuple[str, ...]
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
    markets: tuple[str, ...] | None
    popularity: int
    removed: bool
    removed_with: str | None
    refs: tuple[str, ...]
    listed_for: tuple[str, ...]
    rank: str
    created_at: datetime
    updated_at: datetime
    unpublished_at: datetime | None
    features: Features | None = None
    clip_markets: tuple[str, ...] = ()

    @property
    def artists(self) -> tuple[str, ...]:
        return tuple(it.name for it in self.credits if it.role in SHOWN_ROLES)


@dataclass(frozen=True, slots=True)
class Work:
    """A composition, of which tracks are recordings."""

    work_id: str
    revision: int
    title: str
    iswc: str | None
    credits: tuple[Credit, ...]
    refs: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Word:
    """A word (or syllable) as it is sung."""

    start_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of lyrics; `start_ms` None when they are not timed, `words` when word by word."""

    start_ms: int | None
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Lyrics:
    """What is sung on a track. `sync` is none, line or word; `language` BCP 47."""

    track_id: str
    revision: int
    language: str | None
    sync: str
    lines: tuple[Line, ...]
    provider: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Related:
    """The artists nearest to an artist, nearest first, as recommendations last told."""

    artist_id: str
    artist_ids: tuple[str, ...]
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Name:
    """The claim of a normalised name: the one entity that uploads by that name go to."""

    kind: str
    key: str
    entity_id: str


@dataclass(frozen=True, slots=True)
class Availability:
    """What rights has said of a track, as of `version`; `due_at` is when that next changes
    anything by itself."""

    track_id: str
    version: int
    deals: tuple[Deal, ...]
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Errand:
    """A change of one entity that others must still follow: kept until it is done.

    `kind` is artist, album, work (rewrite what refers to it) or move (give `ids` from `subject`
    to `target`).
    """

    errand_id: str
    kind: str
    subject: str
    target: str | None
    ids: tuple[str, ...]
    cursor: str | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every genre that the catalog has seen, sorted."""

    kind: str
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Import:
    """A bulk import: chunks of lines, sent one by one or side by side."""

    import_id: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """The newest DDEX message that described a release, by the release's id."""

    message_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that was not taken. `line` counts from 1 within its chunk."""

    line: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of an import. Until `done`, its events may not all have been told."""

    import_id: str
    number: int
    digest: str
    done: bool
    lines: int
    made: int
    changed: int
    unchanged: int
    refused: tuple[Refusal, ...]
