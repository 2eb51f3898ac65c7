"""Releases and recordings out of DDEX release notifications, as the catalog's own lines. Pure.

A message's deals are the business of rights; here is what it says of the music. The same release
in a later message gets the same ids: a release is known by its ICPN or GRid, else by its
licensor's id and own number; a recording by its place in the release and its ISRC, an artist by
ISNI, else by name.

Source: DDEX ERN 4.3, allowed-value sets ContributorRole, DisplayArtistRole and ReleaseType
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from functions.catalog.jsonl import AlbumLine, ArtistLine, CreditLine, Line, Role, TrackLine
from shared.ddex import ern
from shared.ddex.message import Contribution, Header, Party, Problem, Release, Resource
from shared.errors import Invalid

MAX_CREDITS = 100
_ALBUM_TYPES = {
    "Single": "single",
    "EP": "ep",
    "MaxiSingle": "single",
    "Compilation": "compilation",
}
_ROLES: dict[str, Role] = {
    "MainArtist": "main",
    "FeaturedArtist": "featured",
    "Remixer": "remixer",
    "Producer": "producer",
    "StudioProducer": "producer",
    "ExecutiveProducer": "producer",
    "CoProducer": "producer",
    "ComposerLyricist": "songwriter",
    "Author": "songwriter",
    "Composer": "composer",
    "Lyricist": "lyricist",
    "Conductor": "conductor",
}
_PERFORMS = re.compile(r"Artist|Choir|Ensemble|Orchestra|Musician|Performer|Soloist|Vocal|Band")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(slots=True)
class Notice:
    """What a message says of the music: lines to apply, each with its line in the file, the albums
    that they describe by key, and what is not taken."""

    header: Header
    lines: list[tuple[int, Line]] = field(default_factory=list)
    albums: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read(chunks: Iterable[bytes]) -> Notice:
    """The message in `chunks`. A purge says nothing of the music and gives no lines.

    Raises:
        BadMessage: it cannot be read, see `shared.ddex.ern.parts`.
        Invalid: it is a test (code TEST_MESSAGE).
    """
    parts = ern.parts(chunks)
    header = next(parts)
    assert isinstance(header, Header)
    if header.test:
        raise Invalid("a test message changes nothing", code="TEST_MESSAGE")
    found = Notice(header)
    parties: dict[str, Party] = {}
    resources: dict[str, Resource] = {}
    releases: list[Release] = []
    for part in parts:
        match part:
            case Party():
                parties[part.reference] = part
            case Resource():
                resources[part.reference] = part
            case Release() if not part.track:
                releases.append(part)
            case Problem():
                found.problems.append(part)
            case _:
                pass
    told: set[str] = set()
    for release in releases:
        if not release.names:
            message = "it has neither ICPN, GRid nor an id of its own"
            found.problems.append(
                Problem(release.line, release.reference, "NO_RELEASE_ID", message)
            )
            continue
        key = _key_of(release, header)
        album, tracks = _lines(release, key, parties, resources, found.problems)
        for party in _credited(release, resources, parties):
            if party.isni is not None and party.reference not in told:
                told.add(party.reference)
                artist = ArtistLine(key=_artist_key(party), name=_text(party.name), isni=party.isni)
                found.lines.append((party.line, artist))
        found.albums[key] = release.line
        found.lines += [(release.line, album), *tracks]
    return found


def _key_of(release: Release, header: Header) -> str:
    own = release.upc is None and release.grid is None
    name = release.names[0]
    return f"ern:{header.licensor.party_id}/{name}" if own else f"ern:{name}"


def _lines(
    release: Release,
    key: str,
    parties: dict[str, Party],
    resources: dict[str, Resource],
    problems: list[Problem],
) -> tuple[AlbumLine, list[tuple[int, Line]]]:
    label = parties.get(release.label or "")
    album = AlbumLine(
        key=key,
        title=_text(release.title),
        version=_text(release.subtitle) or None,
        album_type=_ALBUM_TYPES.get(release.type or "", "album"),  # type: ignore[arg-type]
        credits=_credits(release.artists, parties),
        label=_text(label.name) or None if label else None,
        upc=release.upc,
        release_date=release.released_on,
        genres=_genres(release.genre),
        p_line=_text(release.p_line) or None,
        c_line=_text(release.c_line) or None,
    )
    tracks: list[tuple[int, Line]] = []
    met: Counter[str] = Counter()
    for place in release.contents:
        resource = resources.get(place.resource)
        if resource is None:
            message = f"the release holds {place.resource}, which is not described"
            problems.append(Problem(release.line, release.reference, "UNKNOWN_RESOURCE", message))
            continue
        if resource.kind != "SoundRecording":
            continue
        name = resource.isrc or f"{place.disc}-{place.number}"
        met[name] += 1
        track = TrackLine(
            key=f"{key}/{name}" + (f"/{met[name]}" if met[name] > 1 else ""),
            title=_text(resource.title),
            version=_text(resource.subtitle) or None,
            album=key,
            disc_number=place.disc,
            track_number=place.number,
            credits=_credits((*resource.artists, *resource.contributors), parties),
            isrc=resource.isrc,
            genres=_genres(resource.genre or release.genre),
            explicit=bool(resource.explicit),
            duration_ms=resource.duration_ms or 0,
        )
        tracks.append((resource.line, track))
    return album, tracks


def _credited(
    release: Release, resources: dict[str, Resource], parties: dict[str, Party]
) -> Iterator[Party]:
    """Whom the release's lines name, where the message describes them."""
    held = [resources[it.resource] for it in release.contents if it.resource in resources]
    for it in (release, *held):
        more = it.contributors if isinstance(it, Resource) else ()
        for one in (*it.artists, *more):
            if one.party in parties and _role(one.role) is not None:
                yield parties[one.party]


def _credits(found: Iterable[Contribution], parties: dict[str, Party]) -> list[CreditLine]:
    """Each once per role. Those whose role no listener's page has a word for are left out."""
    made: dict[tuple[str, str], CreditLine] = {}
    for it in found:
        party, role = parties.get(it.party), _role(it.role)
        name = _text(party.name) if party is not None else ""
        if party is None or role is None or not name:
            continue
        artist = _artist_key(party) if party.isni is not None else None
        made.setdefault((it.party, role), CreditLine(artist=artist, name=name, role=role))
    return list(made.values())[:MAX_CREDITS]


def _role(role: str) -> Role | None:
    if role in _ROLES:
        return _ROLES[role]
    if role.endswith("Engineer"):
        return "engineer"
    return "performer" if _PERFORMS.search(role) else None


def _artist_key(party: Party) -> str:
    return f"isni:{party.isni}"


def _genres(genre: str | None) -> list[str]:
    text = _text(genre).lower()
    return [text] if text else []


def _text(text: str | None) -> str:
    """As the catalog keeps words: on one line, 500 characters at most."""
    return _CONTROL.sub(" ", text or "").strip()[:500]
