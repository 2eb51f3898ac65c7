"""Where the catalog is kept: one collection for each kind of document."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakValueDictionary

from functions.catalog import domain, model
from functions.catalog.domain import AudioOwner, Entity, Master
from functions.catalog.model import (
    Album,
    Artist,
    Availability,
    Chunk,
    Errand,
    Import,
    Lyrics,
    Name,
    Related,
    Told,
    Track,
    Vocabulary,
    Work,
)
from functions.catalog.uploads import Upload
from shared.gcp.documents import Documents

UPLOADS = "uploads"
AUDIO_OWNERS = "audio_owners"
MASTERS = "masters"
IMPORTS = "imports"

COLLECTIONS: Mapping[str, tuple[str, type, str]] = {
    "uploads": (UPLOADS, Upload, "upload"),
    "audio_owners": (AUDIO_OWNERS, AudioOwner, "audio_owner"),
    "masters": (MASTERS, Master, "master"),
    "tracks": (model.TRACKS, Track, "track"),
    "albums": (model.ALBUMS, Album, "album"),
    "artists": (model.ARTISTS, Artist, "artist"),
    "works": (model.WORKS, Work, "work"),
    "lyrics": (model.LYRICS, Lyrics, "lyrics"),
    "names": (model.NAMES, Name, "name"),
    "availability": (model.AVAILABILITY, Availability, "availability"),
    "errands": (model.ERRANDS, Errand, "errand"),
    "imports": (IMPORTS, Import, "import"),
    "chunks": ("import_chunks", Chunk, "chunk"),
    "told": ("told_releases", Told, "told"),
    "related": ("related_artists", Related, "related"),
    "vocabularies": (model.VOCABULARIES, Vocabulary, "vocabulary"),
}
"""The fields of `Store`: collection, type of its documents, what one is called in errors."""


@dataclass(frozen=True, slots=True)
class Store:
    """The catalog's collections."""

    uploads: Documents[Upload]
    audio_owners: Documents[AudioOwner]
    masters: Documents[Master]
    tracks: Documents[Track]
    albums: Documents[Album]
    artists: Documents[Artist]
    works: Documents[Work]
    lyrics: Documents[Lyrics]
    names: Documents[Name]
    availability: Documents[Availability]
    errands: Documents[Errand]
    imports: Documents[Import]
    chunks: Documents[Chunk]
    told: Documents[Told]
    related: Documents[Related]
    vocabularies: Documents[Vocabulary]
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(
        default_factory=WeakValueDictionary, repr=False, init=False
    )

    async def change_upload(
        self, upload_id: str, change: Callable[[Upload], Upload | None]
    ) -> Upload | None:
        """Apply `change` to an upload; answer how it now stands, None if there is none."""

        def applied(upload: Upload | None) -> Upload | None:
            return None if upload is None else change(upload)

        return await self.uploads.update(upload_id, applied)

    async def owner_of(self, owner: AudioOwner) -> AudioOwner:
        """Claim a recording for a track; answer whose it is. The first claim stands."""
        return await self.audio_owners.claim(owner.audio_id, owner)

    async def change_album(
        self, album_id: str, change: Callable[[Album], Album | None]
    ) -> Album | None:
        """Apply `change` to an album; answer how it now stands, None if there is none.

        The tracks of one album tend to come together: in this process they queue, instead of
        being in each other's way at Firestore.
        """
        turn = self._turns.get(album_id)
        if turn is None:
            turn = self._turns[album_id] = asyncio.Lock()
        async with turn:
            return await self.albums.update(
                album_id, lambda album: None if album is None else change(album)
            )

    async def mark_published(self, entity: Artist | Album | Track) -> None:
        """Remember that this revision was published."""
        if isinstance(entity, Track):
            await _mark(self.tracks, entity.track_id, entity.revision)
        elif isinstance(entity, Album):
            await _mark(self.albums, entity.album_id, entity.revision)
        else:
            await _mark(self.artists, entity.artist_id, entity.revision)

    async def unpublished(self, since: datetime) -> list[Artist | Album | Track]:
        """What was written at or before `since` and whose publication was never confirmed."""
        found: list[Artist | Album | Track] = []
        for documents in (self.artists, self.albums, self.tracks):
            found += await documents.until("unpublished_at", since)
        return found

    async def due(self, at: datetime) -> list[Upload]:
        """Unsettled uploads that the sweep should look at by `at`, oldest first."""
        return await self.uploads.until("due_at", at)


async def _mark(documents: Documents[Entity], id: str, revision: int) -> None:
    await documents.update(
        id, lambda known: None if known is None else domain.published(known, revision)
    )
