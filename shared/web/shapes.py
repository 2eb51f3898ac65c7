"""What answers look like, as JSON Schema: the Web API's objects, and how to put shapes together.

A service says per operation what it answers (`functions/<name>/shapes.py`); `shared.web.openapi`
makes its OpenAPI document of that. Plain dictionaries, so that describing costs a starting
service nothing. A shape with a `title` becomes a named schema of the document.

    TRACKS = record("Tracks", {"tracks": many(nullable(TRACK))})
    ANSWERS = {"GET /v1/tracks": {200: TRACKS}}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """An answer that is no JSON: its media type."""

    media_type: str


@dataclass(frozen=True, slots=True, init=False)
class Either:
    """An answer in one of several media types, whichever is asked for."""

    contents: tuple["Shape | Content", ...]

    def __init__(self, *contents: "Shape | Content") -> None:
        object.__setattr__(self, "contents", contents)


@dataclass(frozen=True, slots=True)
class Form:
    """What a request carries that the handler reads by itself: form fields, `needed` and not."""

    needed: tuple[str, ...]
    maybe: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries whose body the handler decodes by itself: JSON, or something else."""

    what: "Shape | Content"


Answers = Mapping[int | str, Shape | Content | Either | Form | Body | None]
"""Status (or "default") → what its body is; None: no body. Under "request": the `Form` or `Body`
taken."""

TEXT: Shape = {"type": "string"}
URL: Shape = {"type": "string", "format": "uri"}
INSTANT: Shape = {"type": "string", "format": "date-time"}
COUNT: Shape = {"type": "integer", "minimum": 0}
NUMBER: Shape = {"type": "number"}
YES_NO: Shape = {"type": "boolean"}
NULL: Shape = {"type": "null"}
ANY: Shape = {}
ID: Shape = {"type": "string", "pattern": "^[0-9A-Za-z]{22}$"}
PERCENT: Shape = {"type": "integer", "minimum": 0, "maximum": 100}


def word(*known: str) -> Shape:
    """One of a few words."""
    return {"type": "string", "enum": list(known)}


def many(item: Shape) -> Shape:
    """A list."""
    return {"type": "array", "items": item}


def mapping(value: Shape) -> Shape:
    """An object with free keys."""
    return {"type": "object", "additionalProperties": value}


def nullable(shape: Shape) -> Shape:
    """Or null."""
    return {"anyOf": [shape, NULL]}


def record(
    title: str | None, fields: Mapping[str, Shape], maybe: Mapping[str, Shape] | None = None
) -> Shape:
    """An object that has all `fields`, and may have those of `maybe`."""
    named = {"title": title} if title else {}
    properties = {**fields, **(maybe or {})}
    return {**named, "type": "object", "properties": properties, "required": list(fields)}


def page(name: str, item: Shape) -> Shape:
    """A page by offset, of `item`s; `name` names it."""
    return record(
        f"{name}Page",
        {
            "href": URL,
            "limit": COUNT,
            "next": nullable(URL),
            "offset": COUNT,
            "previous": nullable(URL),
            "total": COUNT,
            "items": many(item),
        },
    )


def cursor_page(name: str, item: Shape) -> Shape:
    """A page by cursor, of `item`s."""
    cursors = record(None, {"after": nullable(TEXT)}, {"before": nullable(TEXT)})
    return record(
        f"{name}CursorPage",
        {
            "href": URL,
            "limit": COUNT,
            "next": nullable(URL),
            "cursors": nullable(cursors),
            "items": many(item),
        },
        {"total": COUNT},
    )


def linked(kind: str) -> dict[str, Shape]:
    """What every object of the Web API has."""
    return {
        "id": ID,
        "type": word(kind),
        "uri": {"type": "string", "pattern": f"^spotify:{kind}:[0-9A-Za-z]+$"},
        "href": URL,
        "external_urls": mapping(URL),
    }


ERROR = record(
    "Error",
    {
        "error": record(
            None,
            {"status": {"type": "integer", "minimum": 400}, "message": TEXT},
            # The stable code: `code` on the Web API's paths, `reason` on Segue's own.
            {
                "code": {"type": "string", "pattern": "^[A-Z0-9_]+$"},
                "reason": {"type": "string", "pattern": "^[A-Z0-9_]+$"},
            },
        )
    },
)
OAUTH_ERROR = record("OAuthError", {"error": TEXT}, {"error_description": TEXT})

IMAGE = record("Image", {"url": URL, "width": nullable(COUNT), "height": nullable(COUNT)})
_RESTRICTIONS = record(None, {"reason": word("market", "product", "explicit")})
_AVAILABILITY = {
    "available_markets": many({"type": "string", "pattern": "^[A-Z]{2}$"}),
    "is_playable": YES_NO,
    "restrictions": _RESTRICTIONS,
}

ARTIST_LINK = record("ArtistLink", {**linked("artist"), "name": TEXT})
ARTIST = record(
    "Artist",
    {
        **linked("artist"),
        "name": TEXT,
        "genres": many(TEXT),
        "images": many(IMAGE),
        "popularity": PERCENT,
        "followers": record(None, {"href": nullable(URL), "total": COUNT}),
    },
)
SIMPLE_ALBUM = record(
    "SimpleAlbum",
    {
        **linked("album"),
        "album_type": word("album", "single", "compilation"),
        "total_tracks": COUNT,
        "name": TEXT,
        "release_date": {"type": "string", "pattern": r"^\d{4}(-\d\d(-\d\d)?)?$"},
        "release_date_precision": word("year", "month", "day"),
        "images": many(IMAGE),
        "artists": many(ARTIST_LINK),
    },
    {**_AVAILABILITY, "album_group": word("album", "single", "compilation", "appears_on")},
)
SIMPLE_TRACK = record(
    "SimpleTrack",
    {
        **linked("track"),
        "name": TEXT,
        "artists": many(ARTIST_LINK),
        "disc_number": COUNT,
        "track_number": COUNT,
        "duration_ms": COUNT,
        "explicit": YES_NO,
        "is_local": YES_NO,
        "preview_url": nullable(URL),
    },
    {**_AVAILABILITY, "linked_from": record("TrackLink", linked("track"))},
)
TRACK: Shape = record(
    "Track",
    {
        **SIMPLE_TRACK["properties"],
        "album": SIMPLE_ALBUM,
        "external_ids": mapping(TEXT),
        "popularity": PERCENT,
    },
)
TRACK["required"] = [it for it in TRACK["required"] if it not in (*_AVAILABILITY, "linked_from")]
ALBUM: Shape = record(
    "Album",
    {
        **SIMPLE_ALBUM["properties"],
        "tracks": page("SimpleTrack", SIMPLE_TRACK),
        "copyrights": many(record(None, {"text": TEXT, "type": word("C", "P")})),
        "external_ids": mapping(TEXT),
        "genres": many(TEXT),
        "label": TEXT,
        "popularity": PERCENT,
    },
)
ALBUM["required"] = [it for it in ALBUM["required"] if it not in (*_AVAILABILITY, "album_group")]
PUBLIC_USER = record(
    "PublicUser",
    {
        "id": TEXT,
        "type": word("user"),
        "uri": TEXT,
        "href": URL,
        "external_urls": mapping(URL),
        "display_name": nullable(TEXT),
    },
    {"images": many(IMAGE), "followers": record(None, {"href": NULL, "total": COUNT})},
)
