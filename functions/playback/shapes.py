"""What this service's operations answer, for its OpenAPI document."""

from collections.abc import Mapping

from shared.web.shapes import (
    COUNT,
    ERROR,
    ID,
    IMAGE,
    INSTANT,
    NULL,
    NUMBER,
    TEXT,
    URL,
    YES_NO,
    Answers,
    Content,
    cursor_page,
    many,
    mapping,
    nullable,
    record,
    word,
)

_DECISION = record(
    "Decision", {"allow": YES_NO, "reason": nullable(TEXT), "licence_id": nullable(ID)}
)
_PLAY = record(
    "Play",
    {
        "play_id": ID,
        "track": record(
            None,
            {"id": ID, "duration_ms": COUNT, "gain_db": NUMBER, "true_peak_dbtp": nullable(NUMBER)},
        ),
        "decision": _DECISION,
        "valid_until": INSTANT,
        "valid_for_s": COUNT,
        "signature": TEXT,
        "edges": many(record("Edge", {"name": TEXT, "url": URL, "signature": TEXT})),
        "start": nullable(record("StartRendition", {"codec": TEXT, "kbps": COUNT})),
        "preview_url": nullable(URL),
        "manifests": many(
            record(
                None,
                {"codec": TEXT, "protocol": word("hls", "dash"), "url": URL, "absolute_url": URL},
            )
        ),
        "renditions": many(
            record(None, {"codec": TEXT, "kbps": COUNT, "url": URL, "bandwidth_bps": COUNT})
        ),
        "waveform_url": nullable(URL),
    },
)
_REFUSED = record(
    "Refused",
    {
        "error": record(
            None,
            {"status": {"const": 403}, "message": TEXT, "reason": TEXT},
            {
                "decision": _DECISION,
                "preview": YES_NO,
                "limit": COUNT,
                "retry_at": INSTANT,
                "devices": many(record(None, {"id": TEXT, "name": nullable(TEXT)})),
            },
        )
    },
)
_ARTIST = record(
    "PlayedArtist",
    {"id": ID, "type": word("artist"), "uri": TEXT, "href": URL, "name": TEXT,
     "external_urls": mapping(URL)},
)  # fmt: skip
_AVAILABLE = {
    "is_playable": YES_NO,
    "available_markets": many(TEXT),
    "restrictions": record(None, {"reason": TEXT}),
}
_PLAYED_ALBUM = record(
    "PlayedAlbum",
    {
        "id": ID,
        "type": word("album"),
        "uri": TEXT,
        "href": URL,
        "external_urls": mapping(URL),
        "album_type": TEXT,
        "total_tracks": COUNT,
        "name": TEXT,
        "release_date": TEXT,
        "release_date_precision": word("year", "month", "day"),
        "images": many(IMAGE),
        "artists": many(_ARTIST),
    },
    _AVAILABLE,
)
_PLAYED_TRACK = record(
    "PlayedTrack",
    {
        "id": ID,
        "type": word("track"),
        "uri": TEXT,
        "href": URL,
        "external_urls": mapping(URL),
        "name": TEXT,
        "artists": many(_ARTIST),
        "album": _PLAYED_ALBUM,
        "disc_number": COUNT,
        "track_number": COUNT,
        "duration_ms": COUNT,
        "explicit": YES_NO,
        "is_local": YES_NO,
        "external_ids": mapping(TEXT),
        "popularity": COUNT,
        "preview_url": nullable(URL),
    },
    _AVAILABLE,
)
_DEVICE = record(
    "Device",
    {
        "id": TEXT,
        "is_active": YES_NO,
        "is_private_session": YES_NO,
        "is_restricted": YES_NO,
        "name": TEXT,
        "type": TEXT,
        "volume_percent": COUNT,
        "supports_volume": YES_NO,
    },
)
_CONTEXT = record(
    "Context",
    {"type": word("album", "artist", "playlist"), "uri": TEXT, "href": URL,
     "external_urls": mapping(URL)},
)  # fmt: skip
_PLAYING = {
    "timestamp": COUNT,
    "context": nullable(_CONTEXT),
    "progress_ms": COUNT,
    "item": _PLAYED_TRACK,
    "currently_playing_type": word("track"),
    "is_playing": YES_NO,
    "actions": record(None, {"disallows": mapping(YES_NO)}),
}
_PLAYER = record(
    "Player",
    {
        "device": _DEVICE,
        "repeat_state": word("off", "track", "context"),
        "shuffle_state": YES_NO,
        "smart_shuffle": YES_NO,
        **_PLAYING,
    },
)
_CHANGES = record(
    "PlayerChanges",
    {
        "epoch": TEXT,
        "tail": COUNT,
        "recovered": YES_NO,
        "pubs": many(record(None, {"seq": COUNT, "payload": mapping({})})),
        "snapshot": nullable(record(None, {"player": nullable(_PLAYER)})),
    },
)
_DONE: Answers = {204: None, 404: ERROR}

ANSWERS: Mapping[str, Answers | None] = {
    "POST /v1/plays": {201: _PLAY, 403: _REFUSED, 404: ERROR, 409: ERROR},
    "GET /v1/previews/{track_id}": {302: None, 403: _REFUSED, 404: ERROR},
    "POST /v1/plays/versions": {200: record("RightsVersions", {"versions": mapping(COUNT)})},
    "POST /v1/plays/telemetry": {204: None},
    "GET /v1/plays/manifests/{path:path}": {
        200: Content("application/vnd.apple.mpegurl"),
        403: ERROR,
        404: ERROR,
    },
    "GET /v1/me/player": {200: _PLAYER, 204: None},
    "PUT /v1/me/player": _DONE,
    "GET /v1/me/player/currently-playing": {200: record("Playing", _PLAYING), 204: None},
    "GET /v1/me/player/devices": {200: record("Devices", {"devices": many(_DEVICE)})},
    "PUT /v1/me/player/devices/{device_id}": {204: None},
    "DELETE /v1/me/player/devices/{device_id}": {204: None},
    "GET /v1/me/player/queue": {
        200: record(
            "Queue", {"currently_playing": nullable(_PLAYED_TRACK), "queue": many(_PLAYED_TRACK)}
        )
    },
    "GET /v1/me/player/changes": {200: _CHANGES},
    "PUT /v1/me/player/play": _DONE,
    "PUT /v1/me/player/pause": _DONE,
    "PUT /v1/me/player/seek": _DONE,
    "PUT /v1/me/player/repeat": _DONE,
    "PUT /v1/me/player/volume": _DONE,
    "PUT /v1/me/player/shuffle": _DONE,
    "POST /v1/me/player/next": _DONE,
    "POST /v1/me/player/previous": _DONE,
    "POST /v1/me/player/queue": _DONE,
    "GET /v1/me/player/recently-played": {
        200: cursor_page(
            "PlayHistory",
            record(None, {"track": _PLAYED_TRACK, "played_at": INSTANT, "context": NULL}),
        )
    },
}
