"""What hangs on tracks, albums and artists: lyrics and pictures, over HTTP."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from functions.catalog import albums, artists, domain, lyrics
from functions.catalog.editing import IF_MATCH, revision_of
from functions.catalog.errands import Errands
from functions.catalog.jsonl import LyricsLine
from functions.catalog.model import Album, Artist, Lyrics
from functions.catalog.publication import Publication
from functions.catalog.reading import Reading
from functions.catalog.store import Store
from shared.errors import Invalid, NotFound, TooLarge
from shared.gcp.images import Images, keep
from shared.ids import parse_id
from shared.web.answers import answer, cacheable
from shared.web.principal import Principal, requires

Editor = Annotated[Principal, Depends(requires("catalog:write"))]
Reader = Annotated[Principal, Depends(requires())]

MAX_PICTURE_BYTES = 3 << 20
MAX_AGE_S = 300


class Pictures:
    """Gives albums and artists their pictures."""

    def __init__(
        self,
        store: Store,
        reading: Reading,
        publication: Publication,
        errands: Errands,
        images: Images,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reading = reading
        self._publication = publication
        self._errands = errands
        self._images = images
        self._now = now

    async def put(
        self, kind: Literal["album", "artist"], id: str, picture: bytes, expected: int | None
    ) -> Album | Artist:
        """The entity with `picture` in every size."""
        documents: Any = self._store.albums if kind == "album" else self._store.artists
        domain.expect((await documents.get(id)).revision, expected, f"{kind} {id}")
        cover_id, at = await keep(self._images, picture), self._now()
        change: Any = albums.changed_album if kind == "album" else artists.changed_artist

        def changed(known: Any) -> Any:
            if known is None:
                return None
            domain.expect(known.revision, expected, f"{kind} {id}")
            return change(known, at, cover_id=cover_id)

        errand = await self._errands.plan("album", id) if kind == "album" else None
        after = await documents.update(id, changed)
        self._reading.wrote(after)
        await self._publication.of(after)
        if errand is not None:
            await self._errands.run(errand)
        return after


def routes(
    store: Store,
    pictures: Pictures,
    publish: Callable[[Any], Awaitable[None]],
    *,
    now: Callable[[], datetime],
) -> APIRouter:
    """`/v1/tracks/{id}/lyrics` and `/v1/catalog/{albums,artists}/{id}/image`."""
    router = APIRouter()

    @router.get("/v1/tracks/{track_id}/lyrics")
    async def get_lyrics(track_id: str, request: Request, reader: Reader) -> Response:
        id = parse_id(track_id, "track id")
        found = await store.lyrics.find(id)
        if found is None:
            raise NotFound(f"no lyrics of {id}", code="LYRICS_NOT_FOUND")
        if request.headers.get("accept", "").startswith("text/plain"):
            return Response(lyrics.to_lrc(found), media_type="text/plain; charset=utf-8")
        return cacheable(request, lyrics.view(found), max_age_s=MAX_AGE_S)

    @router.put("/v1/tracks/{track_id}/lyrics")
    async def put_lyrics(track_id: str, editor: Editor, request: Request) -> Response:
        id = parse_id(track_id, "track id")
        try:
            asked = msgspec.json.decode(await request.body(), type=LyricsLine)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise Invalid(str(error)[:300], code="INVALID") from error
        await store.tracks.get(id)

        def change(known: Lyrics | None) -> Lyrics:
            return asked.parse(id, known.revision + 1 if known else 1, now())

        after = await store.lyrics.update(id, change)
        assert after is not None
        # Whoever gets no answer, since this failed, puts them again.
        await publish(lyrics.changed(after))
        return answer(lyrics.view(after))

    async def put(kind: Literal["album", "artist"], id: str, request: Request) -> dict[str, Any]:
        expected, picture = revision_of(request), await request.body()
        if len(picture) > MAX_PICTURE_BYTES:
            raise TooLarge(f"a picture has at most {MAX_PICTURE_BYTES} bytes")
        after = await pictures.put(kind, parse_id(id, f"{kind} id"), picture, expected)
        return {"id": id, "cover_id": after.cover_id, "revision": after.revision}

    @router.put("/v1/catalog/albums/{album_id}/image", openapi_extra=IF_MATCH)
    async def put_album_image(album_id: str, editor: Editor, request: Request) -> Response:
        return answer(await put("album", album_id, request))

    @router.put("/v1/catalog/artists/{artist_id}/image", openapi_extra=IF_MATCH)
    async def put_artist_image(artist_id: str, editor: Editor, request: Request) -> Response:
        return answer(await put("artist", artist_id, request))

    return router
