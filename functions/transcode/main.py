"""The function: settings from the environment, adapters made on first use, one event in."""

import asyncio
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import functions_framework

from shared.instants import now
from shared.settings import load

if TYPE_CHECKING:
    from functions.transcode.handler import Collaborators, Finalized, Limits

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`transcode_job` is projects/…/locations/…/jobs/…; without it nothing is handed over.

    `run_api_endpoint` is where the Cloud Run Admin API answers, if not at its usual place.
    """

    google_cloud_project: str
    masters_bucket: str
    audio_bucket: str
    images_bucket: str
    transcode_job: str = ""
    run_api_endpoint: str = ""
    max_upload_bytes: int = 4 << 30


@functions_framework.cloud_event
def transcode(event: Any) -> None:
    """google.cloud.storage.object.v1.finalized of the masters bucket; raise to get it again."""
    master = finalized(event.data)
    if master is None:
        return
    from functions.transcode.handler import on_finalized

    work = on_finalized(master, limits(), collaborators())
    asyncio.run_coroutine_threadsafe(work, _loop()).result()


def finalized(data: Mapping[str, Any]) -> "Finalized | None":
    """The object of the event, or None if it lies outside the folder that uploads go to."""
    name = str(data.get("name", ""))
    if not name.startswith("masters/"):
        log.warning("not a master: %.100r", name)
        return None
    from functions.transcode.handler import Finalized

    generation = data.get("generation")
    return Finalized(name, int(generation) if generation else None, int(data.get("size", 0)))


@cache
def settings() -> Settings:
    return load(Settings, os.environ)


def limits() -> "Limits":
    """What the function takes on itself; the rest is the job's, if there is one."""
    from functions.transcode.handler import Limits
    from functions.transcode.transcode import Bounds

    if settings().transcode_job:
        return Limits(largest_bytes=settings().max_upload_bytes)
    return Limits(settings().max_upload_bytes, 1 << 62, Bounds(inline_s=Bounds().longest_s))


@cache
def collaborators() -> "Collaborators":
    """Adapters to the cloud. The official clients honour the emulators' variables."""
    import imageio_ffmpeg
    from google.cloud.storage import Client

    from functions.transcode.domain import Progress
    from functions.transcode.facts import Audio, Source
    from functions.transcode.handler import Collaborators
    from functions.transcode.jobs import starter
    from functions.transcode.shelves import StoredMasters, StoredShelf
    from shared.gcp.firestore import FirestoreDocuments, client
    from shared.gcp.pubsub import Publisher
    from shared.ids import new_id

    use = settings()
    firestore = client(use.google_cloud_project)
    storage = Client(project=use.google_cloud_project)
    return Collaborators(
        progress=FirestoreDocuments(firestore, "transcodes", Progress, "transcode"),
        sources=FirestoreDocuments(firestore, "audio_sources", Source, "source"),
        audios=FirestoreDocuments(firestore, "audios", Audio, "audio"),
        masters=StoredMasters(storage.bucket(use.masters_bucket)),
        audio=StoredShelf(storage.bucket(use.audio_bucket)),
        images=StoredShelf(storage.bucket(use.images_bucket)),
        publish=Publisher(use.google_cloud_project),
        hand_over=starter(use.transcode_job, use.run_api_endpoint) if use.transcode_job else None,
        ffmpeg=imageio_ffmpeg.get_ffmpeg_exe(),
        now=now,
        new_id=new_id,
    )


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One loop for the process: asynchronous clients belong to the loop they first ran on."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="loop", daemon=True).start()
    return loop
