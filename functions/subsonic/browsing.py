"""Artists, albums, songs, genres, and the folders that they look like to older clients."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from functions.subsonic import objects
from functions.subsonic.call import Answer, Call, Method
from functions.subsonic.ids import named, parse, parse_one
from functions.subsonic.refusals import no_such
from functions.subsonic.upstream import MARKET
from shared.text import fold

FOLDER = {"id": 1, "name": "Segue"}
IGNORED_ARTICLES = "The El La Los Las Le Les"
MAX_ALBUMS = 500
MAX_TRACKS = 500
RELATED = 20
_ARTICLES = frozenset(it.lower() for it in IGNORED_ARTICLES.split())


async def get_music_folders(call: Call) -> Answer:
    return {"musicFolders": {"musicFolder": [FOLDER]}}


async def get_artists(call: Call) -> Answer:
    return {"artists": {"ignoredArticles": IGNORED_ARTICLES, "index": indexed(await artists(call))}}


async def get_indexes(call: Call) -> Answer:
    return {
        "indexes": {
            "ignoredArticles": IGNORED_ARTICLES,
            "lastModified": int(call.now.timestamp() * 1000),
            "index": indexed(await artists(call)),
        }
    }


async def artists(call: Call) -> list[dict[str, Any]]:
    """The collection's artists, in no order."""
    found = await call.collections.of(call.listener, call.web)
    # Links of albums tell a name only; pictures are worth asking for.
    short = [id for id, it in found.artists.items() if "images" not in it]
    full = {**found.artists, **await call.web.several("artists", short, 50)}
    stars = await call.stars("artist", full)
    return [
        objects.artist(it, stars, album_count=found.album_counts.get(id, 0))
        for id, it in full.items()
    ]


def indexed(artists: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Artists under their first letter, without its article and accent; others under #."""
    letters: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for it in artists:
        key = sort_key(it["name"])
        letter = key[:1].upper()
        letters.setdefault(letter if letter.isalpha() else "#", []).append((key, it))
    return [
        {"name": letter, "artist": [it for _, it in sorted(members, key=lambda pair: pair[0])]}
        for letter, members in sorted(letters.items())
    ]


def sort_key(name: str) -> str:
    """`The Beatles` as `beatles`."""
    plain = fold(name)
    first, _, rest = plain.partition(" ")
    return rest if first in _ARTICLES and rest else plain


async def get_artist(call: Call) -> Answer:
    id = parse_one(call.asked.text("id"), "artist")
    found, albums = await asyncio.gather(call.web.get(f"/v1/artists/{id}"), albums_of(call, id))
    stars = await call.stars("artist", [found["id"]])
    shown = await call.albums(albums)
    return {"artist": {**objects.artist(found, stars, album_count=len(shown)), "album": shown}}


async def albums_of(call: Call, artist_id: str) -> list[Any]:
    """The albums that an artist made, simple, newest first."""
    path = f"/v1/artists/{artist_id}/albums"
    groups = "album,single,compilation"
    return await call.web.pages(path, MAX_ALBUMS, include_groups=groups, **MARKET)


async def get_album(call: Call) -> Answer:
    found, songs = await album_with_songs(call, parse_one(call.asked.text("id"), "album"))
    stars = await call.stars("album", [found["id"]])
    shown = {
        **objects.album(found, stars),
        "songCount": len(songs),
        "duration": sum(it["duration"] for it in songs),
    }
    return {"album": {**shown, "song": songs}}


async def album_with_songs(call: Call, id: str) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    """An album and all its songs that can be played here."""
    found = await call.web.get(f"/v1/albums/{id}", **MARKET)
    page = found["tracks"]
    tracks = list(page["items"])
    if page["next"]:
        tracks = await call.web.pages(f"/v1/albums/{id}/tracks", MAX_TRACKS, **MARKET)
    return found, await call.songs(tracks, album=found)


async def get_song(call: Call) -> Answer:
    id = parse_one(call.asked.text("id"), "track")
    found = await call.web.get(f"/v1/tracks/{id}", **MARKET)
    stars = await call.stars("track", [id])
    return {"song": objects.song(found, stars, plan=call.listener.plan)}


async def get_music_directory(call: Call) -> Answer:
    text = call.asked.text("id")
    if text == str(FOLDER["id"]):
        children: list[dict[str, Any]] = [
            {**it, "title": it["name"], "isDir": True, "parent": text} for it in await artists(call)
        ]
        children.sort(key=lambda it: sort_key(it["name"]))
        return {"directory": {**FOLDER, "id": text, "child": children}}
    kind, id = parse(text, "artist", "album")
    if kind == "artist":
        found = await call.web.get(f"/v1/artists/{id}")
        albums = await albums_of(call, id)
        stars = await call.stars("album", (it["id"] for it in albums))
        children = [objects.album_folder(it, stars) for it in albums]
        shown = {"parent": str(FOLDER["id"])}
    else:
        found, children = await album_with_songs(call, id)
        shown = {"parent": named("artist", found["artists"][0]["id"]) if found["artists"] else None}
    return {"directory": {"id": named(kind, id), "name": found["name"], **shown, "child": children}}


async def get_genres(call: Call) -> Answer:
    found = await call.web.pages("/v1/browse/categories", 200, "categories")

    async def counted(genre: Mapping[str, Any]) -> dict[str, Any]:
        asked = {"q": f'genre:"{genre["name"]}"', "type": "track,album", "limit": 1}
        totals = await call.web.get("/v1/search", **asked)
        return {
            "value": genre["name"],
            "songCount": totals["tracks"]["total"],
            "albumCount": totals["albums"]["total"],
        }

    return {"genres": {"genre": list(await asyncio.gather(*(counted(it) for it in found)))}}


async def artist_info(call: Call) -> Mapping[str, Any]:
    """What is known of an artist, by an id of the artist, an album or a song."""
    artist_id = await artist_behind(call, call.asked.text("id"))
    found, related = await asyncio.gather(
        call.web.get(f"/v1/artists/{artist_id}"),
        call.web.get(f"/v1/artists/{artist_id}/related-artists"),
    )
    count = call.asked.number("count", RELATED, 0, RELATED)
    images = found["images"]
    return {
        **_sizes(images),
        "similarArtist": [objects.artist(it, {}) for it in related["artists"][:count]],
    }


async def get_artist_info(call: Call) -> Answer:
    return {"artistInfo": await artist_info(call)}


async def get_artist_info2(call: Call) -> Answer:
    return {"artistInfo2": await artist_info(call)}


async def get_album_info(call: Call) -> Answer:
    kind, id = parse(call.asked.text("id"), "album", "track")
    if kind == "track":
        id = (await call.web.get(f"/v1/tracks/{id}", **MARKET))["album"]["id"]
    found = await call.web.get(f"/v1/albums/{id}", **MARKET)
    return {"albumInfo": _sizes(found["images"])}


async def artist_behind(call: Call, text: str) -> str:
    """The artist of whom an id tells: itself, or who made the album or song."""
    kind, id = parse(text, "artist", "album", "track")
    if kind == "artist":
        return id
    found = await call.web.get(f"/v1/{kind}s/{id}", **MARKET)
    if not found["artists"]:
        raise no_such("artist")
    return found["artists"][0]["id"]


def _sizes(images: list[Mapping[str, Any]]) -> dict[str, str]:
    if not images:
        return {}
    by_size = sorted(images, key=lambda it: it["width"] or 0)
    named = ("smallImageUrl", by_size[0]), ("mediumImageUrl", by_size[len(by_size) // 2])
    return {name: it["url"] for name, it in (*named, ("largeImageUrl", by_size[-1]))}


METHODS = {
    "getMusicFolders": Method(get_music_folders),
    "getArtists": Method(get_artists, takes=("musicFolderId",)),
    "getIndexes": Method(get_indexes, takes=("musicFolderId", "ifModifiedSince")),
    "getMusicDirectory": Method(get_music_directory, ("id",)),
    "getArtist": Method(get_artist, ("id",)),
    "getAlbum": Method(get_album, ("id",)),
    "getSong": Method(get_song, ("id",)),
    "getGenres": Method(get_genres),
    "getArtistInfo": Method(get_artist_info, ("id",), ("count", "includeNotPresent")),
    "getArtistInfo2": Method(get_artist_info2, ("id",), ("count", "includeNotPresent")),
    "getAlbumInfo": Method(get_album_info, ("id",)),
    "getAlbumInfo2": Method(get_album_info, ("id",)),
}
