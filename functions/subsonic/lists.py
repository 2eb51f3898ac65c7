"""Lists of albums and songs: newest, starred, by genre, by year, at random; and what is alike."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

from functions.subsonic import objects
from functions.subsonic.browsing import artist_behind, sort_key
from functions.subsonic.call import Answer, Call, Method
from functions.subsonic.collection import MAX_FOLLOWED, followed
from functions.subsonic.refusals import GENERIC, Refused
from functions.subsonic.searching import found_by
from functions.subsonic.upstream import MARKET

MAX_LIST = 500
MAX_STARRED = 1000
MAX_OFFSET = 10_000
SPARE = 50
ALIKE = 8
"""So many artists that are alike are asked for their most played songs."""

_TAKES = ("size", "offset", "fromYear", "toYear", "genre", "musicFolderId")


async def albums(call: Call) -> list[Mapping[str, Any]]:
    """The albums, simple, that `type` asks for."""
    asked = call.asked
    kind = asked.text("type")
    size = asked.number("size", 10, 0, MAX_LIST)
    offset = asked.number("offset", 0, 0, MAX_OFFSET)
    if size == 0:
        return []
    if kind == "newest":
        path = "/v1/browse/new-releases"
        found = await call.web.pages(path, offset + size, "albums", country="from_token")
    elif kind == "starred":
        saved = await call.web.pages("/v1/me/albums", offset + size, **MARKET)
        found = [it["album"] for it in saved]
    elif kind in ("recent", "frequent"):
        found = await played(call, by_count=kind == "frequent")
    elif kind == "byGenre":
        query = f'genre:"{_quotable(asked.text("genre"))}"'
        found = await found_by(call, "album", query, size, offset)
        offset = 0
    elif kind == "byYear":
        first, last = asked.text("fromYear"), asked.text("toYear")
        found = await found_by(call, "album", _years(first, last), size, offset)
        found.sort(key=lambda it: it["release_date"], reverse=first > last)
        offset = 0
    elif kind in ("random", "alphabeticalByName", "alphabeticalByArtist"):
        found = list((await call.collections.of(call.listener, call.web)).albums)
        if kind == "random":
            offset = 0
            random.shuffle(found)
        else:
            found.sort(key=_by_name if kind == "alphabeticalByName" else _by_artist)
    elif kind == "highest":
        found = []  # nobody rates anything here
    else:
        raise Refused(GENERIC, f"no list of type {kind[:40]}")
    return list(found[offset : offset + size])


async def get_album_list(call: Call) -> Answer:
    listed = await albums(call)
    full = await call.web.albums([it["id"] for it in listed])
    stars = await call.stars("album", full)
    shown = [objects.album_folder(full[it["id"]], stars) for it in listed if it["id"] in full]
    return {"albumList": {"album": shown}}


async def get_album_list2(call: Call) -> Answer:
    return {"albumList2": {"album": await call.albums(await albums(call))}}


async def played(call: Call, *, by_count: bool) -> list[Mapping[str, Any]]:
    """The albums of what was played recently, the latest or the most played first."""
    page = await call.web.get("/v1/me/player/recently-played", limit=50)
    tracks = await call.web.tracks([it["track"]["id"] for it in page["items"]])
    heard = [
        tracks[it["track"]["id"]]["album"] for it in page["items"] if it["track"]["id"] in tracks
    ]
    by_id = {it["id"]: it for it in reversed(heard)}
    ids = [it["id"] for it in heard]
    order = sorted(by_id, key=lambda id: -ids.count(id) if by_count else ids.index(id))
    return [by_id[id] for id in order]


async def get_random_songs(call: Call) -> Answer:
    asked = call.asked
    size = asked.number("size", 10, 0, MAX_LIST)
    filters = [f'genre:"{_quotable(genre)}"'] if (genre := asked.find("genre")) else []
    first, last = asked.find("fromYear"), asked.find("toYear")
    if first or last:
        filters.append(_years(first or "0001", last or "9999"))
    if filters:
        tracks = await found_by(call, "track", " ".join(filters), MAX_LIST, 0)
    else:
        owned = (await call.collections.of(call.listener, call.web)).albums
        chosen = random.sample(owned, min(len(owned), 20))
        full = await call.web.albums([it["id"] for it in chosen])
        ids = [track["id"] for it in full.values() for track in it["tracks"]["items"]]
        # More than are wanted: some of them may not be played here.
        some = random.sample(ids, min(len(ids), size + SPARE))
        tracks = list((await call.web.tracks(some)).values())
    random.shuffle(tracks)
    return {"randomSongs": {"song": (await call.songs(tracks))[:size]}}


async def get_songs_by_genre(call: Call) -> Answer:
    query = f'genre:"{_quotable(call.asked.text("genre"))}"'
    count = call.asked.number("count", 10, 0, MAX_LIST)
    offset = call.asked.number("offset", 0, 0, MAX_OFFSET)
    tracks = await found_by(call, "track", query, count, offset)
    return {"songsByGenre": {"song": await call.songs(tracks)}}


async def get_now_playing(call: Call) -> Answer:
    return {"nowPlaying": {"entry": []}}


async def starred(call: Call) -> tuple[list[Any], list[Any], list[Any]]:
    """What the listener saved and follows: artists, albums and songs."""
    artists, saved, tracks = await asyncio.gather(
        followed(call.web, MAX_FOLLOWED),
        call.web.pages("/v1/me/albums", MAX_STARRED, **MARKET),
        call.web.pages("/v1/me/tracks", MAX_STARRED, **MARKET),
    )
    stars = await call.stars("artist", (it["id"] for it in artists))
    since = {it["track"]["uri"]: it["added_at"] for it in tracks}
    plan = call.listener.plan
    return (
        [objects.artist(it, stars) for it in artists],
        await call.albums([it["album"] for it in saved]),
        [
            objects.song(it, since, plan=plan)
            for it in objects.playable(it["track"] for it in tracks)
        ],
    )


async def get_starred(call: Call) -> Answer:
    artists, albums, songs = await starred(call)
    folders = [{**it, "title": it["name"], "isDir": True} for it in albums]
    return {"starred": {"artist": artists, "album": folders, "song": songs}}


async def get_starred2(call: Call) -> Answer:
    artists, albums, songs = await starred(call)
    return {"starred2": {"artist": artists, "album": albums, "song": songs}}


async def get_top_songs(call: Call) -> Answer:
    name = _quotable(call.asked.text("artist"))
    count = call.asked.number("count", 50, 0, 50)
    artists = await found_by(call, "artist", f'artist:"{name}"', 1, 0)
    tracks = await top_tracks(call, artists[0]["id"]) if artists else []
    return {"topSongs": {"song": await call.songs(tracks[:count])}}


async def alike(call: Call) -> list[dict[str, Any]]:
    """Songs of the artist and of those who are alike, mixed."""
    count = call.asked.number("count", 50, 0, 500)
    id = await artist_behind(call, call.asked.text("id"))
    related = (await call.web.get(f"/v1/artists/{id}/related-artists"))["artists"]
    ids = [id, *(it["id"] for it in related[:ALIKE])]
    lists = await asyncio.gather(*(top_tracks(call, it) for it in ids))
    tracks = {it["id"]: it for it in _in_turns(lists)}
    return await call.songs(list(tracks.values())[:count])


async def get_similar_songs(call: Call) -> Answer:
    return {"similarSongs": {"song": await alike(call)}}


async def get_similar_songs2(call: Call) -> Answer:
    return {"similarSongs2": {"song": await alike(call)}}


async def top_tracks(call: Call, artist_id: str) -> list[Any]:
    """An artist's most popular tracks."""
    return (await call.web.get(f"/v1/artists/{artist_id}/top-tracks", **MARKET))["tracks"]


def _in_turns(lists: Sequence[Sequence[Any]]) -> list[Any]:
    longest = max(map(len, lists), default=0)
    return [it[at] for at in range(longest) for it in lists if at < len(it)]


def _quotable(text: str) -> str:
    """`text` for between the quotes of a search filter."""
    return " ".join(text.replace('"', " ").split()) or "?"


def _years(first: str, last: str) -> str:
    if not all(it.isascii() and it.isdigit() and len(it) <= 4 for it in (first, last)):
        raise Refused(GENERIC, "a year is four digits")
    low, high = sorted((int(first), int(last)))
    return f"year:{low:04}-{high:04}"


def _by_name(album: Mapping[str, Any]) -> str:
    return sort_key(album["name"])


def _by_artist(album: Mapping[str, Any]) -> tuple[str, str]:
    makers = album["artists"]
    return sort_key(makers[0]["name"]) if makers else "", album["release_date"]


METHODS = {
    "getAlbumList": Method(get_album_list, ("type",), _TAKES),
    "getAlbumList2": Method(get_album_list2, ("type",), _TAKES),
    "getRandomSongs": Method(
        get_random_songs, takes=("size", "genre", "fromYear", "toYear", "musicFolderId")
    ),
    "getSongsByGenre": Method(get_songs_by_genre, ("genre",), ("count", "offset", "musicFolderId")),
    "getNowPlaying": Method(get_now_playing),
    "getStarred": Method(get_starred, takes=("musicFolderId",)),
    "getStarred2": Method(get_starred2, takes=("musicFolderId",)),
    "getTopSongs": Method(get_top_songs, ("artist",), ("count",)),
    "getSimilarSongs": Method(get_similar_songs, ("id",), ("count",)),
    "getSimilarSongs2": Method(get_similar_songs2, ("id",), ("count",)),
}
