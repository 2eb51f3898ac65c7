"""Playlists as files: M3U8, XSPF, JSPF and CSV, read with suspicion, written by the book. Pure.

Sources: RFC 8216 §4.3.2.1 (EXTINF); https://xspf.org/spec; https://xspf.org/jspf; CSV with the
column names of Exportify, RFC 4180.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from shared.errors import Invalid
from shared.ids import parse_isrc

MAX_ENTRIES = 5_000
_NS = "http://xspf.org/ns/0/"
_MAX_TEXT = 500
_MAX_MS = 1 << 40


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a file: what it says of a track. `uri` where it names one of ours."""

    title: str = ""
    artist: str = ""
    album: str = ""
    isrc: str | None = None
    duration_ms: int | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A playlist file's name and entries."""

    name: str
    lines: tuple[Line, ...]


def read(kind: str, data: bytes) -> File:
    """A file of that kind: m3u8, xspf, jspf or csv.

    Raises:
        Invalid: no such kind (UNKNOWN_FORMAT), not such a file (INVALID_FILE), or above 5,000
            entries (TOO_MANY_ENTRIES).
    """
    if kind not in _READERS:
        raise Invalid("format is m3u8, xspf, jspf or csv", code="UNKNOWN_FORMAT")
    try:
        found = _READERS[kind](data)
    except Invalid:
        raise
    except Exception as error:  # whatever the bytes provoke in a parser
        raise Invalid(f"not a {kind} file: {error}"[:200], code="INVALID_FILE") from error
    if len(found.lines) > MAX_ENTRIES:
        raise Invalid(f"{MAX_ENTRIES} entries at most", code="TOO_MANY_ENTRIES")
    return found


def write(kind: str, name: str, lines: Sequence[Line], address: Callable[[str], str]) -> bytes:
    """The playlist as a file of that kind; `address` gives a URI's web address. Raises Invalid."""
    if kind not in _WRITERS:
        raise Invalid("format is m3u8, xspf, jspf or csv", code="UNKNOWN_FORMAT")
    return _WRITERS[kind](name, lines, address)


MEDIA_TYPES: Mapping[str, str] = {
    "m3u8": "application/vnd.apple.mpegurl",
    "xspf": "application/xspf+xml",
    "jspf": "application/json",
    "csv": "text/csv",
}


def _read_m3u8(data: bytes) -> File:
    name, lines = "", list[Line]()
    about: dict[str, Any] = {}
    for row in _text(data).splitlines():
        row = row.strip()
        if row.startswith("#EXTINF:"):
            seconds, _, label = row[8:].partition(",")
            artist, dash, title = label.partition(" - ")
            about |= {
                "title": (title if dash else label).strip(),
                "artist": artist.strip() if dash else "",
                "duration_ms": _ms(seconds.split(" ")[0], 1000),
            }
        elif row.startswith("#PLAYLIST:"):
            name = row[10:].strip()
        elif row.startswith("#EXTALB:"):
            about["album"] = row[8:].strip()
        elif row.startswith("#EXTART:"):
            about["artist"] = row[8:].strip()
        elif row.startswith("#ISRC:"):
            about["isrc"] = row[6:]
        elif row and not row.startswith("#"):
            if not about.get("title"):
                about["title"] = re.sub(r"\.\w{2,5}$", "", row.replace("\\", "/").split("/")[-1])
            lines.append(_line(about, [row]))
            about = {}
    return File(name, tuple(lines))


def _read_xspf(data: bytes) -> File:
    from defusedxml.ElementTree import fromstring

    root = fromstring(data, forbid_dtd=True)
    if root.tag != f"{{{_NS}}}playlist":
        raise Invalid("the root is not an XSPF playlist", code="INVALID_FILE")

    def texts(element: Any, tag: str) -> list[str]:
        return [(it.text or "").strip() for it in element.findall(f"{{{_NS}}}{tag}")]

    def first(element: Any, tag: str) -> str:
        return next(iter(texts(element, tag)), "")

    return File(
        first(root, "title"),
        tuple(
            _line(
                {
                    "title": first(track, "title"),
                    "artist": first(track, "creator"),
                    "album": first(track, "album"),
                    "duration_ms": _ms(first(track, "duration"), 1),
                },
                [*texts(track, "identifier"), *texts(track, "location")],
            )
            for track in root.iterfind(f"{{{_NS}}}trackList/{{{_NS}}}track")
        ),
    )


def _read_jspf(data: bytes) -> File:
    root = json.loads(_text(data))["playlist"]

    def text(value: Any) -> str:
        return value if isinstance(value, str) else ""

    def many(value: Any) -> list[str]:
        return [it for it in (value if isinstance(value, list) else [value]) if isinstance(it, str)]

    return File(
        text(root.get("title")),
        tuple(
            _line(
                {
                    "title": text(it.get("title")),
                    "artist": text(it.get("creator")),
                    "album": text(it.get("album")),
                    "duration_ms": _ms(str(it.get("duration", "")), 1),
                },
                [*many(it.get("identifier")), *many(it.get("location"))],
            )
            for it in root.get("track", [])
        ),
    )


def _read_csv(data: bytes) -> File:
    text = _text(data)
    first = text.split("\n", 1)[0]
    rows = csv.DictReader(
        io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ","
    )
    names = {_column(it): it for it in rows.fieldnames or ()}
    if not {"title", "isrc", "uri"} & names.keys():
        raise Invalid("no column Track Name, ISRC or Track URI", code="INVALID_FILE")

    def cell(row: Mapping[str, str | None], name: str) -> str:
        return (row.get(names.get(name, ""), "") or "").strip()

    return File(
        "",
        tuple(
            _line(
                {
                    "title": cell(row, "title"),
                    "artist": cell(row, "artist"),
                    "album": cell(row, "album"),
                    "isrc": cell(row, "isrc"),
                    "duration_ms": _ms(cell(row, "duration"), 1),
                },
                [cell(row, "uri")],
            )
            for row in _bounded(rows)
        ),
    )


def _column(name: str) -> str:
    plain = re.sub(r"[^a-z]", "", (name or "").lower().lstrip("\ufeff"))
    return {
        "trackname": "title", "name": "title", "song": "title", "tracktitle": "title",
        "artistname": "artist", "artistnames": "artist", "artists": "artist",
        "albumname": "album",
        "trackuri": "uri", "spotifyuri": "uri", "trackurl": "uri", "url": "uri",
        "durationms": "duration", "trackdurationms": "duration",
    }.get(plain, plain)  # fmt: skip


def _bounded(rows: Iterable[Any]) -> Iterator[Any]:
    for number, row in enumerate(rows):
        if number > MAX_ENTRIES:
            raise Invalid(f"{MAX_ENTRIES} entries at most", code="TOO_MANY_ENTRIES")
        yield row


def _line(about: Mapping[str, Any], references: Iterable[str]) -> Line:
    isrc, uri = _isrc(about.get("isrc") or ""), None
    for reference in references:
        found = re.search(r"(?:spotify:track:|/track/)([0-9A-Za-z]{22})(?![0-9A-Za-z])", reference)
        if found:
            uri = uri or f"spotify:track:{found[1]}"
        elif reference.lower().startswith(("isrc:", "urn:isrc:")):
            isrc = isrc or _isrc(reference.rpartition(":")[2])
    return Line(
        about.get("title", "")[:_MAX_TEXT],
        about.get("artist", "")[:_MAX_TEXT],
        about.get("album", "")[:_MAX_TEXT],
        isrc,
        about.get("duration_ms"),
        uri,
    )


def _isrc(text: str) -> str | None:
    try:
        return parse_isrc(text) if text else None
    except Invalid:
        return None


def _ms(text: str, unit: int) -> int | None:
    try:
        found = int(float(text) * unit)
    except (ValueError, OverflowError):
        return None
    return found if 0 < found < _MAX_MS else None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _write_m3u8(name: str, lines: Sequence[Line], address: Callable[[str], str]) -> bytes:
    rows = ["#EXTM3U", f"#PLAYLIST:{_one_line(name)}"]
    for it in lines:
        seconds = round((it.duration_ms or 0) / 1000)
        rows.append(f"#EXTINF:{seconds},{_one_line(it.artist)} - {_one_line(it.title)}")
        if it.album:
            rows.append(f"#EXTALB:{_one_line(it.album)}")
        if it.isrc:
            rows.append(f"#ISRC:{it.isrc}")
        rows.append(address(it.uri or ""))
    return ("\n".join(rows) + "\n").encode()


def _write_xspf(name: str, lines: Sequence[Line], address: Callable[[str], str]) -> bytes:
    root = ElementTree.Element("playlist", {"version": "1", "xmlns": _NS})

    def put(parent: ElementTree.Element, tag: str, text: str) -> None:
        if text:
            ElementTree.SubElement(parent, tag).text = _XML_UNFIT.sub("", text)

    put(root, "title", name)
    tracks = ElementTree.SubElement(root, "trackList")
    for it in lines:
        track = ElementTree.SubElement(tracks, "track")
        put(track, "location", address(it.uri or ""))
        put(track, "identifier", it.uri or "")
        put(track, "identifier", f"isrc:{it.isrc}" if it.isrc else "")
        put(track, "title", it.title)
        put(track, "creator", it.artist)
        put(track, "album", it.album)
        put(track, "duration", str(it.duration_ms) if it.duration_ms else "")
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _write_jspf(name: str, lines: Sequence[Line], address: Callable[[str], str]) -> bytes:
    tracks = [
        {
            "location": [address(it.uri or "")],
            "identifier": [it.uri or "", *([f"isrc:{it.isrc}"] if it.isrc else [])],
            "title": it.title,
            "creator": it.artist,
            "album": it.album,
            **({"duration": it.duration_ms} if it.duration_ms else {}),
        }
        for it in lines
    ]
    return json.dumps({"playlist": {"title": name, "track": tracks}}, ensure_ascii=False).encode()


def _write_csv(name: str, lines: Sequence[Line], address: Callable[[str], str]) -> bytes:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(
        ["Track URI", "Track Name", "Artist Name(s)", "Album Name", "ISRC", "Track Duration (ms)"]
    )
    for it in lines:
        cells = [it.uri, it.title, it.artist, it.album, it.isrc or "", it.duration_ms or ""]
        rows.writerow([_no_formula(str(cell or "")) for cell in cells])
    return out.getvalue().encode()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _no_formula(text: str) -> str:
    """What a spreadsheet would compute, as text (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


_XML_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_READERS: Mapping[str, Callable[[bytes], File]] = {
    "m3u8": _read_m3u8, "xspf": _read_xspf, "jspf": _read_jspf, "csv": _read_csv,
}  # fmt: skip
_WRITERS: Mapping[str, Callable[[str, Sequence[Line], Callable[[str], str]], bytes]] = {
    "m3u8": _write_m3u8, "xspf": _write_xspf, "jspf": _write_jspf, "csv": _write_csv,
}  # fmt: skip
