"""What this service's operations answer, for its OpenAPI document."""

from shared.web.shapes import (
    ANY,
    COUNT,
    ID,
    INSTANT,
    NUMBER,
    TEXT,
    URL,
    YES_NO,
    Answers,
    many,
    mapping,
    nullable,
    record,
    word,
)

_USER = record("Person", {"id": TEXT}, {"display_name": TEXT})
_ACTIVITY = record(
    "Activity",
    {
        "user": _USER,
        "track": record(None, {"id": ID, "uri": TEXT}),
        "at": INSTANT,
        "playing": YES_NO,
    },
)
_ITEM = record(
    "FeedItem",
    {"type": word("follow", "playlist", "share", "invite"), "id": TEXT, "by": _USER, "at": INSTANT},
    {
        "user_id": TEXT,
        "playlist_id": TEXT,
        "name": TEXT,
        "share_id": TEXT,
        "uri": TEXT,
        "message": TEXT,
        "session_id": TEXT,
        "invite": TEXT,
    },
)
_CHANGES = record(
    "Changes",
    {
        "epoch": TEXT,
        "tail": COUNT,
        "recovered": YES_NO,
        "pubs": many(record(None, {"seq": COUNT, "payload": ANY})),
        "snapshot": nullable(mapping(ANY)),
    },
)
_PRIVACY = record(
    "Privacy",
    {
        "private_session": YES_NO,
        "private_until": nullable(INSTANT),
        "activity": word("followers", "mutual", "nobody"),
        "profile": word("public", "followers", "private"),
    },
)
_SHARE = record(
    "Share",
    {"share_id": ID, "uri": TEXT, "message": TEXT},
    {"url": URL, "to": many(TEXT), "by": _USER},
)
_STATE = record(
    "SessionState",
    {
        "id": ID,
        "v": COUNT,
        "name": TEXT,
        "host": TEXT,
        "control": word("host", "everyone"),
        "members": many(_USER),
        "queue": many(record(None, {"id": TEXT, "track": ID, "by": TEXT, "votes": many(TEXT)})),
        "track": nullable(ID),
        "pos": COUNT,
        "at": NUMBER,
        "playing": YES_NO,
        "ended": YES_NO,
    },
)
_SESSION = record(
    "Session",
    {
        "id": ID,
        "epoch": TEXT,
        "invite": nullable(record(None, {"code": TEXT, "url": URL, "expires_at": INSTANT})),
        "state": _STATE,
    },
)
_PROFILE = record(
    "Profile",
    {
        "id": TEXT,
        "display_name": TEXT,
        "followers": COUNT,
        "following": COUNT,
        "follows_you": YES_NO,
        "you_follow": YES_NO,
        "activity": nullable(_ACTIVITY),
    },
)

ANSWERS: dict[str, Answers | None] = {
    "GET /v1/me/feed": {200: record("Feed", {"items": many(_ITEM)})},
    "GET /v1/me/feed/changes": {200: _CHANGES},
    "GET /v1/me/friends/activity": {200: record("Friends", {"items": many(_ACTIVITY)})},
    "PUT /v1/me/now-playing": {204: None},
    "GET /v1/me/privacy": {200: _PRIVACY},
    "PUT /v1/me/privacy": {200: _PRIVACY},
    "GET /v1/me/blocks": {200: record("Blocks", {"items": many(_USER)})},
    "PUT /v1/me/blocks/{user_id}": {204: None},
    "DELETE /v1/me/blocks/{user_id}": {204: None},
    "POST /v1/shares": {201: _SHARE},
    "GET /v1/shares/{share_id}": {200: _SHARE},
    "DELETE /v1/shares/{share_id}": {204: None},
    "GET /v1/profiles/{user_id}": {200: _PROFILE},
    "POST /v1/sessions": {201: _SESSION},
    "POST /v1/sessions/join": {200: _SESSION},
    "GET /v1/sessions/{session_id}": {200: _SESSION},
    "GET /v1/sessions/{session_id}/changes": {200: _CHANGES},
    "POST /v1/sessions/{session_id}/commands": {200: _SESSION},
    "POST /v1/sessions/{session_id}/invitations": {200: record("Told", {"told": COUNT})},
}
