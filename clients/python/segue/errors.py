"""Everything the SDK raises. Each error has a stable `code` and a message for people.

SegueError
├── ConfigError        no host, no credentials, or an unreadable profile
├── Unreachable        the host did not answer, even after retries
├── ApiError           the API answered with an error: `status`, `code` (its reason)
│   ├── Unauthorized   401: credentials or token refused
│   ├── Forbidden      403
│   │   └── NotLicensed
│   ├── NotFound       404
│   ├── Conflict       409: not now
│   ├── RateLimited    429, after waiting as told
│   └── ServerError    5xx, after retries
├── UploadError        a resumable upload cannot be finished
└── PlaybackError      a manifest or a byte range is not what the grant promised
"""

import json
from typing import Any


class SegueError(Exception):
    """Base of the tree. `code` is SCREAMING_SNAKE and never changes meaning."""

    code = "SEGUE_ERROR"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class ConfigError(SegueError):
    code = "CONFIG"


class Unreachable(SegueError):
    code = "UNREACHABLE"


class UploadError(SegueError):
    code = "UPLOAD_FAILED"


class PlaybackError(SegueError):
    code = "PLAYBACK_FAILED"


class ApiError(SegueError):
    """The API's answer `status` with its stable reason as `code`."""

    code = "API_ERROR"

    def __init__(self, message: str, *, status: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.status = status


class Unauthorized(ApiError):
    code = "UNAUTHENTICATED"


class Forbidden(ApiError):
    code = "FORBIDDEN"


class NotLicensed(Forbidden):
    code = "NOT_LICENSED"


class NotFound(ApiError):
    code = "NOT_FOUND"


class Conflict(ApiError):
    code = "CONFLICT"


class RateLimited(ApiError):
    code = "RATE_LIMITED"


class ServerError(ApiError):
    code = "SERVER_ERROR"


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


def from_answer(status: int, body: bytes) -> ApiError:
    """The typed error for an answer of `status`.

    Reads both shapes: `{"error": {"status", "message", "reason"}}` of the Web API and
    `{"error": "invalid_client", "error_description": "…"}` of OAuth (RFC 6749 §5.2).
    """
    reason: str | None = None
    message = f"the server answered {status}"
    try:
        error: Any = json.loads(body)["error"]
        if isinstance(error, dict):
            reason = error.get("reason") or error.get("code")
            message = str(error.get("message") or message)
        else:
            reason = str(error).upper()
            message = str(json.loads(body).get("error_description") or error)
    except (ValueError, KeyError, TypeError):
        pass  # an edge's or proxy's own page: the status says all there is
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    if kind is Forbidden and reason and reason.startswith("NOT_LICENSED"):
        kind = NotLicensed
    return kind(message, status=status, code=reason)
