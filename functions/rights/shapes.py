"""What this service's operations answer, for its OpenAPI document."""

from collections.abc import Mapping

from shared.web.shapes import (
    COUNT,
    ID,
    INSTANT,
    TEXT,
    YES_NO,
    Answers,
    many,
    nullable,
    record,
    word,
)

_DECISION = record(
    "Decision",
    {
        "allow": YES_NO,
        "reason": TEXT,
        "licence_id": nullable(ID),
        "version": COUNT,
        "valid_until": nullable(INSTANT),
    },
)
_PERIOD = record(
    "Period",
    {
        "starts_at": nullable(INSTANT),
        "ends_at": nullable(INSTANT),
        "allow": YES_NO,
        "reason": TEXT,
        "licence_id": nullable(ID),
    },
)
_DEAL = record(
    "DealVerdict",
    {
        "licence_id": ID,
        "licensor_id": TEXT,
        "kind": TEXT,
        "models": many(TEXT),
        "uses": many(TEXT),
        "territories": many(TEXT),
        "excluded": many(TEXT),
        "starts": nullable(TEXT),
        "ends": nullable(TEXT),
        "usages": nullable(COUNT),
        "ours": YES_NO,
        "reason": TEXT,
    },
)
_EXPLANATION = record(
    "Explanation",
    {
        "track_id": ID,
        "territory": TEXT,
        "plan": TEXT,
        "use": TEXT,
        "at": INSTANT,
        "decision": _DECISION,
        "message": TEXT,
        "opens_at": nullable(INSTANT),
        "closes_at": nullable(INSTANT),
        "other_plans": many(TEXT),
        "periods": many(_PERIOD),
    },
    {"deals": many(_DEAL)},
)

_OUTCOME = record(
    "ReleaseOutcome",
    {
        "release": TEXT,
        "release_id": ID,
        "status": word("imported", "purged", "unchanged", "stale"),
        "revision": COUNT,
        "made_at": INSTANT,
        "deals": COUNT,
        "tracks": COUNT,
        "waiting": many(TEXT),
        "effective": YES_NO,
    },
)
_MESSAGE = record(
    "MessageOutcome",
    {
        "kind": TEXT,
        "message_id": TEXT,
        "made_at": INSTANT,
        "licensor_id": TEXT,
        "licensor_name": TEXT,
        "test": YES_NO,
        "releases": many(_OUTCOME),
        "problems": many(
            record(None, {"line": COUNT, "subject": TEXT, "reason": TEXT, "message": TEXT})
        ),
    },
)

ANSWERS: Mapping[str, Answers | None] = {
    "POST /v1/rights/licences": {201: record("Licence", {"licence_id": ID, "version": COUNT})},
    "DELETE /v1/rights/licences/{licence_id}": {204: None},
    "POST /v1/rights/messages": {200: _MESSAGE},
    "PUT /v1/rights/releases/{name}": {200: _OUTCOME},
    "DELETE /v1/rights/releases/{name}": {200: _OUTCOME},
    "GET /v1/rights/decisions": {200: _EXPLANATION},
}
