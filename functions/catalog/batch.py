"""Many lines applied at once: references resolved, documents written and told by the hundred.

Artists first, then works, releases and recordings: within a batch order does not matter. A line
that is refused leaves the others alone. What is written counts as told once `publish` returned;
a batch that is cut short is done again with `tell_all`.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from functions.catalog import albums, applying, artists, availability, domain, lyrics
from functions.catalog.errands import Errands
from functions.catalog.jsonl import (
    AlbumLine,
    ArtistLine,
    CreditLine,
    Line,
    LyricsLine,
    TrackLine,
    WorkLine,
    id_of,
    ref_id,
)
from functions.catalog.model import Album, Artist, Availability, Errand, Lyrics, Track, Work
from functions.catalog.naming import key_of
from functions.catalog.placing import Placing
from functions.catalog.reading import Reading
from functions.catalog.store import Store
from functions.catalog.vocabulary import Genres
from shared.errors import Invalid, SegueError
from shared.events import Credit
from shared.gcp.documents import Documents

T = TypeVar("T", Artist, Work, Album, Track)
KNOWN_S = 30.0
MAX_KNOWN = 50_000


@dataclass
class Outcome:
    """What became of the lines: by number of line, and in all."""

    outbox: bool = False
    expected: int | None = None
    made: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: dict[int, SegueError] = field(default_factory=dict)
    entities: dict[int, Any] = field(default_factory=dict)
    told: list[Any] = field(default_factory=list)
    errands: list[Errand] = field(default_factory=list)


@dataclass
class _Changes:
    """The lines of one kind, ready to be written, by id."""

    lines: dict[str, int] = field(default_factory=dict)
    change: dict[str, Callable[[Any], Any]] = field(default_factory=dict)


class Batch:
    """Applies lines. Keeps names of artists for `KNOWN_S`, so that memory does not grow."""

    def __init__(
        self,
        store: Store,
        reading: Reading,
        placing: Placing,
        errands: Errands,
        genres: Genres,
        publish: Callable[[Iterable[Any]], Awaitable[None]],
        *,
        new_id: Callable[[], str],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._reading = reading
        self._placing = placing
        self._errands = errands
        self._genres = genres
        self._publish = publish
        self._new_id = new_id
        self._now = now
        self._names: dict[str, tuple[str, str]] = {}
        self._names_until = 0.0

    async def apply(
        self,
        lines: Sequence[tuple[int, Line]],
        *,
        tell_all: bool = False,
        outbox: bool = False,
        expected: int | None = None,
    ) -> Outcome:
        """Apply (number, line) pairs. With `outbox` what is written waits to be told, and is
        in the outcome's `told`; with `expected` only that revision is changed.

        Raises:
            Stale: another revision is there (code REVISION_MISMATCH).
            Unavailable: Firestore or Pub/Sub did not answer; do the whole batch again.
        """
        out, at = Outcome(outbox=outbox, expected=expected), self._now()
        by_kind: dict[type, list[tuple[int, Any]]] = {}
        for number, line in lines:
            by_kind.setdefault(type(line), []).append((number, line))
        genres = {term for _, line in lines for term in getattr(line, "genres", ())}
        if genres:
            await self._genres.add(genres)
        events = await self._artists(by_kind.get(ArtistLine, []), out, at, tell_all)
        events += await self._works(by_kind.get(WorkLine, []), out, at)
        events += await self._albums(by_kind.get(AlbumLine, []), out, at, tell_all)
        tracks = by_kind.get(TrackLine, [])
        events += await self._tracks(tracks, out, at, tell_all)
        events += await self._lyrics(tracks, out, at, tell_all)
        if not outbox:
            await self._publish(events)
        return out

    async def _artists(
        self, lines: list[tuple[int, ArtistLine]], out: Outcome, at: datetime, tell_all: bool
    ) -> list[Any]:
        changes = _Changes()
        for number, line in lines:
            id = id_of(line, "artist") or self._new_id()
            _note(changes, out, id, number, lambda known, line=line, id=id: applying.artist(
                known, line, id, at
            ))  # fmt: skip
        before, after = await self._write(self._store.artists, changes, out, tell_all)
        for id, artist in after.items():
            self._names[id] = (artist.artist_id, artist.name)
            self._reading.wrote(artist)
            old = before.get(id)
            if old is not None and (tell_all or _stands_differently(old, artist)):
                out.errands.append(await self._errands.plan("artist", id))
        out.told += after.values()
        return [artists.changed(it, at) for it in after.values()]

    async def _works(
        self, lines: list[tuple[int, WorkLine]], out: Outcome, at: datetime
    ) -> list[Any]:
        changes = _Changes()
        credits = await self._credits(lines, out)
        for number, line in lines:
            if number in credits:
                id, who = id_of(line, "work") or self._new_id(), credits[number]
                _note(changes, out, id, number, lambda known, line=line, id=id, who=who: (
                    applying.work(known, line, id, who, at)
                ))  # fmt: skip
        before, after = await self._write(self._store.works, changes, out, False)
        for id, work in after.items():
            if id in before and before[id].iswc != work.iswc:
                out.errands.append(await self._errands.plan("work", id))
        return []

    async def _albums(
        self, lines: list[tuple[int, AlbumLine]], out: Outcome, at: datetime, tell_all: bool
    ) -> list[Any]:
        changes = _Changes()
        credits = await self._credits(lines, out)
        for number, line in lines:
            if number in credits:
                id, who = id_of(line, "album") or self._new_id(), credits[number]
                _note(changes, out, id, number, lambda known, line=line, id=id, who=who: (
                    applying.album(known, line, id, who, at)
                ))  # fmt: skip
        before, after = await self._write(self._store.albums, changes, out, tell_all)
        for id in before:
            if id in after:
                out.errands.append(await self._errands.plan("album", id))
        superseded = {it.supersedes: id for id, it in after.items() if it.supersedes}
        found = await self._store.albums.update_many(
            {
                old: lambda known, id=id: (
                    known and albums.changed_album(known, at, superseded_by=id)
                )
                for old, id in superseded.items()
            }
        )
        told = {**after, **{id: it for id, it in found.items() if it is not None}}
        for album in told.values():
            self._reading.wrote(album)
        out.told += told.values()
        return [albums.changed(it, at) for it in told.values()]

    async def _tracks(
        self, lines: list[tuple[int, TrackLine]], out: Outcome, at: datetime, tell_all: bool
    ) -> list[Any]:
        if not lines:
            return []
        changes = _Changes()
        credits = await self._credits(lines, out)
        refs = {ref_id(line.album, "album") for _, line in lines}
        releases = await self._reading.albums.many(refs)
        works = {ref_id(line.work, "work") for _, line in lines if line.work}
        known_works = await self._store.works.find_many(works) if works else {}
        ids = {number: id_of(line, "track") or self._new_id() for number, line in lines}
        spoken = await self._store.availability.find_many(ids.values())
        for number, line in lines:
            if number not in credits:
                continue
            if ref_id(line.album, "album") not in releases:
                out.refused[number] = _unknown("album", line.album)
            elif line.work and ref_id(line.work, "work") not in known_works:
                out.refused[number] = _unknown("work", line.work)
            else:
                id, who = ids[number], credits[number]
                there = spoken.get(id)
                _note(changes, out, id, number, lambda known, line=line, id=id, who=who, it=there:
                    _track(known, line, id, who, it, at)
                )  # fmt: skip
        before, after = await self._write(self._store.tracks, changes, out, tell_all)
        placed: dict[str, list[Track]] = {}
        moved: dict[str, list[str]] = {}
        for id, track in after.items():
            if out.outbox:
                self._reading.wrote(track)
            if track.album_id:
                placed.setdefault(track.album_id, []).append(track)
            old = before[id].album_id if id in before else None
            if old and old != track.album_id:
                moved.setdefault(old, []).append(id)
        told = await self._fill(placed, moved, out, at)
        for it in told:
            releases[it.album_id] = it
        out.told += [*told, *after.values()]
        events: list[Any] = [albums.changed(it, at) for it in told]
        for track in after.values():
            work = known_works.get(track.work_id or "")
            release = releases.get(track.album_id or "")
            events.append(domain.changed(track, release, work.iswc if work else None, at))
        return events

    async def _lyrics(
        self, lines: list[tuple[int, TrackLine]], out: Outcome, at: datetime, tell_all: bool
    ) -> list[Any]:
        """The words that lines bring with them; told even with an outbox, which has none for
        them: whoever gets no answer sends them again."""
        given = {
            track.track_id: line.lyrics
            for number, line in lines
            if line.lyrics is not None and (track := out.entities.get(number)) is not None
        }
        if not given:
            return []
        told: dict[str, Lyrics] = {}

        def change(id: str, line: LyricsLine) -> Callable[[Lyrics | None], Lyrics | None]:
            def applied(known: Lyrics | None) -> Lyrics | None:
                after = line.parse(id, known.revision + 1 if known else 1, at)
                told.pop(id, None)
                if known is not None and lyrics.same(known, after):
                    if tell_all:
                        told[id] = known
                    return None
                told[id] = after
                return after

            return applied

        await self._store.lyrics.update_many({id: change(id, it) for id, it in given.items()})
        events = [lyrics.changed(it) for it in told.values()]
        if out.outbox:
            await self._publish(events)
        return events

    async def _fill(
        self,
        placed: Mapping[str, list[Track]],
        moved: Mapping[str, list[str]],
        out: Outcome,
        at: datetime,
    ) -> list[Album]:
        """Put tracks on their albums, take them off others; the albums as they are then."""

        def change(id: str) -> Callable[[Album | None], Album | None]:
            def applied(known: Album | None) -> Album | None:
                if known is None:
                    return None
                after = albums.without_tracks(known, moved.get(id, ()), at) or known
                after = albums.with_tracks(after, placed.get(id, ()), at) or after
                return None if after is known else _told(after, out)

            return applied

        found = await self._store.albums.update_many({id: change(id) for id in {*placed, *moved}})
        for album in found.values():
            self._reading.wrote(album)
        return [it for it in found.values() if it is not None]

    async def _write(
        self, documents: Documents[T], changes: _Changes, out: Outcome, tell_all: bool
    ) -> tuple[dict[str, T], dict[str, T]]:
        """Create what is new, change what is not; (before, after) of what is to be told."""
        fresh = (
            {}
            if out.expected is not None
            else {id: _told(change(None), out) for id, change in changes.change.items()}
        )
        taken = await documents.create_many(fresh) if fresh else set()
        if out.expected is not None:
            taken = set(changes.change)
        before: dict[str, T] = {}
        after = {id: value for id, value in fresh.items() if id not in taken}
        out.made += len(after)
        same: set[str] = set()

        def changing(id: str) -> Callable[[T | None], T | None]:
            def applied(known: T | None) -> T | None:
                if known is not None:
                    before[id] = known
                    domain.expect(getattr(known, "revision", 0), out.expected, id)
                result = changes.change[id](known)
                (same.add if result is None else same.discard)(id)
                return None if result is None else _told(result, out)

            return applied

        found = await documents.update_many({id: changing(id) for id in taken}) if taken else {}
        after |= {
            id: value
            for id, value in found.items()
            if value is not None and (tell_all or id not in same)
        }
        out.unchanged += len(same)
        out.changed += len(found) - len(same)
        for id, number in changes.lines.items():
            out.entities[number] = after.get(id) or found.get(id)
        return before, after

    async def _credits(
        self, lines: Sequence[tuple[int, Any]], out: Outcome
    ) -> dict[int, tuple[Credit, ...]]:
        """The credits of each line by its number; lines that credit nobody known are refused."""
        if time.monotonic() > self._names_until or len(self._names) > MAX_KNOWN:
            self._names.clear()
            self._names_until = time.monotonic() + KNOWN_S
        wanted = {
            ref_id(it.artist, "artist") for _, line in lines for it in line.credits if it.artist
        }
        missing = wanted.difference(self._names)
        if missing:
            for id, artist in (await self._reading.artists(missing)).items():
                self._names[id] = (artist.artist_id, artist.name)
        found: dict[int, tuple[Credit, ...]] = {}
        for number, line in lines:
            try:
                found[number] = tuple([await self._credit(it) for it in line.credits])
            except Invalid as error:
                out.refused[number] = error
        return found

    async def _credit(self, line: CreditLine) -> Credit:
        if line.artist is not None:
            known = self._names.get(ref_id(line.artist, "artist"))
            if known is None:
                raise _unknown("artist", line.artist)
            return Credit(*known, line.role)
        name = line.name or ""
        key = "name:" + key_of(name)
        if key not in self._names:
            artist = await self._placing.artist(name)
            if artist.unpublished_at is not None:
                await self._publish([artists.changed(artist, self._now())])
                await self._store.mark_published(artist)
            self._names[key] = (artist.artist_id, artist.name)
        return Credit(*self._names[key], line.role)


def _note(
    changes: _Changes, out: Outcome, id: str, number: int, change: Callable[[Any], Any]
) -> None:
    """Of two lines for one id, the later stands."""
    if id in changes.lines:
        out.unchanged += 1
    changes.lines[id] = number
    changes.change[id] = change


def _track(
    known: Track | None,
    line: TrackLine,
    id: str,
    credits: tuple[Credit, ...],
    there: Availability | None,
    at: datetime,
) -> Track | None:
    after = applying.track(known, line, id, credits, at)
    if known is not None or after is None or there is None:
        return after
    markets, clips = availability.markets(there, at), availability.clips(there, at)
    return replace(after, markets=markets, clip_markets=clips)


def _told(entity: Any, out: Outcome) -> Any:
    # Without an outbox the batch itself answers for its events: see the module.
    told = out.outbox or isinstance(entity, Work)
    return entity if told else replace(entity, unpublished_at=None)


def _stands_differently(before: Artist, after: Artist) -> bool:
    """Whether what credits the artist must follow."""
    return (before.name, before.removed, before.merged_into) != (
        after.name,
        after.removed,
        after.merged_into,
    )


def _unknown(kind: str, ref: str) -> Invalid:
    return Invalid(f"no {kind} {ref[:60]!r}", code=f"UNKNOWN_{kind.upper()}")
