"""One upload, one outcome: whatever is delivered twice, breaks off, or is not audio at all."""

import asyncio
import shutil
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from functions.transcode.domain import MAX_ATTEMPTS, Progress
from functions.transcode.facts import Audio, Source
from functions.transcode.handler import Busy, Collaborators, Finalized, Limits, on_finalized
from functions.transcode.shelves import File
from functions.transcode.transcode import Bounds
from shared.errors import NotFound, Unavailable
from shared.events import TrackTranscoded, TranscodeFailed, decode, encode
from shared.gcp.memory import MemoryDocuments
from shared.ids import base62

START = datetime(2030, 1, 1, tzinfo=UTC)
UPLOAD, TRACK = base62(b"upload"), base62(b"track")


class Masters:
    """Local files in the masters bucket's place."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[Path, dict[str, str]]] = {}
        self.downloads = 0

    def describe(self, name: str, generation: int | None) -> tuple[int, Mapping[str, str]]:
        if name not in self.files:
            raise NotFound(name)
        path, metadata = self.files[name]
        return path.stat().st_size, metadata

    def download(self, name: str, generation: int | None, target: Path) -> None:
        self.downloads += 1
        shutil.copyfile(self.files[name][0], target)


class Shelf:
    """A dict in a bucket's place. Breaks after `breaks_after` objects, if that is set."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.breaks_after: int | None = None
        self._lock = threading.Lock()

    def put(self, files: Iterable[File]) -> None:
        for file in files:
            if self.breaks_after is not None and len(self.objects) >= self.breaks_after:
                raise Unavailable("the bucket is gone")
            with self._lock:
                self.objects[file.name] = file.path.read_bytes()


@dataclass
class Cloud:
    ffmpeg: str
    masters: Masters = field(default_factory=Masters)
    audio: Shelf = field(default_factory=Shelf)
    images: Shelf = field(default_factory=Shelf)
    progress: MemoryDocuments[Progress] = field(
        default_factory=lambda: MemoryDocuments(Progress, "transcode")
    )
    sources: MemoryDocuments[Source] = field(
        default_factory=lambda: MemoryDocuments(Source, "source")
    )
    audios: MemoryDocuments[Audio] = field(default_factory=lambda: MemoryDocuments(Audio, "audio"))
    published: list[TrackTranscoded | TranscodeFailed] = field(default_factory=list)
    handed_over: list[Finalized] = field(default_factory=list)
    clock: datetime = START
    ids: count = field(default_factory=count)

    def upload(self, path: Path, upload_id: str = UPLOAD, track_id: str = TRACK) -> Finalized:
        name = f"masters/{upload_id}"
        self.masters.files[name] = (path, {"upload_id": upload_id, "track_id": track_id})
        return Finalized(name, 1, path.stat().st_size)

    def collaborators(self) -> Collaborators:
        async def publish(event: TrackTranscoded | TranscodeFailed) -> None:
            self.published.append(event)

        async def hand_over(master: Finalized) -> None:
            self.handed_over.append(master)

        return Collaborators(
            progress=self.progress,
            sources=self.sources,
            audios=self.audios,
            masters=self.masters,
            audio=self.audio,
            images=self.images,
            publish=publish,
            hand_over=hand_over,
            ffmpeg=self.ffmpeg,
            now=lambda: self.clock,
            new_id=lambda: base62(str(next(self.ids)).encode()),
        )

    async def deliver(self, master: Finalized, limits: Limits | None = None) -> None:
        await on_finalized(master, limits or Limits(), self.collaborators())


@pytest.fixture
def cloud(ffmpeg: str) -> Cloud:
    return Cloud(ffmpeg)


async def test_a_master_becomes_a_track_with_every_file_its_event_names(cloud, make):
    await cloud.deliver(cloud.upload(make("plain.flac")))
    (event,) = cloud.published
    assert isinstance(event, TrackTranscoded)
    assert (event.upload_id, event.track_id) == (UPLOAD, TRACK)
    assert decode(TrackTranscoded, encode(event)) == event
    named = [rendition.path for rendition in event.renditions]
    named += [manifest.path for manifest in event.manifests]
    assert set(named) | {event.preview_path, event.waveform_path} <= set(cloud.audio.objects)
    assert all(name.startswith(f"audio/{event.audio_id}/") for name in cloud.audio.objects)


async def test_five_deliveries_are_one_transcode_and_one_event_id(cloud, make):
    master = cloud.upload(make("plain.flac"))
    for _ in range(5):
        await cloud.deliver(master)
    assert cloud.masters.downloads == 1
    assert len({event.event_id for event in cloud.published}) == 1
    assert cloud.published[1:] == cloud.published[:-1]


async def test_deliveries_at_once_are_one_transcode(cloud, make):
    master = cloud.upload(make("plain.flac"))
    results = await asyncio.gather(
        *(cloud.deliver(master) for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Busy"] * 4 + ["NoneType"]
    assert cloud.masters.downloads == 1
    assert len(cloud.published) == 1


async def test_the_same_bytes_again_are_not_transcoded_again(cloud, make):
    await cloud.deliver(cloud.upload(make("plain.flac")))
    before = dict(cloud.audio.objects)
    cloud.audio.breaks_after = 0
    await cloud.deliver(cloud.upload(make("plain.flac"), base62(b"second"), base62(b"other")))
    first, second = cloud.published
    assert cloud.audio.objects == before
    assert (second.audio_id, second.renditions) == (first.audio_id, first.renditions)
    assert (second.upload_id, second.track_id) == (base62(b"second"), base62(b"other"))
    assert first.event_id != second.event_id


async def test_the_same_audio_in_another_container_shares_its_files(cloud, make):
    sixteen = ("-sample_fmt", "s16")
    await cloud.deliver(cloud.upload(make("sixteen.flac", options=sixteen)))
    cloud.audio.breaks_after = 0
    options = ("-c:a", "alac", "-sample_fmt", "s16p", "-metadata", "title=other tags")
    await cloud.deliver(cloud.upload(make("sixteen.m4a", options=options), base62(b"second")))
    first, second = cloud.published
    assert first.master_sha256 != second.master_sha256
    assert first.audio_id == second.audio_id
    assert second.title == "other tags"


async def test_a_killed_owner_is_replaced_once_its_lease_is_over(cloud, make):
    master = cloud.upload(make("plain.flac"))
    dead = Progress(UPLOAD, TRACK, 1, "someone gone", START + timedelta(seconds=30))
    await cloud.progress.put(UPLOAD, dead)
    with pytest.raises(Busy):
        await cloud.deliver(master)
    cloud.clock = START + timedelta(seconds=31)
    await cloud.deliver(master)
    assert isinstance(cloud.published[0], TrackTranscoded)


async def test_a_master_that_kills_every_attempt_is_given_up(cloud, make):
    master = cloud.upload(make("plain.flac"))
    dead = Progress(UPLOAD, TRACK, MAX_ATTEMPTS, "someone gone", START - timedelta(seconds=1))
    await cloud.progress.put(UPLOAD, dead)
    await cloud.deliver(master)
    (event,) = cloud.published
    assert isinstance(event, TranscodeFailed)
    assert event.reason == "TRANSCODE_CRASHED"
    assert cloud.masters.downloads == 0


async def test_a_broken_bucket_leaves_no_manifest_and_no_counted_attempt(cloud, make):
    master = cloud.upload(make("plain.flac"))
    cloud.audio.breaks_after = 5
    with pytest.raises(Unavailable):
        await cloud.deliver(master)
    assert not [name for name in cloud.audio.objects if name.endswith((".m3u8", ".mpd"))]
    assert cloud.published == []
    progress = await cloud.progress.get(UPLOAD)
    assert (progress.attempts, progress.lease_until) == (0, None)
    cloud.audio.breaks_after = None
    await cloud.deliver(master)
    assert isinstance(cloud.published[0], TrackTranscoded)


async def test_an_unpublished_outcome_is_published_by_the_next_delivery(cloud, make):
    master = cloud.upload(make("plain.flac"))
    with_ = cloud.collaborators()

    async def broken(event: object) -> None:
        raise Unavailable("no topic")

    with pytest.raises(Unavailable):
        await on_finalized(master, Limits(), replace(with_, publish=broken))
    await cloud.deliver(master)
    assert cloud.masters.downloads == 1
    assert isinstance(cloud.published[0], TrackTranscoded)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "EMPTY"), (b"not music at all\n" * 300, "NOT_AUDIO")]
)
async def test_what_is_not_audio_fails_by_name_and_keeps_the_master(
    cloud, tmp_path, content, reason
):
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    await cloud.deliver(cloud.upload(path))
    (event,) = cloud.published
    assert isinstance(event, TranscodeFailed)
    assert (event.reason, event.track_id) == (reason, TRACK)
    assert decode(TranscodeFailed, encode(event)) == event
    assert cloud.audio.objects == {}
    assert path.exists()


async def test_too_large_a_master_is_not_even_downloaded(cloud, make):
    master = cloud.upload(make("plain.flac"))
    await cloud.deliver(master, Limits(largest_bytes=1000))
    assert cloud.published[0].reason == "TOO_LARGE"
    assert cloud.masters.downloads == 0


async def test_large_and_long_masters_go_to_the_job(cloud, make):
    master = cloud.upload(make("plain.flac"))
    await cloud.deliver(master, Limits(inline_bytes=1000))
    assert cloud.handed_over == [master]
    await cloud.deliver(master, Limits(bounds=Bounds(inline_s=2)))
    assert cloud.handed_over == [master, master]
    assert cloud.published == []
    assert (await cloud.progress.get(UPLOAD)).lease_until is None
    await cloud.deliver(master)
    await cloud.deliver(master, Limits(inline_bytes=1000))
    assert len(cloud.handed_over) == 2, "a master that is done is told of, not started again"
    assert cloud.published[0] == cloud.published[1]


@pytest.mark.parametrize(
    "name", ["masters/../../etc/passwd", "masters/", "masters/short", f"masters/{UPLOAD}/x"]
)
async def test_a_name_that_is_no_upload_is_left_alone(cloud, make, name):
    cloud.masters.files[name] = (make("plain.flac"), {"track_id": TRACK})
    await cloud.deliver(Finalized(name, 1, 10))
    assert cloud.published == []
    assert cloud.masters.downloads == 0


async def test_an_object_that_is_gone_is_no_reason_to_be_delivered_again(cloud):
    await cloud.deliver(Finalized(f"masters/{UPLOAD}", 1, 10))
    assert cloud.published == []
