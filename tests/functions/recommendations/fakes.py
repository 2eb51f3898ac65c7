"""Recommendations with everything around it in memory, and a small world to listen to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from fastapi import FastAPI

from functions.recommendations.fetching import Fetcher
from functions.recommendations.press import MAX_BODY_BYTES
from functions.recommendations.service import Service, Surroundings, assemble
from functions.recommendations.store import COLLECTIONS, Store
from shared.events import (
    ArtistChanged,
    Credit,
    Features,
    TrackChanged,
    TrackPlayed,
)
from shared.gcp.memory import MemoryDocuments
from shared.ids import derived_id
from shared.web.app import create_app
from shared.web.push import subscriptions, tasks
from tests.web import NOW, PUBLIC_URL, Clock, Published, Pushes, Tokens

TOKENS = Tokens()
PUSHES = Pushes()
SCOPES = "streaming user-top-read user-library-read user-library-modify"
USER = "listener"
READER = TOKENS.bearer(SCOPES)


def bearer(user_id: str, **changes: Any) -> dict[str, str]:
    return TOKENS.bearer(SCOPES, sub=user_id, **changes)


def track_id(n: object) -> str:
    return derived_id("track", str(n))


def artist_id(n: object) -> str:
    return derived_id("artist", str(n))


def sound(style: int, n: int) -> Features:
    """Features of one of three styles: calm, driving, in between."""
    energy, tempo = ((0.15, 80.0), (0.9, 128.0), (0.5, 100.0))[style]
    timbre = [0.0] * 30
    timbre[style], timbre[3 + n % 20] = 2.0, 0.3
    return Features(
        tempo + n % 3, (5 * style) % 12, 1, 4, energy, energy, 0.5, 1 - energy, 0.8, 0.1, 0.05,
        -20 + 10 * energy, 0.7, tuple(timbre),
    )  # fmt: skip


def track(n: int, **changes: Any) -> TrackChanged:
    """Track `n`: of artist n // 4, style n % 3, released the older the higher n is."""
    style = n % 3
    values: dict[str, Any] = {
        "event_id": derived_id("event", str(n)),
        "occurred_at": NOW,
        "track_id": track_id(n),
        "revision": 1,
        "title": f"Song {n}",
        "artists": (f"Artist {n // 4}",),
        "album": "LP",
        "isrc": None,
        "explicit": n % 10 == 9,
        "duration_ms": 180_000,
        "cover_id": None,
        "audio_id": derived_id("audio", str(n)),
        "integrated_lufs": -14.0,
        "true_peak_dbtp": -1.0,
        "gain_db": 0.0,
        "renditions": (),
        "manifests": (),
        "preview_path": None,
        "waveform_path": None,
        "removed": False,
        "credits": (Credit(artist_id(n // 4), f"Artist {n // 4}", "main"),),
        "genres": (("Ambient", "Techno", "Drum & Bass")[style],),
        "release_date": (NOW - timedelta(days=5 * n)).date().isoformat(),
        "popularity": 100 - n,
        "features": sound(style, n),
    }
    return TrackChanged(**{**values, **changes})


def artist(n: int, **changes: Any) -> ArtistChanged:
    values: dict[str, Any] = {
        "event_id": derived_id("artist event", str(n)),
        "occurred_at": NOW,
        "artist_id": artist_id(n),
        "revision": 1,
        "name": f"Artist {n}",
        "aliases": (),
        "genres": (),
        "isni": None,
        "ipi": None,
        "cover_id": None,
        "popularity": 50,
        "merged_into": None,
        "removed": False,
    }
    return ArtistChanged(**{**values, **changes})


def play(n: int, user_id: str = USER, at: datetime = NOW, **changes: Any) -> TrackPlayed:
    values: dict[str, Any] = {
        "event_id": derived_id("play", user_id, str(n), at.isoformat()),
        "occurred_at": at,
        "play_id": derived_id("p", str(n)),
        "user_id": user_id,
        "track_id": track_id(n),
        "started_at": at,
        "ms_played": 180_000,
        "codec": "aac",
        "kbps": 160,
        "end_reason": "ended",
        "territory": "SE",
        "plan": "premium",
        "source": None,
        "bytes_fetched": None,
        "rebuffers": None,
    }
    return TrackPlayed(**{**values, **changes})


@dataclass
class World:
    """The service, its store and its neighbours. Time stands unless it is moved."""

    now: Clock = field(default_factory=Clock)
    publish: Published = field(default_factory=Published)
    store: Store = field(
        default_factory=lambda: Store(
            **{name: MemoryDocuments(cls, what) for name, (_, cls, what) in COLLECTIONS.items()}
        )
    )
    fetch: Fetcher = field(default_factory=Fetcher)
    service: Service = field(init=False)

    def __post_init__(self) -> None:
        self.service = self.instance()

    def instance(self) -> Service:
        """Another instance on the same documents."""
        return assemble(
            Surroundings(
                store=self.store,
                publish=self.publish,
                public_url=PUBLIC_URL,
                new_id=lambda: derived_id(str(len(self.publish.events))),
                now=self.now,
                clock=lambda: self.now().timestamp(),
                random=lambda: Random(1),
                fetch=self.fetch,
            )
        )

    def app(self, service: Service | None = None) -> FastAPI:
        service = service or self.service
        caller = PUSHES.caller()
        return create_app(
            "recommendations",
            *service.routers,
            subscriptions(caller, service.handlers),
            tasks(caller, service.tasks),
            verifier=TOKENS.verifier(),
            max_body_bytes=MAX_BODY_BYTES,
        )

    async def tell(self, *events: Any) -> None:
        """Let the service hear of events, straight."""
        for event in events:
            await self.service.handlers[type(event)](event)

    async def fill(self, tracks: int = 60) -> None:
        """`tracks` of fifteen artists in three styles."""
        await self.tell(*(track(n) for n in range(tracks)))
        await self.tell(*(artist(n) for n in range((tracks + 3) // 4)))


def day(n: int) -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC) - timedelta(days=n)
