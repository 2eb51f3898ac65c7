"""CORS by the bucket's own configuration. Source: cloud.google.com/storage/docs/cross-origin.

A bucket declares rules `{"origin": [...], "method": [...], "responseHeader": [...],
"maxAgeSeconds": n}`; the first rule that fits a request answers it, none fitting answers nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Headers = tuple[tuple[str, str], ...]


def preflight(rules: Sequence[Mapping[str, Any]], headers: Mapping[str, str]) -> Headers:
    """The headers that answer an OPTIONS request; none if no rule allows what is asked."""
    origin = headers.get("origin", "")
    method = headers.get("access-control-request-method", "")
    asked = [h.strip() for h in headers.get("access-control-request-headers", "").split(",")]
    for rule in rules:
        allowed = {name.lower() for name in rule.get("responseHeader", ())}
        if _fits(rule, origin, method) and all(
            not name or name.lower() in allowed or "*" in allowed for name in asked
        ):
            return (
                *_origin(rule, origin),
                ("access-control-allow-methods", ",".join(rule.get("method", ()))),
                ("access-control-allow-headers", ",".join(name for name in asked if name)),
                ("access-control-max-age", str(rule.get("maxAgeSeconds", 3600))),
            )
    return ()


def actual(rules: Sequence[Mapping[str, Any]], method: str, origin: str) -> Headers:
    """The headers to add to the answer of a `method` request from `origin`."""
    for rule in rules:
        if _fits(rule, origin, method):
            exposed = ", ".join(rule.get("responseHeader", ()))
            headers = _origin(rule, origin)
            return (*headers, ("access-control-expose-headers", exposed)) if exposed else headers
    return ()


def of_session(origin: str) -> dict[str, Any]:
    """The rule of a resumable session that a page of `origin` had opened."""
    headers = ["Content-Type", "Content-Range", "Range", "X-Goog-Hash", "X-GUploader-UploadID"]
    return {"origin": [origin], "method": ["PUT", "POST", "DELETE"], "responseHeader": headers}


def of_program(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rules as the Pulumi program words them (`origins`, `methods`, …), as the API words them."""
    words = {"origins": "origin", "methods": "method", "responseHeaders": "responseHeader"}
    return [{words.get(key, key): value for key, value in rule.items()} for rule in rules]


def _fits(rule: Mapping[str, Any], origin: str, method: str) -> bool:
    origins, methods = rule.get("origin", ()), rule.get("method", ())
    return (origin in origins or "*" in origins) and (method in methods or "*" in methods)


def _origin(rule: Mapping[str, Any], origin: str) -> Headers:
    if "*" in rule.get("origin", ()):
        return (("access-control-allow-origin", "*"),)
    return (("access-control-allow-origin", origin), ("vary", "Origin"))
