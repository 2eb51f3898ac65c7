"""What the operations of insights answer, as JSON Schema."""

from shared.web.shapes import COUNT, NUMBER, TEXT, Answers, Shape, many, nullable, record, word

_DAY: Shape = {"type": "string", "format": "date"}
_RANGE = {"from": _DAY, "to": _DAY}
_PLAYS = record(
    "PlaysOf",
    {
        "key": TEXT,
        "plays": COUNT,
        "counted": COUNT,
        "completed": COUNT,
        "skipped": COUNT,
        "ms_played": COUNT,
    },
    {"title": TEXT, "artists": TEXT},
)
_POINT = record(
    "CurvePoint",
    {"percent": COUNT, "still_playing": NUMBER, "ended": COUNT, "skipped": COUNT},
)
_COHORT = record("Cohort", {"week": _DAY, "listeners": COUNT, "kept": many(COUNT)})
_TOP = record(
    "TopItem",
    {"id": TEXT, "plays": COUNT},
    {"title": TEXT, "artists": TEXT, "name": nullable(TEXT)},
)
_WORTH = record(
    "Worth",
    {
        "arm": TEXT,
        "source": TEXT,
        "impressions": COUNT,
        "plays": COUNT,
        "rate": NUMBER,
        "ips": NUMBER,
        "snips": NUMBER,
        "effective": NUMBER,
    },
)
_BY = word("day", "hour", "track", "territory", "plan", "source")

ANSWERS: dict[str, Answers] = {
    "GET /v1/insights/plays": {200: record(None, {**_RANGE, "by": _BY, "items": many(_PLAYS)})},
    "GET /v1/insights/listeners": {
        200: record(
            None,
            {
                **_RANGE,
                "listeners": COUNT,
                "days": many(record(None, {"day": _DAY, "listeners": COUNT})),
            },
        )
    },
    "GET /v1/insights/curve": {200: record(None, {**_RANGE, "items": many(_POINT)})},
    "GET /v1/insights/retention": {200: record(None, {**_RANGE, "items": many(_COHORT)})},
    "GET /v1/insights/top": {
        200: record(None, {**_RANGE, "kind": word("tracks", "artists"), "items": many(_TOP)}),
    },
    "GET /v1/insights/experiments/{name}": {
        200: record(None, {**_RANGE, "experiment": TEXT, "items": many(_WORTH)}),
    },
}
