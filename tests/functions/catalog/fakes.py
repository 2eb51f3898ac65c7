"""The catalog with everything around it in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from functions.catalog.service import MAX_BODY_BYTES, Surroundings, assemble
from functions.catalog.store import COLLECTIONS, Store
from functions.catalog.uploads import Upload
from shared.errors import Unavailable
from shared.events import Manifest, Rendition, TrackTranscoded, TranscodeFailed
from shared.gcp.memory import MemoryDocuments
from shared.ids import derived_id, new_id
from shared.web.app import create_app
from shared.web.push import subscriptions, tasks
from tests.web import NOW, PUBLIC_URL, Clock, Published, Pushes, Tokens

TOKENS = Tokens()
PUSHES = Pushes()
UPLOADS = TOKENS.bearer("uploads:write")
MAX_BYTES = 1000
STUCK_AFTER = timedelta(minutes=30)


@dataclass
class FakeMasters:
    """A bucket of masters; `arrived` holds the uploads whose bytes are there."""

    arrived: set[str] = field(default_factory=set)
    sessions: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    finalized: list[str] = field(default_factory=list)
    broken: bool = False

    async def session(self, upload: Upload, origin: str | None) -> str:
        if self.broken:
            raise Unavailable("no upload session: 403")
        self.sessions[upload.upload_id] = (upload.size_bytes, origin)
        return f"https://storage.test/upload?upload_id={upload.upload_id}"

    async def has(self, upload_id: str) -> bool:
        if self.broken:
            raise Unavailable("storage")
        return upload_id in self.arrived

    async def finalize_again(self, upload_id: str) -> bool:
        if self.broken:
            raise Unavailable("storage")
        self.finalized.append(upload_id)
        return upload_id in self.arrived


@dataclass
class FakeImages:
    """A bucket of pictures."""

    kept: dict[str, bytes] = field(default_factory=dict)

    async def put(self, name: str, jpeg: bytes) -> None:
        self.kept.setdefault(name, jpeg)


@dataclass
class Catalog:
    """The service, its store and its neighbours."""

    now: Clock = field(default_factory=Clock)
    publish: Published = field(default_factory=Published)
    masters: FakeMasters = field(default_factory=FakeMasters)
    images: FakeImages = field(default_factory=FakeImages)
    store: Store = field(
        default_factory=lambda: Store(
            **{name: MemoryDocuments(cls, what) for name, (_, cls, what) in COLLECTIONS.items()}
        )
    )
    fresh_s: float = 0.0

    def app(self) -> FastAPI:
        service = assemble(
            Surroundings(
                store=self.store,
                masters=self.masters,
                images=self.images,
                publish=self.publish,
                publish_many=self.publish_many,
                public_url=PUBLIC_URL,
                new_id=new_id,
                now=self.now,
                clock=lambda: self.now().timestamp(),
                max_upload_bytes=MAX_BYTES,
                stuck_after=STUCK_AFTER,
                fresh_s=self.fresh_s,
            )
        )
        caller = PUSHES.caller()
        return create_app(
            "catalog",
            *service.routers,
            subscriptions(caller, service.handlers),
            tasks(caller, service.tasks),
            verifier=TOKENS.verifier(),
            max_body_bytes=MAX_BODY_BYTES,
        )

    async def publish_many(self, events: Iterable[Any]) -> None:
        for event in events:
            await self.publish(event)

    def told(self, kind: type) -> list[Any]:
        """The events of one kind that were published."""
        return [event for event in self.publish.events if isinstance(event, kind)]


def transcoded(upload: dict[str, Any], audio: str = "audio", **changes: Any) -> TrackTranscoded:
    """What transcoding says of the upload that `POST /v1/uploads` answered with."""
    audio_id = derived_id(audio)
    values: dict[str, Any] = {
        "event_id": derived_id("transcoded", upload["upload_id"], audio),
        "occurred_at": NOW,
        "upload_id": upload["upload_id"],
        "track_id": upload["track_id"],
        "audio_id": audio_id,
        "master_sha256": "a" * 64,
        "duration_ms": 200_000,
        "total_samples": 8_820_000,
        "sample_rate_hz": 44_100,
        "channels": 2,
        "integrated_lufs": -10.0,
        "true_peak_dbtp": -1.0,
        "gain_db": -4.0,
        "renditions": (Rendition("aac", 96, "base", f"audio/{audio_id}/base/aac-96.mp4", 1, 2, 3),),
        "manifests": (Manifest("aac", "hls", "base", f"audio/{audio_id}/base/aac.m3u8"),),
        "preview_path": None,
        "waveform_path": None,
        "cover_id": "c" * 64,
        "title": "Tagged title",
        "artists": ("Tagged artist",),
        "album": "Tagged album",
        "isrc": "SEABC2600001",
        "track_number": 1,
        "disc_number": 1,
    }
    return TrackTranscoded(**{**values, **changes})


def transcode_failed(upload: dict[str, Any], reason: str = "NOT_AUDIO") -> TranscodeFailed:
    return TranscodeFailed(
        event_id=derived_id("failed", upload["upload_id"], reason),
        occurred_at=NOW,
        upload_id=upload["upload_id"],
        track_id=upload["track_id"],
        reason=reason,
        message="the file holds no audio",
    )


def code_of(response: httpx.Response) -> str:
    """The stable code of an error, under either of its names."""
    error = response.json()["error"]
    return error.get("code") or error["reason"]
