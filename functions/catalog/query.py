"""The query parameters of the Web API, read by hand on hot routes, and described for OpenAPI."""

import re
from typing import Any

from fastapi import Request

from shared.errors import Invalid
from shared.ids import parse_id
from shared.territories import TERRITORIES
from shared.web.paging import MAX_OFFSET, Page
from shared.web.principal import Principal

FROM_TOKEN = "from_token"  # noqa: S105 - a market, whose name it is
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
    text = request.query_params.get("ids", "")
    if not text:
        raise Invalid("ids is missing", code="INVALID")
    ids = text[: 32 * most].split(",")
    if len(ids) > most:
        raise Invalid(f"too many ids: {most} at most", code="TOO_MANY_IDS")
    return [parse_id(id.strip()) for id in ids]


def market_of(request: Request, principal: Principal, name: str = "market") -> str | None:
    """`?market=SE`, or the listener's own for `from_token`; None when not asked.

    Raises:
        Invalid: no ISO 3166-1 alpha-2 country (code INVALID_MARKET).
    """
    text = request.query_params.get(name)
    if text is None or text == "":
        return None
    if text == FROM_TOKEN:
        return principal.territory
    market = text.upper() if len(text) == 2 else text
    if market not in TERRITORIES:
        raise Invalid(f"Invalid market code {text[:20]!r}", code="INVALID_MARKET")
    return market


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
    return Page(_number(request, "limit", 20, 1, 50), _number(request, "offset", 0, 0, MAX_OFFSET))


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    if text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most:
        return int(text)
    raise Invalid(f"Invalid {name}: {least} to {most}", code=f"INVALID_{name.upper()}")
