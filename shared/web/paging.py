"""Pages in the Web API's shape: limit and offset in, absolute links out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Query

MAX_OFFSET = 100_000


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int
    offset: int


def page(
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> Page:
    """The request's page: `?limit=20&offset=0`."""
    return Page(limit, offset)


Paged = Annotated[Page, Depends(page)]


def page_view(
    href: str,
    asked: Page,
    items: Sequence[Any],
    total: int,
    more: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A page object; `href` is the list's absolute address without a query, `more` are the
    other parameters that its links repeat."""
    rest = "".join(f"&{name}={quote(value)}" for name, value in (more or {}).items())

    def link(offset: int) -> str:
        return f"{href}?offset={offset}&limit={asked.limit}{rest}"

    end = asked.offset + asked.limit
    before = max(0, asked.offset - asked.limit)
    return {
        "href": link(asked.offset),
        "limit": asked.limit,
        "next": link(end) if end < total else None,
        "offset": asked.offset,
        "previous": link(before) if asked.offset > 0 else None,
        "total": total,
        "items": list(items),
    }
