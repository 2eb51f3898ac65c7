"""The query parameters of the Web API, read by hand on hot routes, and described for OpenAPI."""

import re
from typing import Any

from fastapi import Request

from shared.errors import Invalid
from shared.web.paging import MAX_OFFSET, Page
from shared.web.principal import Principal
from shared.webapi import query

MAX_IDS = 50
MAX_ALBUM_IDS = 20
_CURSOR = re.compile(r"[0-9-]{4,10}\|[0-9A-Za-z]{22}")
_SCHEMAS: dict[str, dict[str, Any]] = {
    "market": {"type": "string", "pattern": "^([A-Za-z]{2}|from_token)$"},
    "country": {"type": "string", "pattern": "^([A-Za-z]{2}|from_token)$"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20},
    "offset": {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
    "ids": {"type": "string", "pattern": "^[0-9A-Za-z]{22}(,[0-9A-Za-z]{22})*$"},
    "include_groups": {"type": "string"},
    "after": {"type": "string"},
}


def takes(*names: str) -> dict[str, Any]:
    """`openapi_extra` of a route that reads the parameters `names`."""
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": _SCHEMAS[name]}
            for name in names
        ]
    }


def ids_of(request: Request, most: int = MAX_IDS) -> list[str]:
    """`?ids=a,b`: in order, doubles kept.

    Raises:
        Invalid: none, too many (code TOO_MANY_IDS), or one malformed (code INVALID_ID).
    """
    return query.ids(request.query_params.get("ids"), most)


def market_of(request: Request, principal: Principal, name: str = "market") -> str | None:
    """`?market=SE`, or the listener's own for `from_token`; None when not asked.

    Raises:
        Invalid: no ISO 3166-1 alpha-2 country (code INVALID_MARKET).
    """
    return query.market(request.query_params.get(name), principal.territory)


def cursor_of(request: Request) -> str | None:
    """`?after=…`, as a page's own `next` carries it.

    Raises:
        Invalid: no page carries such a one (code INVALID_CURSOR).
    """
    text = request.query_params.get("after")
    if text is None or text == "":
        return None
    if not _CURSOR.fullmatch(text):
        raise Invalid("Invalid after: take it from a page's next", code="INVALID_CURSOR")
    return text


def page_of(request: Request) -> Page:
    """`?limit=20&offset=0`.

    Raises:
        Invalid: not whole numbers, or out of bounds (code INVALID_LIMIT, INVALID_OFFSET).
    """
    given = request.query_params
    return Page(
        query.number(given.get("limit"), "limit", 20, 1, 50),
        query.number(given.get("offset"), "offset", 0, 0, MAX_OFFSET),
    )
