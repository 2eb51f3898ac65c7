"""Generated listeners whose tastes are known: what a batch has to find out again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fastavro
import numpy as np

from functions.recommendations import known, texts
from functions.recommendations.known import KnownTrack
from functions.recommendations.outlets import FolderOutlet, Opened
from functions.recommendations.texts import TextModel, VectorPart
from shared.events import Credit, Features
from shared.ids import derived_id
from shared.webapi.cards import TrackCard

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
"""The first instant of 2026-W47."""
GENRES = ("ambient", "bebop", "cumbia", "drone", "electro", "fado", "grime", "house")
BLOCKED = "SE"


@dataclass(frozen=True)
class World:
    """`genre_of` each track; `tastes` of each user; `rows` are their plays. Of some tracks it is
    known how they sound, what is written about them, and when they came out."""

    genre_of: dict[str, str]
    tastes: dict[str, frozenset[str]]
    rows: list[dict]
    blocked: frozenset[str]
    features: Mapping[str, Features] = field(default_factory=dict)
    words: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    released: Mapping[str, str] = field(default_factory=dict)

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
        opened = FolderOutlet(folder / "documents").open()
        opened.put(known.TRACKS, {id: self.track(id) for id in self.genre_of})
        self._write_words(opened)
        return str(plays / "*.avro")

    def _write_words(self, opened: Opened, size: int = 50) -> None:
        ids = sorted(self.words)
        parts = {
            texts.part_document("m", number): VectorPart(
                tuple(ids[start : start + size]),
                np.array([self.words[it] for it in ids[start : start + size]], "<f2").tobytes(),
            )
            for number, start in enumerate(range(0, len(ids), size))
        }
        opened.put(texts.VECTORS, parts)
        if parts:
            model = TextModel("m", len(parts), MONDAY, len(ids), 100)
            opened.put(texts.MODELS, {texts.CURRENT: model})

    def track(self, id: str) -> KnownTrack:
        genre = self.genre_of[id]
        artist = derived_id("artist", genre, str(hash_of(id) % 40))
        card = TrackCard(
            track_id=id, revision=1, title=f"{genre} {hash_of(id)}",
            credits=(Credit(artist, f"{genre} artist {hash_of(id) % 40}", "main"),),
            album_id=None, album=None, album_type=None, album_credits=(), disc_number=1,
            track_number=1, duration_ms=200_000, explicit=False, isrc=None, cover_id=None,
            release_date=self.released.get(id, "2025-01-01"),
            blocked_markets=(BLOCKED,) if id in self.blocked else (),
            popularity=10, plays=True, genres=(genre,),
        )  # fmt: skip
        return KnownTrack(id, "1", card, self.features.get(id))


def with_new(known: World, each: int = 5, seed: int = 11) -> tuple[World, dict[str, str]]:
    """The world with `each` more tracks of every genre, which nobody plays, and their genres.

    Tracks of a genre sound alike, and are written about in the same words, as far as those of one
    album do. Of the new ones the even ones have sound only, the odd ones words only.
    """
    rng = np.random.default_rng(seed)
    timbres = {it: rng.normal(size=30) for it in GENRES}
    looks = {it: (rng.random(7), 80 + 80 * rng.random()) for it in GENRES}
    meanings = {it: rng.normal(size=64) for it in GENRES}

    def sound(genre: str) -> Features:
        judged, tempo = looks[genre]
        near = np.clip(judged + rng.normal(scale=0.15, size=7), 0, 1).tolist()
        timbre = tuple((timbres[genre] + rng.normal(scale=0.9, size=30)).tolist())
        energy, dance, valence, acoustic, instrumental, live, speech = near
        return Features(
            float(tempo + rng.normal(scale=8)), 3, 1, 4, energy, dance, valence, acoustic,
            instrumental, live, speech, -12.0, 0.6, timbre,
        )  # fmt: skip

    def words(genre: str) -> tuple[float, ...]:
        vector = meanings[genre] + rng.normal(scale=0.9, size=64)
        return tuple((vector / np.linalg.norm(vector)).tolist())

    new = {derived_id("new", genre, str(it)): genre for genre in GENRES for it in range(each)}
    features = {id: sound(genre) for id, genre in known.genre_of.items()}
    meant = {id: words(genre) for id, genre in known.genre_of.items()}
    released: dict[str, str] = {}
    for at, (id, genre) in enumerate(new.items()):
        if at % 2:
            meant[id] = words(genre)
        else:
            features[id] = sound(genre)
        if at % 3:  # others came out long ago, and were played by nobody since
            released[id] = "2026-11-10"
    whole = replace(
        known,
        genre_of={**known.genre_of, **new},
        blocked=known.blocked | frozenset(list(new)[::4]),
        features=features,
        words=meant,
        released=released,
    )
    return whole, new


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
