"""Lines: the one form in which artists, works, releases and recordings are written down.

Bulk import and export are made of them, and commands take them: a change is the line as it is
with a merge patch (RFC 7396) on it. Documented in docs/api/catalog-jsonl.md. Pure.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from functions.catalog import lyrics as words
from functions.catalog.model import Album, Artist, Lyrics, Track, Work
from shared import identifiers
from shared.errors import Invalid
from shared.events import Credit
from shared.ids import derived_id, parse_isrc

Id = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{22}\Z")]
Text = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Ref = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
Code = Annotated[str, Meta(min_length=1, max_length=40)]
Terms = Annotated[list[Text], Meta(max_length=50)]
Popularity = Annotated[int, Meta(ge=0, le=100)]
Place = Annotated[int, Meta(ge=1, le=9999)]
Duration = Annotated[int, Meta(ge=0, le=172_800_000)]
Cover = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Role = Literal[
    "main", "featured", "remixer", "producer", "songwriter",
    "composer", "lyricist", "performer", "conductor", "engineer",
]  # fmt: skip
_ID = re.compile(r"[0-9A-Za-z]{22}")
_COVER = re.compile(r"[0-9a-f]{64}")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"[12][0-9]{3}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?")


class CreditLine(Struct, forbid_unknown_fields=True):
    """Who did what: by reference, or by name alone."""

    artist: Ref | None = None
    name: Text | None = None
    role: Role = "main"


Credits = Annotated[list[CreditLine], Meta(max_length=100)]


class LyricsLine(Struct, forbid_unknown_fields=True):
    """Lyrics as text: plain, LRC or enhanced LRC."""

    text: Annotated[str, Meta(max_length=words.MAX_CHARS)]
    language: Annotated[str, Meta(max_length=40)] | None = None
    provider: Annotated[str, Meta(max_length=200)] | None = None

    def parse(self, track_id: str, revision: int, at: datetime) -> Lyrics:
        """The lyrics that the text is. Raises Invalid (INVALID_LYRICS, INVALID_LANGUAGE)."""
        return words.parse(
            track_id,
            text=self.text,
            language=self.language,
            provider=self.provider,
            revision=revision,
            at=at,
        )


class _Line(Struct, forbid_unknown_fields=True, tag_field="type"):
    """`id` may be given; else it follows from `key`, the sender's own name for the entity."""

    id: Id | None = None
    key: Ref | None = None


class ArtistLine(_Line, tag="artist", kw_only=True):
    name: Text
    aliases: Annotated[list[Text], Meta(max_length=100)] | None = None
    genres: Terms = []
    isni: Code | None = None
    ipi: Code | None = None
    popularity: Popularity = 0
    removed: bool = False
    merged_into: Id | None = None
    cover: Cover | None = None


class WorkLine(_Line, tag="work", kw_only=True):
    title: Text
    iswc: Code | None = None
    credits: Credits = []


class AlbumLine(_Line, tag="album", kw_only=True):
    title: Text
    version: Text | None = None
    album_type: Literal["album", "single", "compilation", "ep"] = "album"
    credits: Credits = []
    label: Text | None = None
    upc: Code | None = None
    release_date: Annotated[str, Meta(max_length=10)] | None = None
    genres: Terms = []
    moods: Terms = []
    p_line: Text | None = None
    c_line: Text | None = None
    supersedes: Ref | None = None
    popularity: Popularity = 0
    removed: bool = False
    cover: Cover | None = None


class TrackLine(_Line, tag="track", kw_only=True):
    title: Text
    album: Ref
    version: Text | None = None
    disc_number: Place = 1
    track_number: Place = 1
    credits: Credits = []
    isrc: Code | None = None
    work: Ref | None = None
    genres: Terms = []
    moods: Terms = []
    explicit: bool = False
    duration_ms: Duration = 0
    popularity: Popularity = 0
    removed: bool = False
    lyrics: LyricsLine | None = None


Line = ArtistLine | WorkLine | AlbumLine | TrackLine
L = TypeVar("L", ArtistLine, WorkLine, AlbumLine, TrackLine)
KINDS: dict[str, type] = {
    "artist": ArtistLine,
    "work": WorkLine,
    "album": AlbumLine,
    "track": TrackLine,
}
_decoder = msgspec.json.Decoder(Line)
encode = msgspec.json.Encoder().encode


def decode(data: bytes) -> Line:
    """A line of a file.

    Raises:
        Invalid: no JSON, no such type, a field that is missing, unknown or wrong
            (INVALID_LINE), or an identifier or date that is none (INVALID_ISRC, …).
    """
    try:
        return checked(_decoder.decode(data))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid(str(error)[:300], code="INVALID_LINE") from error


def convert(value: Any, kind: type[L]) -> L:
    """A line of one kind from plain values, as a command gives it. Raises as `decode` does."""
    try:
        return checked(msgspec.convert(value, kind))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid(str(error)[:300], code="INVALID_LINE") from error


def checked(line: Any) -> Any:
    """The line with its identifiers in the form that is kept.

    Raises:
        Invalid: INVALID_ISRC, INVALID_UPC, INVALID_ISWC, INVALID_ISNI, INVALID_IPI,
            INVALID_DATE, INVALID_LYRICS, INVALID_LANGUAGE, or UNKNOWN_ARTIST for a credit of
            nobody.
    """
    kind = type(line)
    if kind is TrackLine:
        line.isrc = line.isrc and parse_isrc(line.isrc)
        if line.lyrics is not None:
            line.lyrics.parse("", 1, _NEVER)
    elif kind is AlbumLine:
        line.upc = line.upc and identifiers.parse_upc(line.upc)
        if line.release_date is not None and not _DATE.fullmatch(line.release_date):
            raise Invalid("release_date is YYYY, YYYY-MM or YYYY-MM-DD", code="INVALID_DATE")
    elif kind is WorkLine:
        line.iswc = line.iswc and identifiers.parse_iswc(line.iswc)
    else:
        line.isni = line.isni and identifiers.parse_isni(line.isni)
        line.ipi = line.ipi and identifiers.parse_ipi(line.ipi)
        return line
    if any(it.artist is None and it.name is None for it in line.credits):
        raise Invalid("a credit names nobody: give artist or name", code="UNKNOWN_ARTIST")
    return line


def id_of(line: Line, kind: str) -> str | None:
    """The id given, or that of the key; None when there is neither."""
    if line.id is not None:
        return line.id
    return None if line.key is None else derived_id("key", kind, line.key)


def ref_id(ref: str, kind: str) -> str:
    """The id that a reference means: itself, or that of a key."""
    return ref if _ID.fullmatch(ref) else derived_id("key", kind, ref)


def artist_line(artist: Artist) -> ArtistLine:
    """An artist as its line."""
    return ArtistLine(
        id=artist.artist_id,
        name=artist.name,
        aliases=list(artist.aliases),
        genres=list(artist.genres),
        isni=artist.isni,
        ipi=artist.ipi,
        popularity=artist.popularity,
        removed=artist.removed,
        merged_into=artist.merged_into,
        cover=_cover(artist.cover_id),
    )


def work_line(work: Work) -> WorkLine:
    """A work as its line."""
    credits = _credit_lines(work.credits)
    return WorkLine(id=work.work_id, title=work.title, iswc=work.iswc, credits=credits)


def album_line(album: Album) -> AlbumLine:
    """A release as its line."""
    return AlbumLine(
        id=album.album_id,
        title=album.title,
        version=album.version,
        album_type=album.album_type,  # type: ignore[arg-type]
        credits=_credit_lines(album.credits),
        label=album.label,
        upc=album.upc,
        release_date=album.release_date,
        genres=list(album.genres),
        moods=list(album.moods),
        p_line=album.p_line,
        c_line=album.c_line,
        supersedes=album.supersedes,
        popularity=album.popularity,
        removed=album.removed,
        cover=_cover(album.cover_id),
    )


def track_line(track: Track, lyrics: Lyrics | None = None) -> TrackLine:
    """A recording on a release as its line, with its lyrics if they are given."""
    return TrackLine(
        id=track.track_id,
        title=track.title,
        version=track.version,
        album=track.album_id or "",
        disc_number=track.disc_number,
        track_number=track.track_number,
        credits=_credit_lines(track.credits),
        isrc=track.isrc,
        work=track.work_id,
        genres=list(track.genres),
        moods=list(track.moods),
        explicit=track.explicit,
        duration_ms=track.duration_ms,
        popularity=track.popularity,
        removed=track.removed,
        lyrics=lyrics and LyricsLine(words.to_lrc(lyrics), lyrics.language, lyrics.provider),
    )


def _cover(cover_id: str | None) -> str | None:
    """A picture that a line can name."""
    return cover_id if cover_id and _COVER.fullmatch(cover_id) else None


def _credit_lines(credits: tuple[Credit, ...]) -> list[CreditLine]:
    return [CreditLine(it.artist_id, it.name, it.role) for it in credits]  # type: ignore[arg-type]
