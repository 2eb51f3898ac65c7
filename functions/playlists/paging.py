"""The items of a playlist in pages of 250, most of which stay as they are when it changes. Pure.

A page is written once and never changed; a view is a directory of pages. After an edit the pages
that still match are kept, and what lies between them is paged anew.
"""

from collections.abc import Sequence
from typing import NamedTuple

from functions.playlists.ops import Entry

PAGE = 250
_SLACK_PAGES = 4


class PageOf(NamedTuple):
    """`size` entries, in the document `page_id`; "": not written yet."""

    page_id: str
    entries: tuple[Entry, ...]


def paged(entries: Sequence[Entry], known: Sequence[PageOf]) -> list[PageOf]:
    """`entries` in pages of at most 250, those of `known` reused where they match.

    All is paged anew when reuse would leave a fifth more pages than needed: a reader pays for each.
    """
    by_first = {page.entries[0].id: page for page in known if page.entries}
    found: list[PageOf] = []
    start = at = 0
    while at < len(entries):
        page = by_first.get(entries[at].id)
        if page is not None and tuple(entries[at : at + len(page.entries)]) == page.entries:
            found += _fresh(entries[start:at])
            found.append(page)
            at += len(page.entries)
            start = at
        else:
            at += 1
    found += _fresh(entries[start:])
    needed = -(-len(entries) // PAGE)
    if len(found) > needed + _SLACK_PAGES + needed // 10:
        return _fresh(entries)
    return found


def _fresh(entries: Sequence[Entry]) -> list[PageOf]:
    return [
        PageOf("", tuple(entries[start : start + PAGE])) for start in range(0, len(entries), PAGE)
    ]
