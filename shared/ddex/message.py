"""What a release notification says, each part by itself; `line` is where it begins in the file.

Header      who sends what, when
Party       somebody whom other parts refer to
Resource    a recording
Release     a release, or a track as something to license by itself
Terms       one deal for some of the releases
Visibility  from when what may be seen
Purged      a release that is gone
Problem     a part, or some of it, that is not taken
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Problem:
    """What is refused and why. `subject` names it as the message does; `code` is stable."""

    line: int
    subject: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Sender:
    """A party of the message's own: its DDEX party id, and its name or the id again."""

    party_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Header:
    """`kind` is NewReleaseMessage or PurgeReleaseMessage; `created_at` UTC, by the sender's clock.
    `licensor`: on whose behalf it is sent, else who sends it. `test`: not meant to be acted on."""

    line: int
    kind: str
    message_id: str
    created_at: datetime
    licensor: Sender
    recipients: tuple[str, ...]
    test: bool


@dataclass(frozen=True, slots=True)
class Party:
    """Identifiers None where none is given or none is right."""

    line: int
    reference: str
    name: str
    isni: str | None
    ipi: str | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """Somebody's part in a recording or release: MainArtist, Producer, … `party` refers to one."""

    party: str
    role: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A sound recording (or, by `kind`, something else). `explicit` None: nothing is said."""

    line: int
    kind: str
    reference: str
    isrc: str | None
    title: str
    subtitle: str | None
    artists: tuple[Contribution, ...]
    contributors: tuple[Contribution, ...]
    duration_ms: int | None
    explicit: bool | None
    p_line: str | None
    genre: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """A recording's place on a release; disc and number count from 1."""

    resource: str
    disc: int
    number: int


@dataclass(frozen=True, slots=True)
class Release:
    """`track`: a TrackRelease, of one resource. `type` is Album, Single, EP, …; dates are
    YYYY[-MM[-DD]]; `label` refers to a party."""

    line: int
    track: bool
    reference: str
    type: str | None
    upc: str | None
    grid: str | None
    own_id: str | None
    title: str
    subtitle: str | None
    artists: tuple[Contribution, ...]
    label: str | None
    contents: tuple[Content, ...]
    genre: str | None
    p_line: str | None
    c_line: str | None
    released_on: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The release as its licensor names it, the best name first."""
        named = (("icpn", self.upc), ("grid", self.grid), ("own", self.own_id))
        return tuple(f"{kind}:{id}" for kind, id in named if id)


@dataclass(frozen=True, slots=True)
class Period:
    """From and until, moments as in `shared.rights.moments`, half-open; None unbounded."""

    line: int
    starts: str | None
    ends: str | None


@dataclass(frozen=True, slots=True)
class Terms:
    """One deal for the releases that `releases` refer to, its words as they stand.

    Channels are DDEX party ids; an excluded one that has none is "". `limits` are terms that
    restrict by what nobody here can tell, so that such a deal grants nothing.
    """

    line: int
    releases: tuple[str, ...]
    visibility: tuple[str, ...]
    models: tuple[str, ...]
    uses: tuple[str, ...]
    territories: tuple[str, ...]
    excluded: tuple[str, ...]
    channels: tuple[str, ...]
    excluded_channels: tuple[str, ...]
    periods: tuple[Period, ...]
    pre_order: bool
    usages: int | None
    limits: tuple[str, ...]
    display_from: str | None
    cover_from: str | None
    listing_from: str | None
    clips_from: str | None


@dataclass(frozen=True, slots=True)
class Visibility:
    """From when what of a release may be seen, where `territories` (none: everywhere)."""

    line: int
    reference: str
    territories: tuple[str, ...]
    display_from: str | None
    cover_from: str | None
    listing_from: str | None
    clips_from: str | None


@dataclass(frozen=True, slots=True)
class Purged:
    """A release whose deals are all withdrawn; its names as in `Release.names`."""

    line: int
    names: tuple[str, ...]


Part = Header | Party | Resource | Release | Terms | Visibility | Purged | Problem
