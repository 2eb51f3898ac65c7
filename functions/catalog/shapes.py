"""What this service's operations answer, for its OpenAPI document."""

from collections.abc import Mapping

from functions.catalog import uploads
from shared.web.shapes import (
    ALBUM,
    ANY,
    ARTIST,
    COUNT,
    ERROR,
    ID,
    IMAGE,
    INSTANT,
    NULL,
    SIMPLE_ALBUM,
    SIMPLE_TRACK,
    TEXT,
    TRACK,
    URL,
    Answers,
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
    "GET /v1/audio-features": {200: record("AudioFeatures", {"audio_features": many(NULL)})},
    "GET /v1/audio-features/{track_id}": {404: ERROR},
    "GET /v1/audio-analysis/{track_id}": {404: ERROR},
}
