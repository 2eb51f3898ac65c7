"""Events that playback consumes, as tests need them."""

from datetime import datetime
from typing import Any

from shared.events import Manifest, Rendition, TrackChanged, TrackPlayed
from shared.ids import derived_id
from tests.web import NOW

TRACK = derived_id("track")
AUDIO = derived_id("audio")


def renditions(audio_id: str = AUDIO) -> tuple[Rendition, ...]:
    return tuple(
        Rendition(
            codec=codec,
            kbps=kbps,
            tier=tier,
            path=f"audio/{audio_id}/{tier}/{codec}-{kbps}.{suffix}",
            size_bytes=kbps * 1000,
            bandwidth_bps=kbps * 1100,
            average_bps=kbps * 1000,
        )
        for codec, suffix in (("aac", "mp4"), ("mp3", "mp3"))
        for kbps, tier in ((96, "base"), (160, "base"), (320, "high"))
    )


def manifests(audio_id: str = AUDIO) -> tuple[Manifest, ...]:
    return (
        Manifest("aac", "hls", "base", f"audio/{audio_id}/base/aac.m3u8"),
        Manifest("aac", "dash", "base", f"audio/{audio_id}/base/aac.mpd"),
        Manifest("aac", "hls", "high", f"audio/{audio_id}/aac.m3u8"),
        Manifest("mp3", "hls", "base", f"audio/{audio_id}/base/mp3.m3u8"),
    )


def track_changed(revision: int = 1, **changes: Any) -> TrackChanged:
    values: dict[str, Any] = {
        "event_id": derived_id(TRACK, str(revision)),
        "occurred_at": NOW,
        "track_id": TRACK,
        "revision": revision,
        "title": f"Title {revision}",
        "artists": ("Ada",),
        "album": None,
        "isrc": "SEABC2600001",
        "explicit": False,
        "duration_ms": 200_000,
        "cover_id": None,
        "audio_id": AUDIO,
        "integrated_lufs": -10.0,
        "true_peak_dbtp": -1.0,
        "gain_db": -4.0,
        "renditions": renditions(),
        "manifests": manifests(),
        "preview_path": None,
        "waveform_path": f"audio/{AUDIO}/base/waveform.json",
        "removed": False,
    }
    return TrackChanged(**{**values, **changes})


def track_played(number: int, started_at: datetime, **changes: Any) -> TrackPlayed:
    values: dict[str, Any] = {
        "event_id": derived_id("played", str(number)),
        "occurred_at": started_at,
        "play_id": derived_id("play", str(number)),
        "user_id": "listener",
        "track_id": TRACK,
        "started_at": started_at,
        "ms_played": 1000,
        "codec": "aac",
        "kbps": 160,
        "end_reason": "trackdone",
        "territory": "SE",
        "plan": "free",
        "source": None,
        "bytes_fetched": None,
        "rebuffers": None,
    }
    return TrackPlayed(**{**values, **changes})
