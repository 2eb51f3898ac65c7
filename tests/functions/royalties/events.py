"""Plays, tracks and licences to judge."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.events import LicenceChanged, TrackChanged, TrackPlayed

START = datetime(2026, 9, 1, tzinfo=UTC)


def played(number: int = 0, **changes: Any) -> TrackPlayed:
    started_at = changes.pop("started_at", START + timedelta(hours=number))
    values: dict[str, Any] = {
        "event_id": f"event-{number}",
        "occurred_at": started_at + timedelta(minutes=5),
        "play_id": f"play-{number}",
        "user_id": "ada",
        "track_id": "track-0",
        "started_at": started_at,
        "ms_played": 60_000,
        "codec": "aac",
        "kbps": 96,
        "end_reason": "trackdone",
        "territory": "SE",
        "plan": "premium",
        "source": None,
        "bytes_fetched": None,
        "rebuffers": None,
        "licence_id": "licence-0",
    }
    return TrackPlayed(**{**values, **changes})


def licence(number: int = 0, *track_ids: str, **changes: Any) -> LicenceChanged:
    values: dict[str, Any] = {
        "event_id": f"licence-event-{number}",
        "occurred_at": START - timedelta(days=200),
        "licence_id": f"licence-{number}",
        "version": 1,
        "track_ids": track_ids or (f"track-{number}",),
        "territories": ("*",),
        "plans": ("free", "premium"),
        "starts_at": None,
        "ends_at": None,
        "withdrawn": False,
        "licensor_id": f"payee-{number}",
        "licensor_name": f"Payee {number}",
    }
    return LicenceChanged(**{**values, **changes})


def track(number: int = 0, **changes: Any) -> TrackChanged:
    values: dict[str, Any] = {
        "event_id": f"track-event-{number}",
        "occurred_at": START - timedelta(days=200),
        "track_id": f"track-{number}",
        "revision": 1,
        "title": f"Track {number}",
        "artists": ("Ada", "Grace"),
        "album": "Album",
        "isrc": f"SEABC26{number:05d}",
        "explicit": False,
        "duration_ms": 200_000,
        "cover_id": None,
        "audio_id": None,
        "integrated_lufs": None,
        "true_peak_dbtp": None,
        "gain_db": None,
        "renditions": (),
        "manifests": (),
        "preview_path": None,
        "waveform_path": None,
        "removed": False,
    }
    return TrackChanged(**{**values, **changes})


def listening(seed: int, plays: int, months: int = 3) -> list[TrackPlayed]:
    """A noisy history from September on: farms, loops, short, late, doubled, unknown, forged."""
    dice = random.Random(seed)
    found: list[TrackPlayed] = []
    for number in range(plays):
        farm = dice.random() < 0.3
        user = "farm" if farm else f"user-{dice.randrange(12)}"
        minutes = dice.randrange(months * 30 * 24 * 60)
        if farm:  # all day long, without a breath
            minutes = 24 * 60 * dice.randrange(2) + dice.randrange(600)
        started_at = START + timedelta(minutes=minutes, milliseconds=dice.randrange(1000))
        late = timedelta(days=dice.randrange(40)) if dice.random() < 0.1 else timedelta(minutes=4)
        if dice.random() < 0.02:
            late = -timedelta(minutes=dice.randrange(30))
        track_number = 0 if farm and dice.random() < 0.7 else dice.randrange(8)
        found.append(
            played(
                number,
                play_id=f"play-{dice.randrange(number + 1) if dice.random() < 0.05 else number}",
                user_id=user,
                track_id=f"track-{track_number}",
                started_at=started_at,
                occurred_at=started_at + late,
                ms_played=dice.choice([5000, 29_999, 30_000, 61_000, 200_000, 7_000_000]),
                ms_distinct=dice.choice([None, None, 20_000, 180_000]),
                duration_ms=dice.choice([None, 210_000]),
                territory=dice.choice(["SE", "NO"]),
                plan=dice.choice(["free", "premium"]),
                licence_id=dice.choice([None, f"licence-{track_number}", "licence-1", "nonsense"]),
            )
        )
    return found


# Track 5 has two licensors, 6 none, 7 is not in the catalog; 4 is a jingle of 20 s.
LICENCES = [licence(it) for it in range(5)] + [
    licence(5),
    licence(8, "track-5"),
    licence(7, occurred_at=START),
]
TRACKS = [track(it, duration_ms=20_000 if it == 4 else 200_000) for it in range(7)]
