"""A finalized master becomes a track, or a named failure, once, however often it is told."""

import asyncio
import hashlib
import logging
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from functions.transcode import domain
from functions.transcode.domain import Progress
from functions.transcode.facts import Audio, Source, transcoded
from functions.transcode.packaging import CONTENT_TYPES
from functions.transcode.refusals import LongAudio, Reason, Refused
from functions.transcode.shelves import File, Masters, Shelf
from functions.transcode.transcode import Bounds, Transcoded, transcode_master
from shared.errors import Invalid, NotFound, SegueError, Unavailable
from shared.events import TrackTranscoded, TranscodeFailed
from shared.gcp.documents import Documents
from shared.ids import base62, parse_id

log = logging.getLogger(__name__)

FOLDER = "masters/"


@dataclass(frozen=True, slots=True)
class Finalized:
    """An object of the masters bucket that is there, whole."""

    name: str
    generation: int | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Limits:
    """`largest_bytes` is refused beyond; `inline_bytes` is handed to the job beyond."""

    largest_bytes: int = 4 << 30
    inline_bytes: int = 200 << 20
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What the handler works with. `hand_over` is None where there is nobody to hand over to."""

    progress: Documents[Progress]
    sources: Documents[Source]
    audios: Documents[Audio]
    masters: Masters
    audio: Shelf
    images: Shelf
    publish: Callable[[TrackTranscoded | TranscodeFailed], Awaitable[None]]
    hand_over: Callable[[Finalized], Awaitable[None]] | None
    ffmpeg: str
    now: Callable[[], datetime]
    new_id: Callable[[], str]


class Busy(Unavailable):
    """Another delivery is at work on this upload: come again."""

    code = "BUSY"


async def on_finalized(master: Finalized, limits: Limits, with_: Collaborators) -> None:
    """Transcode the master and tell of it, or tell again what was told.

    Returns once the outcome is published, or the job has taken over.

    Raises:
        Busy, Unavailable, Interrupted: deliver it again.
    """
    try:
        upload_id = parse_id(master.name.removeprefix(FOLDER), "upload id")
        size_bytes, metadata = await asyncio.to_thread(
            with_.masters.describe, master.name, master.generation
        )
        track_id = parse_id(metadata.get("track_id", ""), "track id")
    except (Invalid, NotFound) as error:
        # Not an upload of ours, or replaced or removed since: nobody waits for it.
        log.warning("%.100r is left alone: %s", master.name, error)
        return
    work = _Work(upload_id, track_id, master, size_bytes, limits, with_)
    outcome = await work.outcome()
    if outcome is None:
        log.info("upload %s: handed over to the job", upload_id)
        return
    await with_.publish(outcome)
    how = outcome.reason if isinstance(outcome, TranscodeFailed) else outcome.audio_id
    log.info("upload %s: %s %s", upload_id, type(outcome).__name__, how)


class _Work:
    """One delivery's way through: take the upload, do it, leave an outcome."""

    def __init__(
        self,
        upload_id: str,
        track_id: str,
        master: Finalized,
        size_bytes: int,
        limits: Limits,
        with_: Collaborators,
    ) -> None:
        self._upload_id = upload_id
        self._track_id = track_id
        self._master = master
        self._size_bytes = size_bytes
        self._limits = limits
        self._with = with_
        self._owner = with_.new_id()

    async def outcome(self) -> TrackTranscoded | TranscodeFailed | None:
        """The outcome, old or new; None if the job will find one."""
        with_ = self._with
        if self._limits.inline_bytes < self._size_bytes <= self._limits.largest_bytes:
            before = await with_.progress.find(self._upload_id)
            if with_.hand_over is not None and (before is None or before.outcome is None):
                await with_.hand_over(self._master)
                return None
        progress = await with_.progress.update(
            self._upload_id,
            partial(
                domain.begin,
                upload_id=self._upload_id,
                track_id=self._track_id,
                owner=self._owner,
                now=with_.now(),
                crashed=self._failed(
                    Reason.TRANSCODE_CRASHED,
                    f"transcoding broke off {domain.MAX_ATTEMPTS} times",
                ),
            ),
        )
        if progress is not None and progress.outcome is not None:
            return progress.outcome
        if progress is None or progress.owner != self._owner:
            raise Busy(f"upload {self._upload_id} is being transcoded")
        return await self._guarded(self._transcode())

    async def _guarded(
        self, job: Coroutine[None, None, TrackTranscoded | None]
    ) -> TrackTranscoded | TranscodeFailed | None:
        """Run `job` while the lease is renewed; turn a refusal into the outcome."""
        heart = asyncio.create_task(self._beat())
        outcome: TrackTranscoded | TranscodeFailed | None
        try:
            outcome = await job
        except Refused as refused:
            outcome = self._failed(refused.reason, refused.message)
        except LongAudio:
            await self._give_back(counts=False)
            if self._with.hand_over is None:
                raise
            await self._with.hand_over(self._master)
            return None
        except SegueError:  # the cloud's fault: this attempt does not count
            await self._give_back(counts=False)
            raise
        except Exception:
            await self._give_back(counts=True)
            raise
        finally:
            heart.cancel()
        if outcome is None:
            return None
        over = await self._with.progress.update(
            self._upload_id, partial(domain.finish, outcome=outcome)
        )
        return over.outcome if over is not None else outcome

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(domain.RENEW_S)
            try:
                await self._with.progress.update(
                    self._upload_id,
                    partial(domain.renew, owner=self._owner, now=self._with.now()),
                )
            except SegueError:
                continue  # the lease outlasts two missed beats

    async def _give_back(self, *, counts: bool) -> None:
        await self._with.progress.update(
            self._upload_id, partial(domain.release, owner=self._owner, counts=counts)
        )

    async def _transcode(self) -> TrackTranscoded:
        with_ = self._with
        if self._size_bytes > self._limits.largest_bytes:
            raise Refused(Reason.TOO_LARGE, f"more than {self._limits.largest_bytes} bytes")
        with tempfile.TemporaryDirectory(prefix="transcode-") as folder:
            scratch = Path(folder)
            # No name of the uploader's choosing, and no extension for a demuxer to believe in.
            master = scratch / with_.new_id()
            await asyncio.to_thread(
                with_.masters.download, self._master.name, self._master.generation, master
            )
            sha256 = await asyncio.to_thread(_sha256, master)
            source = await with_.sources.find(sha256)
            if source is None:
                result = await asyncio.to_thread(
                    transcode_master, with_.ffmpeg, master, sha256, scratch, self._limits.bounds
                )
                source = await self._publish(result)
        return transcoded(
            source,
            event_id=self._event_id("transcoded"),
            occurred_at=with_.now(),
            upload_id=self._upload_id,
            track_id=self._track_id,
        )

    async def _publish(self, result: Transcoded) -> Source:
        """Upload what is new, manifests last; then remember it."""
        with_ = self._with
        source = result.source
        known = await with_.audios.find(source.audio.audio_id)
        await asyncio.to_thread(with_.images.put, covers(result))
        if known is None:
            media, manifests = objects(result)
            await asyncio.to_thread(with_.audio.put, media)
            await asyncio.to_thread(with_.audio.put, manifests)
            known = await with_.audios.claim(source.audio.audio_id, source.audio)
        source = Source(source.master_sha256, known, source.tags)
        return await with_.sources.claim(source.master_sha256, source)

    def _event_id(self, kind: str) -> str:
        return base62(hashlib.sha256(f"{kind} {self._upload_id}".encode()).digest())

    def _failed(self, reason: Reason, message: str) -> TranscodeFailed:
        return TranscodeFailed(
            event_id=self._event_id("failed"),
            occurred_at=self._with.now(),
            upload_id=self._upload_id,
            track_id=self._track_id,
            reason=str(reason),
            message=message,
        )


def objects(result: Transcoded) -> tuple[list[File], list[File]]:
    """What to upload: the media, then whatever refers to it."""
    prefix = f"audio/{result.source.audio.audio_id}/"
    files = [
        File(path, prefix + str(path.relative_to(result.out)), CONTENT_TYPES[path.suffix])
        for path in sorted(result.out.rglob("*"))
        if path.is_file()
    ]
    referring = (".m3u8", ".mpd")
    return (
        [file for file in files if file.path.suffix not in referring],
        [file for file in files if file.path.suffix in referring],
    )


def covers(result: Transcoded) -> list[File]:
    return [
        File(path, f"images/{path.name}", CONTENT_TYPES[path.suffix])
        for path in sorted(result.covers.iterdir())
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
