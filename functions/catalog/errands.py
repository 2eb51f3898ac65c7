"""What a change of one entity brings with it for others, carried through whatever crashes.

The errand is kept before the change is written, so a change without its errand cannot be; an
errand without its change finds nothing to do. Each step repeats harmlessly. A command runs its
errand for a moment; the sweep goes on with what is left, from the cursor.
"""

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from functions.catalog import albums, artists, domain, following
from functions.catalog.model import Album, Artist, Errand, Track
from functions.catalog.publication import Publication
from functions.catalog.reading import Reading
from functions.catalog.store import Store
from shared.gcp.documents import Documents
from shared.ids import derived_id

log = logging.getLogger(__name__)

T = TypeVar("T")
LEASE = timedelta(seconds=60)
"""How long an errand is left to whoever works on it."""
BUDGET = timedelta(seconds=5)
PAGE = 50


class Errands:
    """Keeps errands, and runs them."""

    def __init__(
        self,
        store: Store,
        reading: Reading,
        publication: Publication,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reading = reading
        self._publication = publication
        self._now = now

    async def plan(
        self, kind: str, subject: str, target: str | None = None, ids: tuple[str, ...] = ()
    ) -> Errand:
        """Keep an errand, to be run once the change is written. Planned again, it starts anew."""
        id = derived_id(kind, subject, target or "", *ids)
        errand = Errand(id, kind, subject, target, ids, None, self._now() + LEASE)
        await self._store.errands.put(id, errand)
        return errand

    async def run(self, errand: Errand, budget: timedelta = BUDGET) -> bool:
        """Do what can be done within `budget`; True when the errand is done."""
        until = self._now() + budget
        cursor = errand.cursor
        async for cursor in self._steps(errand):
            if self._now() >= until:
                await self._note(errand, cursor, self._now())
                return False
        await self._note(errand, cursor, None)
        return True

    async def overdue(self) -> int:
        """Go on with errands that nobody works on; how many there were."""
        errands = await self._store.errands.until("due_at", self._now())
        for errand in errands:
            try:
                await self._note(errand, errand.cursor, self._now() + LEASE)
                await self.run(errand, 4 * BUDGET)
            except Exception as error:  # one errand's trouble does not stop the others
                log.error("errand %s %s", errand.kind, errand.subject, exc_info=error)
        return len(errands)

    async def _note(self, errand: Errand, cursor: str | None, due_at: datetime | None) -> None:
        await self._store.errands.update(
            errand.errand_id,
            lambda known: replace(known or errand, cursor=cursor, due_at=due_at),
        )

    def _steps(self, errand: Errand) -> AsyncIterator[str | None]:
        kinds = {
            "artist": self._artist,
            "album": self._album,
            "work": self._work,
            "move": self._move,
        }
        return kinds[errand.kind](errand)

    async def _artist(self, errand: Errand) -> AsyncIterator[str | None]:
        """Whatever credits the artist says who it is now, and shares its takedown."""
        old_id = errand.subject
        gone = await self._store.artists.get(old_id)
        artist = await self._reading.fresh_artist(old_id)
        if artist is None:
            return
        if artist.artist_id != old_id:
            artist = await self._absorb(artist, gone)
        at, kind, after = self._now(), *_place(errand.cursor)
        if kind == "works":
            async for work in _pages(self._store.works, old_id, after):
                await self._store.works.update(
                    work.work_id,
                    lambda known: known and following.work_after(known, old_id, artist, at),
                )
                yield f"works {work.work_id}"
            kind, after = "albums", None
        if kind == "albums":
            async for album in _pages(self._store.albums, old_id, after):
                await self._album_follows(album, old_id, artist)
                yield f"albums {album.album_id}"
            kind, after = "tracks", None
        async for track in _pages(self._store.tracks, old_id, after):
            await self._track_follows(track, old_id, artist)
            yield f"tracks {track.track_id}"

    async def _absorb(self, artist: Artist, gone: Artist) -> Artist:
        at = self._now()
        after = await self._store.artists.update(
            artist.artist_id, lambda known: known and artists.absorbing(known, gone, at)
        )
        assert after is not None
        self._reading.wrote(after)
        await self._publication.of(after)
        return after

    async def _album_follows(self, album: Album, old_id: str, artist: Artist) -> None:
        at = self._now()
        after = await self._store.change_album(
            album.album_id, lambda known: following.album_after(known, old_id, artist, at)
        )
        self._reading.wrote(after)
        await self._publication.of(after)

    async def _track_follows(self, track: Track, old_id: str, artist: Artist) -> None:
        at = self._now()
        after = await self._store.tracks.update(
            track.track_id,
            lambda known: known and following.track_after(known, old_id, artist, at),
        )
        self._reading.wrote(after)
        await self._publication.of(after)

    async def _album(self, errand: Errand) -> AsyncIterator[str | None]:
        """Tell every track of the album anew: its event carries the album's facts."""
        album = await self._store.albums.get(errand.subject)
        started = errand.cursor is None
        for entry in album.entries:
            if started:
                await self._tell_again(entry.track_id)
                yield entry.track_id
            started = started or entry.track_id == errand.cursor

    async def _work(self, errand: Errand) -> AsyncIterator[str | None]:
        """Tell every recording of the work anew: its event carries the ISWC."""
        async for track in _pages(self._store.tracks, errand.subject, errand.cursor):
            await self._tell_again(track.track_id)
            yield track.track_id

    async def _tell_again(self, track_id: str) -> None:
        at = self._now()
        after = await self._store.tracks.update(
            track_id, lambda known: known and domain.again(known, at)
        )
        self._reading.wrote(after)
        await self._publication.of(after)

    async def _move(self, errand: Errand) -> AsyncIterator[str | None]:
        """Give tracks and albums from one artist to another: a split."""
        artist = await self._store.artists.get(errand.target or "")
        touched: set[str] = set()
        for id in errand.ids:
            if (track := await self._store.tracks.find(id)) is not None:
                await self._track_follows(track, errand.subject, artist)
                touched |= {track.album_id} if track.album_id else set()
            elif (album := await self._store.albums.find(id)) is not None:
                await self._album_follows(album, errand.subject, artist)
        for album_id in touched:
            await self.refit(album_id)
        yield None

    async def refit(self, album_id: str) -> None:
        """Let an album know anew who appears on its tracks, and where they play."""
        album = await self._store.albums.find(album_id)
        if album is None:
            return
        found = await self._store.tracks.find_many(it.track_id for it in album.entries)
        tracks, at = list(found.values()), self._now()
        after = await self._store.change_album(
            album_id,
            lambda known: albums.changed_album(
                known,
                at,
                appearing=following.appearing(tracks),
                markets=albums.markets_of(tracks),
            ),
        )
        self._reading.wrote(after)
        await self._publication.of(after)


def _place(cursor: str | None) -> tuple[str, str | None]:
    kind, _, after = (cursor or "works").partition(" ")
    return kind, after or None


async def _pages(documents: Documents[T], ref: str, after: str | None) -> AsyncIterator[T]:
    """Documents that refer to `ref`, page by page: those that stop doing so meanwhile are
    already behind."""
    while True:
        page = await documents.scan(("refs", [ref]), after=after, limit=PAGE)
        for item in page:
            yield item
            after = getattr(item, "track_id", None) or getattr(item, "album_id", None)
            after = after or item.work_id  # type: ignore[attr-defined]
        if len(page) < PAGE:
            return
