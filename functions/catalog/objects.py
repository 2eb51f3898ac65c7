"""Objects of the Web API as encoded JSON, loaded in few reads and kept encoded for a moment."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import msgspec

from functions.catalog.domain import plays_in
from functions.catalog.model import Album, Artist, Track
from functions.catalog.reading import Reading
from functions.catalog.views import Views
from shared.web.paging import Page, page_view

MAX_KEPT = 20_000
FIRST_TRACKS = 50
_encode = msgspec.json.Encoder().encode
_Render = Callable[[list[str], str | None], Awaitable[dict[str, Any]]]


class Objects:
    """Full and simplified objects by id; an id that nobody ever had gives None.

    `ttl_s` bounds how old an answer may be.
    """

    def __init__(
        self, reading: Reading, views: Views, public_url: str, *, ttl_s: float,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self.reading = reading
        self.views = views
        self._url = public_url
        self._ttl_s = ttl_s
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str | None, str], tuple[float, bytes]] = OrderedDict()

    async def tracks(self, ids: Sequence[str], market: str | None) -> list[bytes | None]:
        """Full tracks, relinked to what plays in `market`."""
        return await self._objects("track", ids, market, self._tracks)

    async def albums(self, ids: Sequence[str], market: str | None) -> list[bytes | None]:
        """Full albums."""
        return await self._objects("album", ids, market, self._albums)

    async def artists(self, ids: Sequence[str]) -> list[bytes | None]:
        """Full artists; what was merged answers as its survivor."""
        return await self._objects("artist", ids, None, self._artists)

    async def full_tracks(self, tracks: Sequence[Track], market: str | None) -> list[Any]:
        """Views of tracks that are loaded, full."""
        albums = await self.reading.albums.many(it.album_id for it in tracks if it.album_id)
        known = await self.known(*tracks, *albums.values())
        return [self.views.track(it, albums.get(it.album_id or ""), known, market) for it in tracks]

    async def simple_albums(self, albums: Sequence[Album], market: str | None) -> list[Any]:
        """Views of albums that are loaded, simplified."""
        known = await self.known(*albums)
        return [self.views.album_simple(it, known, market) for it in albums]

    async def album_tracks(self, album: Album, page: Page, market: str | None) -> dict[str, Any]:
        """A page of an album's tracks, simplified."""
        entries = album.entries[page.offset : page.offset + page.limit]
        found = await self.reading.tracks.many(it.track_id for it in entries)
        tracks = [found[it.track_id] for it in entries if it.track_id in found]
        known = await self.known(*tracks)
        items: list[Any] = []
        for track in tracks:
            shown = await self._linked(track, market)
            linked_from = track if shown is not track else None
            items.append(self.views.track_simple(shown, known, market, linked_from))
        href = f"{self._url}/v1/albums/{album.album_id}/tracks"
        more = {"market": market} if market else {}
        return page_view(href, page, items, len(album.entries), more)

    async def known(self, *credited: Track | Album) -> dict[str, Artist]:
        """The artists credited on tracks and albums, as who they are now."""
        return await self.reading.artists(
            credit.artist_id for it in credited for credit in it.credits
        )

    async def _objects(
        self, kind: str, ids: Sequence[str], market: str | None, render: _Render
    ) -> list[bytes | None]:
        now = self._clock()
        found: dict[str, bytes] = {}
        missing: list[str] = []
        for id in ids:
            kept = self._kept.get((kind, market, id))
            if kept is not None and kept[0] > now:
                found[id] = kept[1]
            else:
                missing.append(id)
        if missing:
            for id, view in (await render(list(dict.fromkeys(missing)), market)).items():
                found[id] = _encode(view)
                self._kept[kind, market, id] = (now + self._ttl_s, found[id])
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return [found.get(id) for id in ids]

    async def _tracks(self, ids: list[str], market: str | None) -> dict[str, Any]:
        found = await self.reading.tracks.many(ids)
        shown = {id: await self._linked(track, market) for id, track in found.items()}
        albums = await self.reading.albums.many(it.album_id for it in shown.values() if it.album_id)
        known = await self.known(*shown.values(), *albums.values())
        return {
            id: self.views.track(
                track,
                albums.get(track.album_id or ""),
                known,
                market,
                found[id] if track is not found[id] else None,
            )
            for id, track in shown.items()
        }

    async def _linked(self, track: Track, market: str | None) -> Track:
        """The track, or the one that plays in its stead in `market`."""
        if market is None or plays_in(track, market):
            return track
        return await self.reading.alternative(track, market) or track

    async def _albums(self, ids: list[str], market: str | None) -> dict[str, Any]:
        found = await self.reading.albums.many(ids)
        known = await self.known(*found.values())
        page = Page(FIRST_TRACKS, 0)
        return {
            id: self.views.album(album, known, market, await self.album_tracks(album, page, market))
            for id, album in found.items()
        }

    async def _artists(self, ids: list[str], market: str | None) -> dict[str, Any]:
        found = await self.reading.artists(ids)
        return {id: self.views.artist(artist) for id, artist in found.items()}


def wrapped(name: str, objects: Iterable[bytes | None]) -> bytes:
    """`{"tracks":[{…},null]}` around encoded objects."""
    inner = b",".join(b"null" if it is None else it for it in objects)
    return b'{"%b":[%b]}' % (name.encode(), inner)
