"""Events in: what transcoding made of a master, what rights says. Every handler may run twice,
at any point."""

from collections.abc import Callable
from datetime import datetime

from functions.catalog import albums, availability, domain, uploads
from functions.catalog.domain import AudioOwner, Master
from functions.catalog.errands import Errands
from functions.catalog.model import Artist, Availability, Related, Track
from functions.catalog.placing import Placing
from functions.catalog.publication import Publication
from functions.catalog.store import Store
from shared.errors import Invalid
from shared.events import (
    PopularityChanged,
    RelatedArtistsChanged,
    RightsChanged,
    TrackTranscoded,
    TranscodeFailed,
)
from shared.web.push import Handler


def handlers(
    store: Store,
    publication: Publication,
    placing: Placing,
    markets: "Markets",
    *,
    now: Callable[[], datetime],
) -> dict[type, Handler]:
    """The handler of each event that the catalog consumes."""

    async def on_track_transcoded(event: TrackTranscoded) -> None:
        """Claim the recording, place it, keep the track, publish, settle the upload: in order.

        Each step repeats harmlessly, and the upload is settled last: whatever is cut short
        is delivered again and finished.
        """
        upload = await store.uploads.get(event.upload_id)
        claim = AudioOwner(event.audio_id, event.track_id, event.upload_id)
        owner = await store.owner_of(claim)
        master = Master(event.master_sha256, owner.track_id, owner.upload_id)
        if owner.track_id != event.track_id:
            await store.masters.claim(event.master_sha256, master)
            await store.change_upload(
                event.upload_id, lambda known: uploads.duplicate(known, owner.track_id, now())
            )
            return
        if upload.track_id != event.track_id:
            raise Invalid(f"upload {event.upload_id} is of another track", code="WRONG_TRACK")
        track = await _placed(event, domain.described(upload, event))
        await publication.of(track)
        await store.masters.claim(event.master_sha256, master)
        await store.change_upload(event.upload_id, lambda known: uploads.ready(known, now()))

    async def _placed(event: TrackTranscoded, told: domain.Described) -> Track:
        """Everything is written before anything is told: should telling fail, nothing is lost."""
        known = await store.tracks.find(event.track_id)
        artists: list[Artist] = []
        if known is not None and known.album_id is not None:
            credits, album_id = known.credits, known.album_id
        else:
            credits, artists = await placing.credits(told.artists)
            album_id = (await placing.album(told, credits, event.track_id)).album_id
        spoken = await store.availability.find(event.track_id)
        written = await store.tracks.update(
            event.track_id,
            lambda known: domain.transcoded(known, told, credits, album_id, event, now()),
        )
        assert written is not None
        track: Track = written
        album = await store.change_album(
            album_id, lambda known: albums.with_tracks(known, [track], now())
        )
        # The album is told before the track: who hears of a track may ask for its album.
        for entity in (*artists, album):
            await publication.of(entity)
        if spoken is not None:
            await markets.settle(spoken)
            track = await store.tracks.get(event.track_id)
        return track

    async def on_transcode_failed(event: TranscodeFailed) -> None:
        await store.uploads.get(event.upload_id)
        await store.change_upload(
            event.upload_id,
            lambda known: uploads.failed(known, event.reason, event.message, now()),
        )

    async def on_rights_changed(event: RightsChanged) -> None:
        await markets.apply(event)

    async def on_related_artists_changed(event: RelatedArtistsChanged) -> None:
        def told(known: Related | None) -> Related | None:
            if known is not None and known.told_at > event.occurred_at:
                return None
            return Related(event.artist_id, event.artist_ids, event.occurred_at)

        await store.related.update(event.artist_id, told)

    async def on_popularity_changed(event: PopularityChanged) -> None:
        """Of a track that is gone, or was never here, nothing is kept."""
        track = await store.tracks.update(
            event.track_id,
            lambda known: known and domain.changed_track(known, now(), popularity=event.popularity),
        )
        await publication.of(track)

    return {
        PopularityChanged: on_popularity_changed,
        RelatedArtistsChanged: on_related_artists_changed,
        TrackTranscoded: on_track_transcoded,
        TranscodeFailed: on_transcode_failed,
        RightsChanged: on_rights_changed,
    }


class Markets:
    """Keeps where tracks and albums are available in step with rights, and with time."""

    def __init__(
        self,
        store: Store,
        publication: Publication,
        errands: Errands,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._publication = publication
        self._errands = errands
        self._now = now

    async def apply(self, event: RightsChanged) -> None:
        """Project a track's deals, whether it is known already or not."""
        at = self._now()
        known = await self._store.availability.update(
            event.track_id, lambda known: availability.with_rights(known, event, at)
        )
        assert known is not None
        await self.settle(known)

    async def settle(self, known: Availability) -> None:
        """Let the track and its album be available where the licences now say."""
        if (album_id := await self._track(known)) is not None:
            await self._errands.refit(album_id)

    async def overdue(self) -> int:
        """Follow windows that opened or closed; how many tracks had one."""
        at = self._now()
        found = await self._store.availability.until("due_at", at)
        for known in found:
            await self.settle(known)
            await self._store.availability.update(
                known.track_id, lambda now: now and availability.due(now, at)
            )
        return len(found)

    async def _track(self, known: Availability) -> str | None:
        """Write the track's markets if they differ; its album's id if so."""
        at = self._now()
        markets, clips = availability.markets(known, at), availability.clips(known, at)
        before = await self._store.tracks.find(known.track_id)
        if before is None:
            return None
        track = await self._store.tracks.update(
            known.track_id,
            lambda now: now and domain.changed_track(now, at, markets=markets, clip_markets=clips),
        )
        await self._publication.of(track)
        return before.album_id
