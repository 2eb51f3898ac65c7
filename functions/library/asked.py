"""What requests ask for: ids and URIs, in the query or the body, as clients really send them."""

import re

import msgspec
from fastapi import Request

from functions.library.domain import KINDS, Kind
from functions.library.library import Named
from shared.errors import Forbidden, Invalid
from shared.ids import parse_id
from shared.web.principal import Principal
from shared.webapi import query

MAX_IDS = 50
MAX_URIS = 40
MAX_KEY = 10**16
"""Microseconds: the year 2286."""

_USER_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")
_USERS_PLAYLIST = re.compile(r"spotify:user:[^:]{1,64}:playlist:")
_LIBRARY = ("track", "album", "show", "episode")
_READ = {
    **dict.fromkeys(_LIBRARY, ("user-library-read",)),
    **dict.fromkeys(("artist", "user"), ("user-follow-read",)),
    "playlist": ("playlist-read-private", "playlist-read-collaborative", "user-library-read"),
}
_MODIFY = {
    **dict.fromkeys(_LIBRARY, ("user-library-modify",)),
    **dict.fromkeys(("artist", "user"), ("user-follow-modify",)),
    "playlist": ("playlist-modify-public", "playlist-modify-private", "user-library-modify"),
}


_BODIES = {
    name: msgspec.json.Decoder(list[str] | msgspec.defstruct("Body", [(name, list[str])]))
    for name in ("ids", "uris")
}


async def things(request: Request, kind: Kind) -> list[Named]:
    """`?ids=a,b`, or the body `{"ids": ["a", "b"]}` or `["a", "b"]`.

    Raises:
        Invalid: none, too many (code TOO_MANY_IDS), or one malformed (code INVALID_ID).
    """
    return [(kind, thing_id(kind, id)) for id in await _listed(request, "ids", MAX_IDS)]


async def named(request: Request) -> list[Named]:
    """`?uris=spotify:track:a,spotify:show:b`, or the body `{"uris": […]}`, of any kinds.

    Raises:
        Invalid: none, too many (code TOO_MANY_IDS), or one malformed (code INVALID_URI).
    """
    return [thing_of(uri) for uri in await _listed(request, "uris", MAX_URIS)]


def thing_of(uri: str) -> Named:
    """`spotify:track:ID` as its kind and id.

    Raises:
        Invalid: another scheme or kind (code INVALID_URI), or no such id (code INVALID_ID).
    """
    parts = _USERS_PLAYLIST.sub("spotify:playlist:", uri).split(":")
    if len(parts) == 3 and parts[0] == "spotify":
        for kind in KINDS:
            if kind == parts[1]:
                return kind, thing_id(kind, parts[2])
    raise Invalid(f"Unsupported URI: {uri[:80]!r}", code="INVALID_URI")


def thing_id(kind: Kind, text: str) -> str:
    """An id of that kind. Users may have a name of their own as id.

    Raises:
        Invalid: malformed (code INVALID_ID).
    """
    if kind != "user":
        return parse_id(text, f"{kind} id")
    if not _USER_ID.fullmatch(text):
        raise Invalid("user id must be 1 to 64 of 0-9, A-Z, a-z, - _ .", code="INVALID_ID")
    return text


def followed_kind(request: Request) -> Kind:
    """`?type=artist` or `?type=user`.

    Raises:
        Invalid: another (code INVALID_TYPE).
    """
    text = request.query_params.get("type")
    if text == "artist":
        return "artist"
    if text == "user":
        return "user"
    raise Invalid("type must be artist or user", code="INVALID_TYPE")


def limit_of(request: Request) -> int:
    """`?limit=20`, 1 to 50."""
    return query.number(request.query_params.get("limit"), "limit", 20, 1, 50)


def offset_of(request: Request) -> int:
    """`?offset=0`, to 100,000."""
    return query.number(request.query_params.get("offset"), "offset", 0, 0, 100_000)


def before_of(request: Request) -> int | None:
    """`?before=KEY`, the anchor that `next` carries; None when there is none."""
    text = request.query_params.get("before")
    return query.number(text, "before", 0, 0, MAX_KEY) if text else None


def may_read(principal: Principal, things: list[Named]) -> None:
    """Let the principal ask of `things`. Raises Forbidden (code INSUFFICIENT_SCOPE)."""
    _may(principal, things, _READ)


def may_modify(principal: Principal, things: list[Named]) -> None:
    """Let the principal change `things`. Raises Forbidden (code INSUFFICIENT_SCOPE)."""
    _may(principal, things, _MODIFY)


def _may(principal: Principal, things: list[Named], needed: dict[str, tuple[str, ...]]) -> None:
    for kind in dict.fromkeys(kind for kind, _ in things):
        if principal.scopes.isdisjoint(needed[kind]):
            raise Forbidden(f"needs scope {needed[kind][0]}", code="INSUFFICIENT_SCOPE")


async def _listed(request: Request, name: str, most: int) -> list[str]:
    """The texts of the query parameter `name`, or of a body that says the same."""
    given = request.query_params.get(name)
    if given or not (body := await request.body()):
        return query.listed(given, most, name)
    try:
        found = _BODIES[name].decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid(f'the body is not {{"{name}": […]}}', code="INVALID") from error
    items = found if isinstance(found, list) else getattr(found, name)
    if not items:
        raise Invalid(f"{name} is missing", code="INVALID")
    if len(items) > most:
        raise Invalid(f"too many {name}: {most} at most", code="TOO_MANY_IDS")
    return items
