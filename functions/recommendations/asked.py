"""What requests ask for, read by hand from their parameters and bodies."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import Request

from functions.recommendations import contexts, tuning
from functions.recommendations.contexts import Context
from functions.recommendations.taste import RANGES, Play
from shared.errors import Invalid
from shared.ids import parse_id
from shared.web.paging import Page
from shared.webapi import query

MOST_SEEDS = 5
MOST_URIS = 50
_KINDS = ("track", "artist")
SCHEMAS: Mapping[str, dict[str, Any]] = {
    "market": {"type": "string", "pattern": "^([A-Za-z]{2}|from_token)$"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    "page_limit": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20},
    "offset": {"type": "integer", "minimum": 0, "maximum": 1000, "default": 0},
    "time_range": {"type": "string", "enum": list(RANGES)},
    "seed_artists": {"type": "string", "pattern": "^[0-9A-Za-z]{22}(,[0-9A-Za-z]{22}){0,4}$"},
    "seed_tracks": {"type": "string", "pattern": "^[0-9A-Za-z]{22}(,[0-9A-Za-z]{22}){0,4}$"},
    "seed_genres": {"type": "string", "maxLength": 300},
    "hour": {"type": "integer", "minimum": 0, "maximum": 23},
    "device": {"type": "string", "enum": list(contexts.DEVICES)},
    "activity": {"type": "string", "enum": list(contexts.ACTIVITIES)},
    "played": {"type": "string", "maxLength": 400},
    "include": {"type": "string", "enum": ["explanations"]},
    "cursor": {"type": "string", "maxLength": 2000},
    "uris": {"type": "string", "pattern": "^spotify:(track|artist):[^,]+"},
}
TUNABLE: Mapping[str, dict[str, Any]] = {
    f"{kind}_{name}": {"type": "number", "minimum": low, "maximum": high}
    for name, (low, high, _) in tuning.ATTRIBUTES.items()
    for kind in ("min", "max", "target")
}


def takes(*names: str, needed: Sequence[str] = (), more: Mapping[str, Any] | None = None) -> Any:
    """`openapi_extra` of a route that reads the parameters `names`."""
    known = {**{it: SCHEMAS[it] for it in names}, **(more or {})}
    return {
        "parameters": [
            {"name": name.removeprefix("page_"), "in": "query", "required": name in needed,
             "schema": schema}
            for name, schema in known.items()
        ]
    }  # fmt: skip


def seeds_of(request: Request) -> tuple[list[str], list[str], list[str]]:
    """Artists, tracks and genres, five of all at most.

    Raises:
        Invalid: none at all (NO_SEEDS), too many (TOO_MANY_IDS), a malformed id (INVALID_ID).
    """
    given = request.query_params
    artists, tracks = (
        query.ids(given[name], MOST_SEEDS, name) if given.get(name) else []
        for name in ("seed_artists", "seed_tracks")
    )
    genres = [it.strip()[:60] for it in given.get("seed_genres", "").split(",") if it.strip()]
    count = len(artists) + len(tracks) + len(genres)
    if count == 0:
        raise Invalid("name one to five seeds: artists, tracks or genres", code="NO_SEEDS")
    if count > MOST_SEEDS:
        raise Invalid(f"too many seeds: {MOST_SEEDS} at most", code="TOO_MANY_IDS")
    return list(dict.fromkeys(artists)), list(dict.fromkeys(tracks)), list(dict.fromkeys(genres))


def includes(request: Request, what: str) -> bool:
    """Whether `?include=…` asks for `what` besides."""
    return what in request.query_params.get("include", "").split(",")


def limit_of(request: Request, most: int = 100, default: int = 20) -> int:
    return query.number(request.query_params.get("limit"), "limit", default, 1, most)


def page_of(request: Request) -> Page:
    """`?limit=20&offset=0`."""
    given = request.query_params
    return Page(
        query.number(given.get("limit"), "limit", 20, 1, 50),
        query.number(given.get("offset"), "offset", 0, 0, 1000),
    )


def range_of(request: Request) -> str:
    """`?time_range=medium_term`.

    Raises:
        Invalid: none of the three (code INVALID_TIME_RANGE).
    """
    name = request.query_params.get("time_range") or "medium_term"
    if name not in RANGES:
        raise Invalid(f"time_range is one of {', '.join(RANGES)}", code="INVALID_TIME_RANGE")
    return name


def context_of(request: Request) -> Context:
    """`?hour=7&device=mobile&activity=running`: of the listener's own day."""
    given = request.query_params
    hour = query.number(given["hour"], "hour", 0, 0, 23) if given.get("hour") else None
    return contexts.context(hour, given.get("device"), given.get("activity"))


def played_of(request: Request, at: float) -> list[Play]:
    """`?played=ID:completed,ID:skipped`: what just happened, the latest first, five at most.

    Raises:
        Invalid: another form (code INVALID_PLAYED, INVALID_ID).
    """
    text = request.query_params.get("played")
    found: list[Play] = []
    for part in query.listed(text, 5, "played") if text else ():
        id, _, how = part.partition(":")
        if how not in ("", "completed", "skipped"):
            raise Invalid("played is ID:completed or ID:skipped", code="INVALID_PLAYED")
        found.append(Play(parse_id(id, "track id"), at, -1.0 if how == "skipped" else 1.0))
    return found


def uris_of(text: str | None, kinds: Sequence[str] = _KINDS) -> list[tuple[str, str]]:
    """`spotify:track:…,spotify:artist:…` as (kind, id).

    Raises:
        Invalid: none, too many, another kind (INVALID_URI), or a malformed id (INVALID_ID).
    """
    return [uri(it, kinds) for it in query.listed(text, MOST_URIS, "uris")]


def uri(text: str, kinds: Sequence[str]) -> tuple[str, str]:
    """One URI as (kind, id)."""
    parts = text.split(":")
    if len(parts) != 3 or parts[0] != "spotify" or parts[1] not in kinds:
        wanted = " or ".join(f"spotify:{it}:ID" for it in kinds)
        raise Invalid(f"not {wanted}: {text[:60]!r}", code="INVALID_URI")
    return parts[1], parse_id(parts[2], f"{parts[1]} id")


class TasteBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a user says of their taste; what is left out stays as it is."""

    artists: list[str] | None = None
    explicit: bool | None = None


async def taste_of(request: Request) -> TasteBody:
    """The body of PUT /v1/me/taste.

    Raises:
        Invalid: no such JSON object (code INVALID).
    """
    try:
        return msgspec.json.decode(await request.body(), type=TasteBody)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid(str(error)[:300], code="INVALID") from error
