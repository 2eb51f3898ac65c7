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
        "signature": TEXT,
        "manifests": many(
            record(None, {"codec": TEXT, "protocol": word("hls", "dash"), "url": URL})
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
            {"decision": _DECISION},
        )
    },
)
_PLAYED_TRACK = record(
    "PlayedTrack",
    {
        "id": ID,
        "type": word("track"),
        "uri": TEXT,
        "href": URL,
        "name": TEXT,
        "artists": many(record(None, {"name": TEXT, "type": word("artist")})),
        "album": record(None, {"name": TEXT, "images": many(IMAGE)}),
        "duration_ms": COUNT,
        "explicit": YES_NO,
        "external_ids": mapping(TEXT),
        "is_playable": YES_NO,
        "preview_url": NULL,
    },
)

ANSWERS: Mapping[str, Answers | None] = {
    "POST /v1/plays": {201: _PLAY, 403: _REFUSED, 404: ERROR, 409: ERROR},
    "POST /v1/plays/versions": {200: record("RightsVersions", {"versions": mapping(COUNT)})},
    "GET /v1/me/player/recently-played": {
        200: cursor_page(
            "PlayHistory",
            record(None, {"track": _PLAYED_TRACK, "played_at": INSTANT, "context": NULL}),
        )
    },
}
