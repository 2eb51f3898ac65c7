"""The envelope around every answer, as XML, JSON or JSONP. One tree of plain values gives all.

    {"artist": {"id": "ar-1", "album": [{"id": "al-1", "genres": [{"name": "Jazz"}]}]}}

    <artist id="ar-1"><album id="al-1"><genres name="Jazz"/></album></artist>

In XML numbers and texts are attributes, objects and lists children; the member `value` is the
text of its element. None is left out.

Source: https://opensubsonic.netlify.app/docs/responses/subsonic-response/
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec
from fastapi import Response

from functions.subsonic.refusals import GENERIC, Refused

API_VERSION = "1.16.1"
SERVER_VERSION = "1.0.0"
_ENVELOPE = {
    "version": API_VERSION,
    "type": "segue",
    "serverVersion": SERVER_VERSION,
    "openSubsonic": True,
}
_NAMESPACE = "http://subsonic.org/restapi"
_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]{0,99}", re.ASCII)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_STORE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
FORMATS = ("xml", "json", "jsonp")


def ok(body: Mapping[str, Any] | None, format: str | None, callback: str | None) -> Response:
    """A success: the envelope with `body`'s members."""
    return _written({"status": "ok", **_ENVELOPE, **(body or {})}, format, callback)


def failed(
    refused: Refused, format: str | None, callback: str | None, status: int = 200
) -> Response:
    """A failure. In JSONP without a good callback, JSON: a script of the caller's own words
    would be run by whoever includes it."""
    error = {"code": refused.code, "message": refused.message}
    if format == "jsonp" and not _CALLBACK.fullmatch(callback or ""):
        format = "json"
    body = {"status": "failed", **_ENVELOPE, "error": error}
    return _written(body, format if format in FORMATS else None, callback, status)


def check(format: str | None, callback: str | None) -> None:
    """Raises Refused: a format that does not exist, or JSONP without a good callback."""
    if format is not None and format not in FORMATS:
        raise Refused(GENERIC, "f is xml, json or jsonp")
    if format == "jsonp" and not _CALLBACK.fullmatch(callback or ""):
        raise Refused(GENERIC, "jsonp needs the name of a function as callback")


def _written(
    body: Mapping[str, Any], format: str | None, callback: str | None, status: int = 200
) -> Response:
    if format in ("json", "jsonp"):
        text = msgspec.json.encode({"subsonic-response": _without_nones(body)})
        if format == "json":
            return Response(text, status, _NO_STORE, "application/json")
        text = f"{callback}(".encode() + text + b");"
        return Response(text, status, _NO_STORE, "application/javascript")
    root = {"xmlns": _NAMESPACE, **body}
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(_element("subsonic-response", root))
    return Response(text.encode(), status, _NO_STORE, "application/xml")


def _without_nones(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nones(it) for key, it in value.items() if it is not None}
    if isinstance(value, list | tuple):
        return [_without_nones(it) for it in value]
    return value


def _element(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _element(name, item)
        return
    if not isinstance(value, Mapping):
        yield f"<{name}>{escape(_text(value))}</{name}>"
        return
    yield f"<{name}"
    inside: list[tuple[str, Any]] = []
    for key, it in value.items():
        if isinstance(it, Mapping | list | tuple) or key == "value":
            inside.append((key, it))
        elif it is not None:
            yield f" {key}={quoteattr(_text(it))}"
    if not inside:
        yield "/>"
        return
    yield ">"
    for key, it in inside:
        if key == "value":
            yield escape(_text(it))
        else:
            yield from _element(key, it)
    yield f"</{name}>"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _NOT_XML.sub("", str(value))
