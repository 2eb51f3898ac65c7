"""What this service's operations answer, for its OpenAPI document."""

from collections.abc import Mapping
from typing import Any

import msgspec

from functions.catalog import jsonl, uploads
from functions.catalog.editing import Merge, Split
from shared.web.shapes import (
    ALBUM,
    ANY,
    ARTIST,
    COUNT,
    ERROR,
    ID,
    IMAGE,
    INSTANT,
    PERCENT,
    SIMPLE_ALBUM,
    SIMPLE_TRACK,
    TEXT,
    TRACK,
    URL,
    YES_NO,
    Answers,
    Body,
    Content,
    Shape,
    many,
    nullable,
    page,
    record,
    word,
)

_STATUS = word(
    uploads.AWAITING_MASTER,
    uploads.TRANSCODING,
    uploads.READY,
    uploads.DUPLICATE,
    uploads.FAILED,
)
_UPLOAD = record(
    "Upload",
    {
        "upload_id": ID,
        "track_id": ID,
        "status": _STATUS,
        "reason": nullable(TEXT),
        "message": nullable(TEXT),
        "filename": TEXT,
        "size_bytes": COUNT,
        "created_at": INSTANT,
        "updated_at": INSTANT,
    },
)
_SESSION = record(
    "UploadSession",
    {
        "upload_id": ID,
        "track_id": ID,
        "status": _STATUS,
        "upload_url": nullable(URL),
        "expires_at": nullable(INSTANT),
    },
)
_CATEGORY = record("Category", {"href": URL, "icons": many(IMAGE), "id": TEXT, "name": TEXT})
_NO_PLAYLISTS = page("Playlist", ANY)
_TRACKS = record("Tracks", {"tracks": many(nullable(TRACK))})
_MARKET = {"type": "string", "pattern": "^[A-Z]{2}$"}

_LYRICS = record(
    "Lyrics",
    {
        "track_id": ID,
        "language": nullable(TEXT),
        "sync": word("none", "line", "word"),
        "provider": nullable(TEXT),
        "lines": many(
            record(
                None,
                {
                    "start_ms": nullable(COUNT),
                    "text": TEXT,
                    "words": many(record(None, {"start_ms": COUNT, "text": TEXT})),
                },
            )
        ),
    },
)
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_NUMBER = {"type": "number"}
_FEATURES = record(
    "AudioFeatures",
    {
        "id": ID,
        "type": word("audio_features"),
        "uri": TEXT,
        "track_href": URL,
        "analysis_url": URL,
        "duration_ms": COUNT,
        "tempo": _NUMBER,
        "key": {"type": "integer", "minimum": 0, "maximum": 11},
        "mode": {"type": "integer", "minimum": 0, "maximum": 1},
        "time_signature": COUNT,
        "loudness": _NUMBER,
        "energy": _SHARE,
        "danceability": _SHARE,
        "valence": _SHARE,
        "acousticness": _SHARE,
        "instrumentalness": _SHARE,
        "liveness": _SHARE,
        "speechiness": _SHARE,
    },
)
_JSON_LINES = Content("application/x-ndjson")
_CREDITS = many(record("CreditLine", {"artist": nullable(TEXT), "name": TEXT, "role": TEXT}))
_TITLED = {"title": TEXT, "credits": _CREDITS}
_GENRES = {"genres": many(TEXT), "popularity": PERCENT, "removed": YES_NO}


def _line(kind: str, fields: Mapping[str, Shape]) -> Shape:
    every = {"type": word(kind), "id": ID, "key": nullable(TEXT), "revision": COUNT}
    return record(f"{kind.title()}Line", {**every, **fields})


def _commands(kind: str, line: Shape) -> dict[str, Answers | None]:
    path, asked = f"/v1/catalog/{kind}s", _asked(f"New{kind.title()}", jsonl.KINDS[kind])
    return {
        f"POST {path}": {"request": Body(asked), 201: line, 409: ERROR},
        f"GET {path}/{{id}}": {200: line, 404: ERROR},
        f"PATCH {path}/{{id}}": {
            "request": Body(_patch(f"{kind.title()}Patch", asked)),
            200: line,
            404: ERROR,
            412: ERROR,
        },
    }


def _asked(title: str, struct: type) -> Shape:
    """What a command takes, as its decoder has it; the path says the type of a line."""
    schema = msgspec.json.schema(struct)
    defined = schema["$defs"]

    def whole(part: Any) -> Any:
        if isinstance(part, list):
            return [whole(it) for it in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            part = defined[part["$ref"].rpartition("/")[2]]
        # Python's end of text, as the regular expressions of JSON Schema have it.
        return {
            key: value.replace("\\Z", "$") if key == "pattern" else whole(value)
            for key, value in part.items()
            if key not in ("title", "description")
        }

    found = whole(schema)
    properties = {key: it for key, it in found["properties"].items() if key != "type"}
    required = [it for it in found.get("required", ()) if it != "type"]
    return {**found, "title": title, "properties": properties, "required": required}


def _patch(title: str, asked: Shape) -> Shape:
    """A merge patch (RFC 7396) of it: every member may be left out, or null."""
    members = {key: nullable(it) for key, it in asked["properties"].items() if key != "id"}
    return {**asked, "title": title, "properties": members, "required": []}


_ARTIST_LINE = _line(
    "artist",
    {
        "name": TEXT,
        "aliases": many(TEXT),
        "isni": nullable(TEXT),
        "ipi": nullable(TEXT),
        "merged_into": nullable(ID),
        **_GENRES,
    },
)
_WORK_LINE = _line("work", {**_TITLED, "iswc": nullable(TEXT)})
_ALBUM_LINE = _line(
    "album",
    {
        **_TITLED,
        **_GENRES,
        "version": nullable(TEXT),
        "album_type": word("album", "single", "compilation", "ep"),
        "label": nullable(TEXT),
        "upc": nullable(TEXT),
        "release_date": nullable(TEXT),
        "moods": many(TEXT),
        "p_line": nullable(TEXT),
        "c_line": nullable(TEXT),
        "supersedes": nullable(ID),
    },
)
_TRACK_LINE = _line(
    "track",
    {
        **_TITLED,
        **_GENRES,
        "version": nullable(TEXT),
        "album": TEXT,
        "disc_number": COUNT,
        "track_number": COUNT,
        "isrc": nullable(TEXT),
        "work": nullable(TEXT),
        "moods": many(TEXT),
        "explicit": YES_NO,
        "duration_ms": COUNT,
    },
)
_PICTURE = Body(Content("image/*"))
_IMAGE_PUT = record("ImagePut", {"id": ID, "cover_id": TEXT, "revision": COUNT})
_DONE = {"lines": COUNT, "made": COUNT, "changed": COUNT, "unchanged": COUNT}
_CHUNK = record(
    "Chunk",
    {
        "import_id": ID,
        "number": COUNT,
        "digest": TEXT,
        "done": YES_NO,
        **_DONE,
        "refused": many(record(None, {"line": COUNT, "reason": TEXT, "message": TEXT})),
    },
)
_PROGRESS = record(
    "ImportProgress",
    {
        "import_id": ID,
        "created_at": INSTANT,
        "chunks": COUNT,
        "next_chunk": COUNT,
        **_DONE,
        "refused": COUNT,
    },
)

ANSWERS: Mapping[str, Answers | None] = {
    "POST /v1/uploads": {200: _SESSION, 201: _SESSION},
    "GET /v1/uploads": {200: page("Upload", _UPLOAD)},
    "GET /v1/uploads/{upload_id}": {200: _UPLOAD, 404: ERROR},
    # With `ids` those, in their order; without, everything, page by page.
    "GET /v1/tracks": {200: {"anyOf": [_TRACKS, page("Track", TRACK)]}},
    "GET /v1/tracks/{track_id}": {200: TRACK, 404: ERROR},
    "GET /v1/albums": {200: record("Albums", {"albums": many(nullable(ALBUM))})},
    "GET /v1/albums/{album_id}": {200: ALBUM, 404: ERROR},
    "GET /v1/albums/{album_id}/tracks": {200: page("SimpleTrack", SIMPLE_TRACK), 404: ERROR},
    "GET /v1/artists": {200: record("Artists", {"artists": many(nullable(ARTIST))})},
    "GET /v1/artists/{artist_id}": {200: ARTIST, 404: ERROR},
    "GET /v1/artists/{artist_id}/albums": {200: page("SimpleAlbum", SIMPLE_ALBUM), 404: ERROR},
    "GET /v1/artists/{artist_id}/top-tracks": {
        200: record("TopTracks", {"tracks": many(TRACK)}),
        404: ERROR,
    },
    "GET /v1/artists/{artist_id}/related-artists": {
        200: record("RelatedArtists", {"artists": many(ARTIST)}),
        404: ERROR,
    },
    "GET /v1/markets": {200: record("Markets", {"markets": many(_MARKET)})},
    "GET /v1/browse/new-releases": {
        200: record("NewReleases", {"albums": page("SimpleAlbum", SIMPLE_ALBUM)})
    },
    "GET /v1/browse/featured-playlists": {
        200: record("FeaturedPlaylists", {"message": TEXT, "playlists": _NO_PLAYLISTS})
    },
    "GET /v1/browse/categories": {
        200: record("Categories", {"categories": page("Category", _CATEGORY)})
    },
    "GET /v1/browse/categories/{category_id}": {200: _CATEGORY, 404: ERROR},
    "GET /v1/browse/categories/{category_id}/playlists": {
        200: record("CategoryPlaylists", {"playlists": _NO_PLAYLISTS}),
        404: ERROR,
    },
    "GET /v1/recommendations/available-genre-seeds": {
        200: record("GenreSeeds", {"genres": many(TEXT)})
    },
    "GET /v1/audio-features": {
        200: record("ManyFeatures", {"audio_features": many(nullable(_FEATURES))})
    },
    "GET /v1/audio-features/{track_id}": {200: _FEATURES, 404: ERROR},
    "GET /v1/audio-analysis/{track_id}": {404: ERROR},
    "GET /v1/tracks/{track_id}/lyrics": {200: _LYRICS, 404: ERROR},
    "PUT /v1/tracks/{track_id}/lyrics": {
        "request": Body(_asked("NewLyrics", jsonl.LyricsLine)),
        200: _LYRICS,
        404: ERROR,
    },
    **_commands("artist", _ARTIST_LINE),
    "DELETE /v1/catalog/artists/{id}": {200: _ARTIST_LINE, 404: ERROR, 412: ERROR},
    "POST /v1/catalog/artists/{id}/merge": {
        "request": Body(_asked("Merge", Merge)),
        200: _ARTIST_LINE,
        404: ERROR,
        409: ERROR,
        412: ERROR,
    },
    "POST /v1/catalog/artists/{id}/split": {
        "request": Body(_asked("Split", Split)),
        201: _ARTIST_LINE,
        404: ERROR,
        412: ERROR,
    },
    **_commands("work", _WORK_LINE),
    **_commands("album", _ALBUM_LINE),
    "DELETE /v1/catalog/albums/{id}": {200: _ALBUM_LINE, 404: ERROR, 412: ERROR},
    **_commands("track", _TRACK_LINE),
    "DELETE /v1/catalog/tracks/{id}": {200: _TRACK_LINE, 404: ERROR, 412: ERROR},
    "PUT /v1/catalog/albums/{album_id}/image": {
        "request": _PICTURE,
        200: _IMAGE_PUT,
        404: ERROR,
        412: ERROR,
    },
    "PUT /v1/catalog/artists/{artist_id}/image": {
        "request": _PICTURE,
        200: _IMAGE_PUT,
        404: ERROR,
        412: ERROR,
    },
    "POST /v1/catalog/imports": {
        201: record("Import", {"import_id": ID, "chunks_url": URL, "max_lines": COUNT})
    },
    "GET /v1/catalog/imports/{import_id}": {200: _PROGRESS, 404: ERROR},
    "PUT /v1/catalog/imports/{import_id}/chunks/{number}": {
        "request": Body(_JSON_LINES),
        200: _CHUNK,
        404: ERROR,
        409: ERROR,
    },
    "GET /v1/catalog/imports/{import_id}/errors": {200: _JSON_LINES, 404: ERROR},
    "POST /v1/catalog/messages": {
        "request": Body(Content("application/xml")),
        200: record(
            "Delivery",
            {
                "message_id": TEXT,
                "album_ids": many(ID),
                "lines": COUNT,
                "made": COUNT,
                "changed": COUNT,
                "unchanged": COUNT,
                "refused": many(
                    record(
                        "RefusedPart",
                        {"line": COUNT, "subject": TEXT, "reason": TEXT, "message": TEXT},
                    )
                ),
            },
        ),
    },
    "GET /v1/catalog/export": {200: _JSON_LINES},
}
