"""Search, in the shapes of version 2 and 3; a query of nothing is the whole collection."""

import asyncio
from collections.abc import Mapping
from typing import Any

from functions.subsonic import objects
from functions.subsonic.call import Answer, Call, Method
from functions.subsonic.upstream import PAGE

MAX_COUNT = 500
MAX_REACH = 1000
"""As far as search itself looks."""
_TAKES = tuple(
    f"{kind}{what}" for kind in ("artist", "album", "song") for what in ("Count", "Offset")
)


async def found_by(call: Call, kind: str, query: str, count: int, offset: int) -> list[Any]:
    """`count` objects of one kind that a query finds, after the first `offset`."""
    end = min(offset + count, MAX_REACH)

    async def page(at: int) -> Any:
        asked = {"q": query, "type": kind, "limit": min(PAGE, end - at), "offset": at}
        return (await call.web.get("/v1/search", market="from_token", **asked))[f"{kind}s"]

    if offset >= end:
        return []
    first = await page(offset)
    items = list(first["items"])
    rest = range(offset + PAGE, min(end, first["total"]), PAGE)
    for part in await asyncio.gather(*(page(at) for at in rest)):
        items += part["items"]
    return items


async def search(call: Call) -> tuple[list[Any], list[Any], list[Any]]:
    """Artists, albums and songs."""
    asked = call.asked
    query = (asked.find("query") or "").strip()
    windows = {
        kind: (
            asked.number(f"{name}Count", 20, 0, MAX_COUNT),
            asked.number(f"{name}Offset", 0, 0, 100_000),
        )
        for kind, name in (("artist", "artist"), ("album", "album"), ("track", "song"))
    }
    if query.strip('"*') == "":
        found = await _everything(call, windows)
    else:
        found = dict(
            zip(
                windows,
                await asyncio.gather(
                    *(
                        found_by(call, kind, query[:200], count, offset)
                        for kind, (count, offset) in windows.items()
                    )
                ),
                strict=True,
            )
        )
    stars = await call.stars("artist", (it["id"] for it in found["artist"]))
    return (
        [objects.artist(it, stars) for it in found["artist"]],
        await call.albums(found["album"]),
        await call.songs(found["track"]),
    )


async def _everything(call: Call, windows: Mapping[str, tuple[int, int]]) -> dict[str, list[Any]]:
    """Pages of the collection: clients that keep a copy read it so."""
    owned = await call.collections.of(call.listener, call.web)

    def window(kind: str, items: list[Any]) -> list[Any]:
        count, offset = windows[kind]
        return items[offset : offset + count]

    count, offset = windows["track"]
    full: list[Any] = []
    if count:
        # As many albums as hold the songs of this page, in an order that stays.
        passed = 0
        chosen: list[str] = []
        for album in owned.albums:
            if passed + album["total_tracks"] > offset and passed < offset + count:
                chosen.append(album["id"])
            elif passed + album["total_tracks"] <= offset:
                offset -= album["total_tracks"]
                continue
            passed += album["total_tracks"]
            if passed >= offset + count:
                break
        albums = await call.web.albums(chosen)
        ids = [it["id"] for id in chosen if id in albums for it in albums[id]["tracks"]["items"]][
            offset : offset + count
        ]
        tracks = await call.web.tracks(ids)
        full = [tracks[id] for id in ids if id in tracks]
    return {
        "artist": window("artist", list(owned.artists.values())),
        "album": window("album", list(owned.albums)),
        "track": full,
    }


async def search2(call: Call) -> Answer:
    artists, albums, songs = await search(call)
    folders = [
        {**it, "title": it["name"], "isDir": True, "parent": it["artistId"]} for it in albums
    ]
    return {"searchResult2": {"artist": artists, "album": folders, "song": songs}}


async def search3(call: Call) -> Answer:
    artists, albums, songs = await search(call)
    return {"searchResult3": {"artist": artists, "album": albums, "song": songs}}


METHODS = {
    "search2": Method(search2, takes=("query", *_TAKES, "musicFolderId")),
    "search3": Method(search3, takes=("query", *_TAKES, "musicFolderId")),
}
