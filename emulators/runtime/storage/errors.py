"""What a request may be refused with, and how the JSON and the XML API say it.

Refused
├── BadRequest (400)        ├── Conflict (409)
├── Unauthorized (401)      ├── PreconditionFailed (412)
├── PermissionDenied (403)  ├── RangeNotSatisfiable (416)
├── NotFound (404)          └── NotModified (304), which is an answer rather than an error
"""

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape


class Refused(Exception):
    """A request that is answered with `status`.

    `reason` is the JSON API's word, `code` the XML API's, `details` extra XML elements.
    """

    status = 500
    reason = "internalError"
    code = "InternalError"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        reason: str | None = None,
        code: str | None = None,
        details: Mapping[str, str] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status or self.status
        self.reason = reason or self.reason
        self.code = code or self.code
        self.details = details or {}
        self.headers = headers

    def as_json(self) -> bytes:
        """The JSON API's body: `{"error": {"code", "message", "errors": [...]}}`."""
        entry = {"message": self.message, "domain": "global", "reason": self.reason}
        error = {"code": self.status, "message": self.message, "errors": [entry]}
        return json.dumps({"error": error}).encode()

    def as_xml(self) -> bytes:
        """The XML API's body: `<Error><Code>…</Code><Message>…</Message></Error>`."""
        parts = {"Code": self.code, "Message": self.message, **self.details}
        inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in parts.items())
        return f"<?xml version='1.0' encoding='UTF-8'?><Error>{inner}</Error>".encode()


class BadRequest(Refused):
    status, reason, code = 400, "invalid", "InvalidArgument"


class Unauthorized(Refused):
    """An anonymous caller; the XML API answers 403 instead."""

    status, reason, code = 401, "required", "AccessDenied"


class PermissionDenied(Refused):
    status, reason, code = 403, "forbidden", "AccessDenied"


class NotFound(Refused):
    status, reason, code = 404, "notFound", "NoSuchKey"


class Conflict(Refused):
    status, reason, code = 409, "conflict", "BucketNotEmpty"


class PreconditionFailed(Refused):
    status, reason, code = 412, "conditionNotMet", "PreconditionFailed"

    def __init__(
        self, message: str = "At least one of the pre-conditions you specified did not hold."
    ) -> None:
        super().__init__(message)


class RangeNotSatisfiable(Refused):
    status, reason, code = 416, "requestedRangeNotSatisfiable", "InvalidRange"

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            "The requested range cannot be satisfied.",
            headers=(("content-range", f"bytes */{size_bytes}"),),
        )


class NotModified(Refused):
    status, reason, code = 304, "notModified", "NotModified"

    def __init__(self, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__("not modified", headers=headers)
