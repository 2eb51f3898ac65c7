"""Events in: what transcoding made of a master. Every handler may run twice, at any point."""

from collections.abc import Callable
from datetime import datetime

from functions.catalog import domain, uploads
from functions.catalog.domain import AudioOwner, Master, Track
from functions.catalog.publication import Publication
from functions.catalog.store import Store
from shared.errors import Invalid
from shared.events import TrackTranscoded, TranscodeFailed
from shared.web.push import Handler


def handlers(
    store: Store, publication: Publication, *, now: Callable[[], datetime]
) -> dict[type, Handler]:
    """The handler of each event that the catalog consumes."""

    async def on_track_transcoded(event: TrackTranscoded) -> None:
        """Claim the recording, keep the track, publish it, settle the upload: in this order.

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

        def change(known: Track | None) -> Track | None:
            return domain.transcoded(known, upload, event, now())

        track = await store.tracks.update(event.track_id, change)
        if track is not None and track.unpublished_at is not None:
            await publication.of(track)
        await store.masters.claim(event.master_sha256, master)
        await store.change_upload(event.upload_id, lambda known: uploads.ready(known, now()))

    async def on_transcode_failed(event: TranscodeFailed) -> None:
        await store.uploads.get(event.upload_id)
        await store.change_upload(
            event.upload_id,
            lambda known: uploads.failed(known, event.reason, event.message, now()),
        )

    return {TrackTranscoded: on_track_transcoded, TranscodeFailed: on_transcode_failed}
