"""The Web API's catalog group: tracks, albums, artists, markets, browse, audio features."""

import asyncio
from collections import Counter
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response

from functions.catalog.albums import EVERY, GROUPS, list_key
from functions.catalog.model import Album, Artist
from functions.catalog.objects import Objects, wrapped
from functions.catalog.query import MAX_ALBUM_IDS, cursor_of, ids_of, market_of, page_of, takes
from functions.catalog.store import Store
from functions.catalog.views import MARKETS, slug
from functions.catalog.vocabulary import Genres
from shared.errors import Invalid, NotFound
from shared.ids import parse_id
from shared.web.answers import cacheable, cacheable_body, cacheable_parts
from shared.web.paging import page_view
from shared.web.principal import Principal, requires

Reader = Annotated[Principal, Depends(requires())]

MAX_AGE_S = 60
TOP_TRACKS = 10
RELATED = 20
LOOKED_AT = 100
MAX_LISTS = 30
_BEFORE_ALL = "~"
"""Sorts after every shelf."""


def routes(store: Store, objects: Objects, genres: Genres, public_url: str) -> APIRouter:
    """`/v1/{tracks,albums,artists,markets,browse,…}`: everything that only reads."""
    router = APIRouter()
    reading = objects.reading

    def one(request: Request, found: list[bytes | None], what: str, id: str) -> Response:
        if found[0] is None:
            raise NotFound(f"no {what} {id}", code=f"{what.upper()}_NOT_FOUND")
        return cacheable_body(request, found[0], max_age_s=MAX_AGE_S)

    @router.get("/v1/tracks", openapi_extra=takes("ids", "market", "limit", "offset"))
    async def get_tracks(request: Request, reader: Reader) -> Response:
        market = market_of(request, reader)
        if "ids" in request.query_params:
            found = await objects.tracks(ids_of(request), market)
            return cacheable_parts(request, wrapped("tracks", found), found, max_age_s=MAX_AGE_S)
        page = page_of(request)
        tracks, total = await asyncio.gather(
            store.tracks.page("created_at", descending=True, limit=page.limit, offset=page.offset),
            store.tracks.count(),
        )
        items = await objects.full_tracks(tracks, market)
        body = page_view(f"{public_url}/v1/tracks", page, items, total)
        return cacheable(request, body, max_age_s=0)

    @router.get("/v1/tracks/{track_id}", openapi_extra=takes("market"))
    async def get_track(track_id: str, request: Request, reader: Reader) -> Response:
        id = parse_id(track_id, "track id")
        found = await objects.tracks([id], market_of(request, reader))
        return one(request, found, "track", id)

    @router.get("/v1/albums", openapi_extra=takes("ids", "market"))
    async def get_albums(request: Request, reader: Reader) -> Response:
        found = await objects.albums(ids_of(request, MAX_ALBUM_IDS), market_of(request, reader))
        return cacheable_parts(request, wrapped("albums", found), found, max_age_s=MAX_AGE_S)

    @router.get("/v1/albums/{album_id}", openapi_extra=takes("market"))
    async def get_album(album_id: str, request: Request, reader: Reader) -> Response:
        id = parse_id(album_id, "album id")
        return one(request, await objects.albums([id], market_of(request, reader)), "album", id)

    @router.get("/v1/albums/{album_id}/tracks", openapi_extra=takes("market", "limit", "offset"))
    async def get_album_tracks(album_id: str, request: Request, reader: Reader) -> Response:
        id, page, market = (
            parse_id(album_id, "album id"),
            page_of(request),
            market_of(request, reader),
        )
        album = (await reading.albums.many([id])).get(id)
        if album is None:
            raise NotFound(f"no album {id}", code="ALBUM_NOT_FOUND")
        body = await objects.album_tracks(album, page, market)
        return cacheable(request, body, max_age_s=MAX_AGE_S)

    @router.get("/v1/artists", openapi_extra=takes("ids"))
    async def get_artists(request: Request, reader: Reader) -> Response:
        found = await objects.artists(ids_of(request))
        return cacheable_parts(request, wrapped("artists", found), found, max_age_s=MAX_AGE_S)

    async def artist_of(id: str) -> Artist:
        found = await reading.artists([parse_id(id, "artist id")])
        if id not in found:
            raise NotFound(f"no artist {id}", code="ARTIST_NOT_FOUND")
        return found[id]

    @router.get("/v1/artists/{artist_id}")
    async def get_artist(artist_id: str, request: Request, reader: Reader) -> Response:
        id = parse_id(artist_id, "artist id")
        return one(request, await objects.artists([id]), "artist", id)

    @router.get(
        "/v1/artists/{artist_id}/albums",
        openapi_extra=takes("include_groups", "market", "limit", "offset", "after"),
    )
    async def get_artist_albums(artist_id: str, request: Request, reader: Reader) -> Response:
        market, groups = market_of(request, reader), _groups_of(request)
        artist = await artist_of(artist_id)
        ids = _ids_of(artist, artist_id)
        lists = [list_key(id, group) for id in ids for group in groups][:MAX_LISTS]
        path = f"{public_url}/v1/artists/{artist_id}/albums"
        more = {"include_groups": ",".join(groups)} if len(groups) < len(GROUPS) else {}
        body = await shelf_page(request, path, lists, market, more)
        for item, album in zip(body["items"], body.pop("albums"), strict=True):
            own = any(it.artist_id in ids for it in album.credits)
            item["album_group"] = item["album_type"] if own else "appears_on"
        return cacheable(request, body, max_age_s=MAX_AGE_S)

    async def shelf_page(
        request: Request, path: str, lists: list[str], market: str | None, more: dict[str, str]
    ) -> dict[str, Any]:
        """A page of albums, newest first. `next` goes on from the last one shown, not from a
        count: albums that come and go meanwhile make none appear twice."""
        page, after = page_of(request), cursor_of(request)
        any_of = ("listed_for", lists)
        skipped = page.offset if after is None else 0
        found, total = await asyncio.gather(
            store.albums.scan(
                any_of,
                order_by="shelf",
                descending=True,
                after=after or _BEFORE_ALL,
                limit=min(skipped + page.limit + 1, 10_050),
            ),
            store.albums.count(any_of),
        )
        shown: list[Album] = found[skipped : skipped + page.limit]
        items = await objects.simple_albums(shown, market)
        more = more | ({"market": market} if market else {})
        body = page_view(path, page, items, max(total, page.offset + len(shown)), more)
        body["next"] = None
        if len(found) > skipped + page.limit:
            query = {"offset": str(page.offset + page.limit), "limit": str(page.limit), **more}
            query["after"] = shown[-1].shelf
            body["next"] = f"{path}?" + "&".join(f"{k}={quote(v)}" for k, v in query.items())
        return body | {"albums": shown}

    @router.get("/v1/artists/{artist_id}/top-tracks", openapi_extra=takes("market", "country"))
    async def get_top_tracks(artist_id: str, request: Request, reader: Reader) -> Response:
        market = market_of(request, reader) or market_of(request, reader, "country")
        artist = await artist_of(artist_id)
        lists = ("listed_for", _ids_of(artist, artist_id)[:MAX_LISTS])
        found = await store.tracks.scan(lists, order_by="rank", descending=True, limit=TOP_TRACKS)
        body = {"tracks": await objects.full_tracks(found, market)}
        return cacheable(request, body, max_age_s=MAX_AGE_S)

    @router.get("/v1/artists/{artist_id}/related-artists")
    async def get_related_artists(artist_id: str, request: Request, reader: Reader) -> Response:
        """Who is heard by the same listeners, as recommendations found; then who shares tracks
        with the artist, then who shares genres."""
        artist = await artist_of(artist_id)
        told = await store.related.find(artist.artist_id)
        lists = ("listed_for", _ids_of(artist, artist_id)[:MAX_LISTS])
        tracks = await store.tracks.scan(lists, order_by="rank", descending=True, limit=LOOKED_AT)
        shared = Counter(credit.artist_id for track in tracks for credit in track.credits)
        ids = list(told.artist_ids[:RELATED]) if told else []
        ids += [id for id, _ in shared.most_common(RELATED + 1)]
        if artist.refs:
            alike = await store.artists.scan(("refs", artist.refs), limit=RELATED + 1)
            ids += [it.artist_id for it in alike]
        known = await reading.artists(ids)
        found = {it.artist_id: it for it in (known[id] for id in ids if id in known)}
        found.pop(artist.artist_id, None)
        views = [objects.views.artist(it) for it in found.values() if not it.removed]
        return cacheable(request, {"artists": views[:RELATED]}, max_age_s=MAX_AGE_S)

    @router.get("/v1/markets")
    async def get_markets(request: Request, reader: Reader) -> Response:
        return cacheable(request, {"markets": MARKETS}, max_age_s=86_400)

    @router.get(
        "/v1/browse/new-releases", openapi_extra=takes("country", "limit", "offset", "after")
    )
    async def get_new_releases(request: Request, reader: Reader) -> Response:
        market = market_of(request, reader, "country")
        path = f"{public_url}/v1/browse/new-releases"
        body = await shelf_page(request, path, [EVERY], market, {})
        del body["albums"]
        return cacheable(request, {"albums": body}, max_age_s=MAX_AGE_S)

    @router.get("/v1/browse/featured-playlists", openapi_extra=takes("limit", "offset"))
    async def get_featured(request: Request, reader: Reader) -> Response:
        path = f"{public_url}/v1/browse/featured-playlists"
        body = {"message": "", "playlists": page_view(path, page_of(request), [], 0)}
        return cacheable(request, body, max_age_s=MAX_AGE_S)

    @router.get("/v1/browse/categories", openapi_extra=takes("limit", "offset"))
    async def get_categories(request: Request, reader: Reader) -> Response:
        page, known = page_of(request), await genres.all()
        shown = known[page.offset : page.offset + page.limit]
        items = [objects.views.category(genre) for genre in shown]
        path = f"{public_url}/v1/browse/categories"
        body = {"categories": page_view(path, page, items, len(known))}
        return cacheable(request, body, max_age_s=MAX_AGE_S)

    async def category_of(id: str) -> dict[str, Any]:
        for genre in await genres.all():
            if slug(genre) == id:
                return objects.views.category(genre)
        raise NotFound("no such category", code="CATEGORY_NOT_FOUND")

    @router.get("/v1/browse/categories/{category_id}")
    async def get_category(category_id: str, request: Request, reader: Reader) -> Response:
        return cacheable(request, await category_of(category_id), max_age_s=MAX_AGE_S)

    @router.get(
        "/v1/browse/categories/{category_id}/playlists", openapi_extra=takes("limit", "offset")
    )
    async def get_category_playlists(
        category_id: str, request: Request, reader: Reader
    ) -> Response:
        page, category = page_of(request), await category_of(category_id)
        body = {"playlists": page_view(f"{category['href']}/playlists", page, [], 0)}
        return cacheable(request, body, max_age_s=MAX_AGE_S)

    @router.get("/v1/recommendations/available-genre-seeds")
    async def get_genre_seeds(request: Request, reader: Reader) -> Response:
        seeds = [slug(genre) for genre in await genres.all()]
        return cacheable(request, {"genres": seeds}, max_age_s=MAX_AGE_S)

    @router.get("/v1/audio-features", openapi_extra=takes("ids"))
    async def get_many_features(request: Request, reader: Reader) -> Response:
        """Null for a track that is unknown, has no audio yet, or none worth measuring."""
        ids = ids_of(request, 100)
        found = await reading.tracks.many(ids)
        views = [objects.views.features(it) if (it := found.get(id)) else None for id in ids]
        return cacheable(request, {"audio_features": views}, max_age_s=MAX_AGE_S)

    @router.get("/v1/audio-features/{track_id}")
    async def get_features(track_id: str, request: Request, reader: Reader) -> Response:
        id = parse_id(track_id, "track id")
        track = (await reading.tracks.many([id])).get(id)
        view = objects.views.features(track) if track else None
        if view is None:
            raise NotFound("analysis not found", code="ANALYSIS_NOT_FOUND")
        return cacheable(request, view, max_age_s=MAX_AGE_S)

    @router.get("/v1/audio-analysis/{track_id}")
    async def get_analysis(track_id: str, reader: Reader) -> Response:
        parse_id(track_id, "track id")
        raise NotFound("analysis not found", code="ANALYSIS_NOT_FOUND")

    return router


def _ids_of(artist: Artist, asked: str) -> list[str]:
    """Every id under which things of the artist may be listed. The one that was asked for is
    among them even before the survivor of a merge knows of it."""
    return list(dict.fromkeys((asked, artist.artist_id, *artist.absorbed)))


def _groups_of(request: Request) -> list[str]:
    text = request.query_params.get("include_groups", "")
    groups = [it.strip() for it in text.split(",") if it.strip()] or list(GROUPS)
    if not set(groups) <= set(GROUPS):
        raise Invalid(f"include_groups are of {', '.join(GROUPS)}", code="INVALID_GROUP")
    return [it for it in GROUPS if it in groups]
