"""The one place that knows HTTP statuses: the error tree and FastAPI's own errors as answers.

    {"error": {"status": 403, "message": "…", "reason": "NOT_LICENSED"}}

`reason` is the error's stable code; on the Web API's paths it is named `code`
(`shared.web.dialect` says why). An error that is not in the tree is answered as INTERNAL
without any detail, and logged with all of it.
"""

import logging
from collections.abc import Mapping

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import HTTPException, RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from shared.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    SegueError,
    Stale,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from shared.web.dialect import is_web_api

log = logging.getLogger(__name__)

_STATUSES: tuple[tuple[type[SegueError], int], ...] = (
    (Unauthenticated, 401),
    (TooLarge, 413),
    (Invalid, 400),
    (Forbidden, 403),
    (NotFound, 404),
    (Stale, 412),
    (Conflict, 409),
    (TooManyRequests, 429),
    (Unavailable, 503),
)
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"www-authenticate": 'Bearer realm="segue"'},
    503: {"retry-after": "1"},
}
_REASONS = {400: "INVALID", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


def status_of(error: SegueError) -> int:
    """The status of the nearest ancestor in the tree, 500 for the root."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def body(status: int, message: str, reason: str, path: str = "", **more: object) -> bytes:
    """An error's JSON, as clients of `path` read it. Characters that UTF-8 cannot carry (lone
    surrogates) become "?"."""
    text = message.encode("utf-8", "replace").decode()
    named = "code" if is_web_api(path) else "reason"
    error = {"status": status, "message": text, named: reason, **more}
    return msgspec.json.encode({"error": error})


def answer(status: int, message: str, reason: str, path: str = "", **more: object) -> Response:
    """An error at `path` as a response; `more` are further members of the error object."""
    return Response(
        body(status, message, reason, path, **more),
        status,
        dict(_HEADERS.get(status, {})),
        "application/json",
    )


def install(app: FastAPI) -> None:
    """Teach `app` to answer the errors that handlers raise."""
    app.add_exception_handler(SegueError, _segue_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(HTTPException, _http_error)


async def answer_to(request: Request, error: SegueError | StarletteHTTPException) -> Response:
    """The answer to what a handler raised."""
    handler = _segue_error if isinstance(error, SegueError) else _http_error
    return await handler(request, error)


async def _segue_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SegueError)
    status = status_of(error)
    path = request.url.path
    if status >= 500:
        log.error("%s: %s", error.code, error.message, exc_info=error)
        public = "try again" if status == 503 else "internal error"
        return answer(status, public, error.code, path)
    log.info("%s: %s", error.code, error.message)
    response = answer(status, error.message, error.code, path)
    if isinstance(error, TooManyRequests):
        response.headers["retry-after"] = str(error.retry_after_s)
    return response


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer(400, describe(error.errors()), "INVALID", request.url.path)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    reason = _REASONS.get(error.status_code, "INVALID")
    response = answer(error.status_code, str(error.detail), reason, request.url.path)
    response.headers.update(error.headers or {})
    return response


def describe(errors: object) -> str:
    """Validation errors in one line, each with its field's path: `body.size_bytes: …`."""
    assert isinstance(errors, list | tuple)
    lines = [
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
        if item["loc"]
        else item["msg"]
        for item in errors[:5]
    ]
    return "; ".join(lines)[:500]
