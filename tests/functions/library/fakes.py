"""The library service on documents in memory, and events about what can be saved."""

from typing import Any

from fastapi import FastAPI

from functions.library import api
from functions.library.items import Items
from functions.library.library import Library
from functions.library.projections import Projections
from functions.library.publication import Publication
from functions.library.shapes import ANSWERS
from functions.library.subscriptions import handlers
from shared.events import AlbumChanged, ArtistChanged, Credit, TrackChanged, UserChanged
from shared.gcp.memory import MemoryDocuments
from shared.gcp.recent import Recent
from shared.ids import derived_id
from shared.web.app import create_app
from shared.web.principal import Verifier
from shared.web.push import subscriptions, tasks
from shared.webapi.cards import AlbumCard, ArtistCard, TrackCard, UserCard
from shared.webapi.shown import Shown
from tests.functions.library.model import Shelving
from tests.web import NOW, PUBLIC_URL, Published, Pushes, Tokens

TOKENS = Tokens()
PUSHES = Pushes()
SCOPES = (
    "user-library-read user-library-modify user-follow-read user-follow-modify "
    "playlist-read-private playlist-modify-public"
)


def ids(kind: str, count: int) -> list[str]:
    return [derived_id(kind, str(number)) for number in range(count)]


class Service:
    """One instance of the service, its documents, and what it published."""

    def __init__(self, public_url: str = PUBLIC_URL, verifier: Verifier | None = None) -> None:
        self.shelving = Shelving()
        self.now = self.shelving.now
        self.elapsed_s = 0.0
        self.published = Published()
        self.public_url = public_url
        self.verifier = verifier or TOKENS.verifier()
        self.cards = {
            cls: MemoryDocuments(cls, cls.__name__)
            for cls in (TrackCard, AlbumCard, ArtistCard, UserCard)
        }
        self.projections = Projections(
            *(
                Recent(documents, ttl_s=10, clock=lambda: self.elapsed_s)
                for documents in self.cards.values()
            )
        )
        self.publication = Publication(self.shelving.store, self.published, now=self.now)

    def app(self) -> FastAPI:
        shelves, url = self.shelving.store, self.public_url
        library = Library(shelves, self.projections, self.publication)
        return create_app(
            "library",
            api.routes(library, shelves, Items(self.projections, Shown(url)), url),
            subscriptions(PUSHES.caller(), handlers(self.projections, shelves)),
            tasks(
                PUSHES.caller(),
                {
                    "republish-library": self.publication.overdue,
                    "finish-erasures": shelves.finish_erasures,
                },
            ),
            answers=ANSWERS,
            verifier=self.verifier,
        )


def credit(name: str, role: str = "main") -> Credit:
    return Credit(derived_id("artist", name), name, role)


def track_changed(track_id: str, revision: int = 1, **changes: Any) -> TrackChanged:
    values: dict[str, Any] = {
        "event_id": derived_id(track_id, str(revision)),
        "occurred_at": NOW,
        "track_id": track_id,
        "revision": revision,
        "title": f"Title {revision}",
        "artists": ("Ada", "Bo"),
        "album": "First",
        "isrc": "SEABC2600001",
        "explicit": False,
        "duration_ms": 200_000,
        "cover_id": "c" * 64,
        "audio_id": derived_id("audio"),
        "integrated_lufs": None,
        "true_peak_dbtp": None,
        "gain_db": None,
        "renditions": (),
        "manifests": (),
        "preview_path": None,
        "waveform_path": None,
        "removed": False,
        "album_id": derived_id("album", "0"),
        "album_type": "album",
        "album_artists": (credit("Ada"),),
        "credits": (credit("Ada"), credit("Bo", "featured"), credit("Cy", "producer")),
        "release_date": "2026-02-03",
        "popularity": 7,
    }
    return TrackChanged(**{**values, **changes})


def album_changed(album_id: str, revision: int = 1, **changes: Any) -> AlbumChanged:
    values: dict[str, Any] = {
        "event_id": derived_id(album_id, str(revision)),
        "occurred_at": NOW,
        "album_id": album_id,
        "revision": revision,
        "title": "First",
        "version": "Deluxe",
        "album_type": "ep",
        "artists": (credit("Ada"),),
        "label": "Own",
        "upc": None,
        "release_date": "2026-02",
        "genres": ("jazz",),
        "moods": (),
        "p_line": "2026 Own",
        "c_line": None,
        "cover_id": None,
        "track_ids": (),
        "supersedes": None,
        "superseded_by": None,
        "removed": False,
    }
    return AlbumChanged(**{**values, **changes})


def artist_changed(artist_id: str, revision: int = 1, **changes: Any) -> ArtistChanged:
    values: dict[str, Any] = {
        "event_id": derived_id(artist_id, str(revision)),
        "occurred_at": NOW,
        "artist_id": artist_id,
        "revision": revision,
        "name": "Ada",
        "aliases": (),
        "genres": ("jazz",),
        "isni": None,
        "ipi": None,
        "cover_id": None,
        "popularity": 5,
        "merged_into": None,
        "removed": False,
    }
    return ArtistChanged(**{**values, **changes})


def user_changed(user_id: str, revision: int = 1, **changes: Any) -> UserChanged:
    values: dict[str, Any] = {
        "event_id": derived_id(user_id, str(revision)),
        "occurred_at": NOW,
        "user_id": user_id,
        "revision": revision,
        "display_name": "Listener",
        "plan": "free",
        "territory": "SE",
        "removed": False,
    }
    return UserChanged(**{**values, **changes})
