"""What this service's operations answer, for its OpenAPI document."""

from collections.abc import Mapping

from shared.web.shapes import COUNT, TEXT, Answers, many, record

_REJECTED = record(None, {"index": COUNT, "reason": TEXT, "message": TEXT})

ANSWERS: Mapping[str, Answers | None] = {
    "POST /v1/events": {
        202: record("Collected", {"accepted": COUNT, "rejected": many(_REJECTED)}),
    },
}
