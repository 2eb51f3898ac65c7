"""Generated listeners whose tastes are known: what a batch has to find out again."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fastavro
import numpy as np

from functions.recommendations import known
from functions.recommendations.known import KnownTrack
from functions.recommendations.outlets import FolderOutlet
from shared.events import Credit
from shared.ids import derived_id
from shared.webapi.cards import TrackCard

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
"""The first instant of 2026-W47."""
GENRES = ("ambient", "bebop", "cumbia", "drone", "electro", "fado", "grime", "house")
BLOCKED = "SE"


@dataclass(frozen=True)
class World:
    """`genre_of` each track; `tastes` of each user; `rows` are their plays."""

    genre_of: dict[str, str]
    tastes: dict[str, frozenset[str]]
    rows: list[dict]
    blocked: frozenset[str]

    def write(self, folder: Path) -> str:
        """Put plays and catalog where a batch on `folder` finds them; the plays' pattern."""
        schema = {
            "type": "record",
            "name": "Play",
            "fields": [
                {"name": "user_id", "type": "string"},
                {"name": "track_id", "type": "string"},
                {"name": "at_ms", "type": "long"},
                {"name": "ms_played", "type": "long"},
                {"name": "duration_ms", "type": "long"},
                {"name": "territory", "type": "string"},
            ],
        }
        plays = folder / "plays"
        plays.mkdir(parents=True, exist_ok=True)
        for part in range(2):
            with (plays / f"plays-{part}.avro").open("wb") as out:
                fastavro.writer(out, schema, self.rows[part::2])
        FolderOutlet(folder / "documents").open().put(
            known.TRACKS, {id: self.track(id) for id in self.genre_of}
        )
        return str(plays / "*.avro")

    def track(self, id: str) -> KnownTrack:
        genre = self.genre_of[id]
        artist = derived_id("artist", genre, str(hash_of(id) % 40))
        card = TrackCard(
            track_id=id, revision=1, title=f"{genre} {hash_of(id)}",
            credits=(Credit(artist, f"{genre} artist {hash_of(id) % 40}", "main"),),
            album_id=None, album=None, album_type=None, album_credits=(), disc_number=1,
            track_number=1, duration_ms=200_000, explicit=False, isrc=None, cover_id=None,
            release_date="2025-01-01",
            blocked_markets=(BLOCKED,) if id in self.blocked else (),
            popularity=10, plays=True, genres=(genre,),
        )  # fmt: skip
        return KnownTrack(id, "1", card, None)


def hash_of(id: str) -> int:
    return sum(ord(c) * (at + 1) for at, c in enumerate(id))


def world(users: int = 240, tracks: int = 640, each: int = 40, seed: int = 3) -> World:
    """Listeners of one or two of `GENRES`, who play little else (one play in ten)."""
    rng = np.random.default_rng(seed)
    ids = [derived_id("track", str(it)) for it in range(tracks)]
    genre_of = {id: GENRES[at % len(GENRES)] for at, id in enumerate(ids)}
    blocked = frozenset(ids[::7])
    tastes, rows = {}, []
    for user in range(users):
        id = derived_id("user", str(user))
        likes = frozenset(rng.choice(GENRES, size=1 + user % 2, replace=False).tolist())
        tastes[id] = likes
        own = [it for it in ids if genre_of[it] in likes]
        chosen = rng.choice(own, size=min(each, len(own) // 2), replace=False).tolist()
        chosen += rng.choice(ids, size=each // 10, replace=False).tolist()
        market = ("DE", BLOCKED, "US", "JP")[user % 4]
        for track in chosen:
            if market == BLOCKED and track in blocked:
                continue
            at = MONDAY - timedelta(days=float(rng.uniform(1, 90)))
            rows.append(play(id, track, at, market))
    return World(genre_of, tastes, rows, blocked)


def play(user: str, track: str, at: datetime, market: str = "DE", ms: int = 190_000) -> dict:
    return {
        "user_id": user,
        "track_id": track,
        "at_ms": int(at.timestamp() * 1000),
        "ms_played": ms,
        "duration_ms": 200_000,
        "territory": market,
    }
