"""The collection: what OpenSubsonic's clients, made for somebody's own server, browse as a whole.

A catalog of millions of albums cannot be listed, and nobody owns it. So the collection is what the
listener saved and follows, and the newest releases of the catalog; everything is found by search.
(docs/decisions/0040)
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from functions.subsonic.sign_in import Listener
from functions.subsonic.upstream import MARKET, Web
from shared.webapi.objects import NO_ID

MAX_SAVED = 1000
MAX_NEWEST = 200
MAX_FOLLOWED = 500
KNOWN_S = 30.0
MAX_KNOWN = 200


@dataclass(frozen=True, slots=True)
class Collection:
    """Simple albums, saved ones first, each newest first; artists by id, without order."""

    albums: tuple[Mapping[str, Any], ...]
    artists: Mapping[str, Mapping[str, Any]]
    album_counts: Mapping[str, int]


class Collections:
    """Collections by user. One may be `KNOWN_S` old: clients ask for pages of it one by one."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Collection]] = OrderedDict()

    async def of(self, listener: Listener, web: Web) -> Collection:
        """The listener's collection."""
        known = self._known.get(listener.user_id)
        if known is not None and known[0] > self._clock():
            return known[1]
        found = await _read(web)
        self._known[listener.user_id] = (self._clock() + KNOWN_S, found)
        self._known.move_to_end(listener.user_id)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return found

    def forget(self, listener: Listener) -> None:
        """The listener changed what is in it."""
        self._known.pop(listener.user_id, None)


async def followed(web: Web, most: int = MAX_FOLLOWED) -> list[Mapping[str, Any]]:
    """The artists that the listener follows, the latest first."""
    found: list[Mapping[str, Any]] = []
    after: dict[str, str] = {}
    while len(found) < most:
        page = (await web.get("/v1/me/following", type="artist", limit=50, **after))["artists"]
        found += page["items"]
        last = page["cursors"]["after"]
        if not page["next"] or not last:
            break
        after = {"after": last}
    return found[:most]


async def _read(web: Web) -> Collection:
    saved, newest, known = await asyncio.gather(
        web.pages("/v1/me/albums", MAX_SAVED, **MARKET),
        web.pages("/v1/browse/new-releases", MAX_NEWEST, "albums", country="from_token"),
        followed(web),
    )
    albums = {it["album"]["id"]: it["album"] for it in saved}
    for it in newest:
        albums.setdefault(it["id"], it)
    artists = {it["id"]: it for it in known}
    counts: Counter[str] = Counter()
    for album in albums.values():
        for it in album["artists"]:
            if it["id"] != NO_ID:
                artists.setdefault(it["id"], it)
                counts[it["id"]] += 1
    return Collection(tuple(albums.values()), artists, counts)
