"""What transcoding finds out about a recording, apart from any upload of it."""

from dataclasses import dataclass
from datetime import datetime

from functions.transcode.tags import Tags
from shared.events import Features, Manifest, Rendition, TrackTranscoded


@dataclass(frozen=True, slots=True)
class Audio:
    """Published audio. Paths are object names in the audio bucket.

    `total_samples` counts stereo samples at `sample_rate_hz`, the ladder's; `channels` are the
    master's. `mp3_delay` and `mp3_padding` are what players of the MP3 renditions must drop.
    `fingerprint` is Chromaprint's, base64, of the first two minutes; empty if too short for one.
    `features` are null for silence and for less than three seconds.
    """

    audio_id: str
    duration_ms: int
    total_samples: int
    sample_rate_hz: int
    channels: int
    integrated_lufs: float | None
    true_peak_dbtp: float | None
    gain_db: float
    mp3_delay: int
    mp3_padding: int
    fingerprint: str
    renditions: tuple[Rendition, ...]
    manifests: tuple[Manifest, ...]
    preview_path: str
    waveform_path: str
    features: Features | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A master known by its bytes: its audio, and what its tags say."""

    master_sha256: str
    audio: Audio
    tags: Tags


def transcoded(
    source: Source, *, event_id: str, occurred_at: datetime, upload_id: str, track_id: str
) -> TrackTranscoded:
    """The event that tells of `source`, as uploaded for `track_id`."""
    audio, tags = source.audio, source.tags
    return TrackTranscoded(
        event_id=event_id,
        occurred_at=occurred_at,
        upload_id=upload_id,
        track_id=track_id,
        audio_id=audio.audio_id,
        master_sha256=source.master_sha256,
        duration_ms=audio.duration_ms,
        total_samples=audio.total_samples,
        sample_rate_hz=audio.sample_rate_hz,
        channels=audio.channels,
        integrated_lufs=audio.integrated_lufs,
        true_peak_dbtp=audio.true_peak_dbtp,
        gain_db=audio.gain_db,
        renditions=audio.renditions,
        manifests=audio.manifests,
        preview_path=audio.preview_path,
        waveform_path=audio.waveform_path,
        cover_id=tags.cover_id,
        title=tags.title,
        artists=tags.artists,
        album=tags.album,
        isrc=tags.isrc,
        track_number=tags.track_number,
        disc_number=tags.disc_number,
        features=audio.features,
    )
