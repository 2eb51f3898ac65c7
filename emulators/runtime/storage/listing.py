"""Listing a bucket: prefix, delimiter, offsets, glob and pages, by seeking and not by scanning."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from emulators.runtime.storage.errors import BadRequest
from emulators.runtime.storage.glob import compile_glob
from emulators.runtime.storage.index import Index
from emulators.runtime.storage.preconditions import number
from emulators.runtime.storage.records import StoredObject

_LARGEST_PAGE = 1000
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Page:
    """One page: objects and, with a delimiter, the prefixes that stand for deeper ones."""

    items: tuple[StoredObject, ...]
    prefixes: tuple[str, ...]
    next_token: str | None


def list_page(index: Index, bucket: str, query: Mapping[str, str]) -> Page:
    """The page of `bucket` that a JSON API list `query` asks for.

    A page token holds the name to go on from, so a page is right even after a restart.

    Raises:
        BadRequest: a token, number or glob that makes no sense.
    """
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    trailing = query.get("includeTrailingDelimiter", "").lower() == "true"
    size = min(number("maxResults", query.get("maxResults") or "1000"), _LARGEST_PAGE)
    if size < 1:
        raise BadRequest("Invalid value for parameter maxResults")
    glob = compile_glob(query["matchGlob"]) if query.get("matchGlob") else None
    start = max(prefix, query.get("startOffset", ""), _token(query.get("pageToken", "")), key=_utf8)
    end = query.get("endOffset") or None
    items: list[StoredObject] = []
    prefixes: list[str] = []

    while True:
        batch = index.objects(bucket, start, end, size + 1)
        for stored in batch:
            if not stored.name.startswith(prefix):
                return Page(tuple(items), tuple(prefixes), None)
            cut = stored.name.find(delimiter, len(prefix)) if delimiter else -1
            folder = stored.name[: cut + len(delimiter)] if cut >= 0 else None
            if glob and not glob.fullmatch(stored.name):
                continue
            if len(items) + len(prefixes) >= size:
                return Page(tuple(items), tuple(prefixes), _encode(stored.name))
            if folder is None or (trailing and folder == stored.name):
                items.append(stored)
            if folder is not None:
                prefixes.append(folder)
                start = after_prefix(folder)
                break
        else:
            if len(batch) <= size:
                return Page(tuple(items), tuple(prefixes), None)
            start = batch[-1].name + "\0"


def after_prefix(prefix: str) -> str:
    """A string above every name that starts with `prefix`, and not above any other name's rank.

    The prefix's last code point plus one, which keeps UTF-8 order; surrogates are stepped over.
    """
    head, last = prefix[:-1], prefix[-1]
    if last == _LAST:
        return prefix + _LAST * 300
    following = ord(last) + 1
    return head + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)


def _token(text: str) -> str:
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadRequest("Invalid page token") from None


def _encode(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
