"""Answers as bytes: msgspec encodes them, and ETags spare the body when nothing changed."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from fastapi import Request, Response

_encoder = msgspec.json.Encoder()


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` (plain values or msgspec-encodable dataclasses) as a JSON response."""
    head = dict(headers) if headers else None
    return Response(_encoder.encode(value), status, head, "application/json")


def cacheable(request: Request, value: Any, *, max_age_s: int, etag: str | None = None) -> Response:
    """`value` for private caches, or 304 when the client has it already (RFC 9110 §13.1.2).

    The ETag is `etag`, or a hash of the body.
    """
    body = _encoder.encode(value)
    return cacheable_body(request, body, max_age_s=max_age_s, etag=etag)


def cacheable_parts(
    request: Request, body: bytes, parts: Iterable[bytes | None], *, max_age_s: int
) -> Response:
    """As `cacheable_body`, of a body that holds `parts` and nothing else that changes. Parts that
    are answered again and again are hashed once, which is most of the cost of a page."""
    digests = b"".join(b"-" if it is None else _digest(it) for it in parts)
    etag = hashlib.blake2b(digests, digest_size=12).hexdigest()
    return cacheable_body(request, body, max_age_s=max_age_s, etag=etag)


@lru_cache(maxsize=4096)
def _digest(part: bytes) -> bytes:
    return hashlib.blake2b(part, digest_size=12).digest()


def cacheable_body(
    request: Request, body: bytes, *, max_age_s: int, etag: str | None = None
) -> Response:
    """As `cacheable`, of JSON that is encoded already."""
    tag = f'"{etag or hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": f"private, max-age={max_age_s}"}
    given = request.headers.get("if-none-match", "")
    if given == "*" or tag in (item.strip().removeprefix("W/") for item in given.split(",")):
        return Response(None, 304, headers)
    return Response(body, 200, headers, "application/json")
