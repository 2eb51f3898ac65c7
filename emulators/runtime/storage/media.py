"""Answering with object data: validators, ranges, and the headers that go with it."""

import base64
import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime

from emulators.runtime.storage.errors import NotModified, PreconditionFailed
from emulators.runtime.storage.files import Files
from emulators.runtime.storage.ranges import parse
from emulators.runtime.storage.records import StoredObject
from emulators.runtime.storage.web import Answer

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_HEADERS = {
    "contentDisposition": "content-disposition",
    "contentEncoding": "content-encoding",
    "contentLanguage": "content-language",
}


def answer(
    files: Files, stored: StoredObject, headers: Mapping[str, str], *, xml: bool, public: bool
) -> Answer:
    """The data of `stored`, or the part of it that the Range header asks for.

    Without a Cache-Control of its own a `public` object may be cached for an hour, others not.

    Raises:
        NotModified, PreconditionFailed: by the validators in `headers`.
        RangeNotSatisfiable: the range lies beyond the end.
    """
    tag = xml_etag(stored) if xml else stored.etag
    out = _headers(stored, tag, xml=xml, public=public)
    check_validators(headers, tag, stored.updated_us, out)
    size = stored.blob.size_bytes
    if_range = headers.get("if-range")
    usable = if_range is None or _bare(if_range) == _bare(tag)
    span = parse(headers.get("range"), size) if usable else None
    if span is None:
        return Answer(200, out, files.read(stored.blob.file, 0, size), size)
    body = files.read(stored.blob.file, span.start, span.length)
    return Answer(206, (*out, ("content-range", span.content_range)), body, span.length)


def check_validators(
    headers: Mapping[str, str], tag: str, updated_us: int, out: tuple[tuple[str, str], ...] = ()
) -> None:
    """If-Match, If-None-Match and If-Modified-Since (RFC 9110 §13) against `tag` and the time.

    Raises:
        NotModified: the caller has it; carries the headers `out`.
        PreconditionFailed: the caller wants another version.
    """
    if (wanted := headers.get("if-match")) is not None and not _matches(wanted, tag):
        raise PreconditionFailed
    if (known := headers.get("if-none-match")) is not None:
        if _matches(known, tag):
            raise NotModified(out)
    elif (since := headers.get("if-modified-since")) is not None:
        try:
            at = parsedate_to_datetime(since).timestamp()
        except ValueError:
            return
        if updated_us // 1_000_000 <= at:
            raise NotModified(out)


def xml_etag(stored: StoredObject) -> str:
    """The XML API's: the quoted hex MD5; composed objects have none and show the JSON one."""
    if stored.blob.md5 is None:
        return f'"{stored.etag}"'
    return f'"{base64.b64decode(stored.blob.md5).hex()}"'


def stored_headers(stored: StoredObject) -> tuple[tuple[str, str], ...]:
    """x-goog-…: which version this is, and its checksums."""
    blob = stored.blob
    hashes = f"crc32c={blob.crc32c}" + (f",md5={blob.md5}" if blob.md5 is not None else "")
    return (
        ("x-goog-generation", str(stored.generation)),
        ("x-goog-metageneration", str(stored.metageneration)),
        ("x-goog-hash", hashes),
        ("x-goog-storage-class", stored.fields.get("storageClass", "STANDARD")),
        ("x-goog-stored-content-length", str(blob.size_bytes)),
        ("x-goog-stored-content-encoding", stored.fields.get("contentEncoding", "identity")),
    )


def _headers(
    stored: StoredObject, tag: str, *, xml: bool, public: bool
) -> tuple[tuple[str, str], ...]:
    fields = stored.fields
    default = "public, max-age=3600" if public else "private, max-age=0"
    metadata = fields.get("metadata", {}).items() if xml else ()
    return (
        ("content-type", fields.get("contentType", "application/octet-stream")),
        ("cache-control", fields.get("cacheControl", default)),
        ("etag", tag),
        ("last-modified", formatdate(stored.updated_us / 1e6, usegmt=True)),
        ("accept-ranges", "bytes"),
        *((header, fields[key]) for key, header in _FIELD_HEADERS.items() if key in fields),
        *stored_headers(stored),
        *((f"x-goog-meta-{key}", text) for key, text in metadata if _TOKEN.fullmatch(key)),
    )


def _matches(header: str, tag: str) -> bool:
    tags = [_bare(part) for part in header.split(",")]
    return "*" in tags or _bare(tag) in tags


def _bare(tag: str) -> str:
    return tag.strip().removeprefix("W/").strip('"')
