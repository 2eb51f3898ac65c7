"""library: what users saved, and whom they follow."""

import os
import time
from dataclasses import dataclass
from typing import TypeVar

from fastapi import FastAPI

from functions.library import api
from functions.library.documents import (
    LOG,
    RUNS,
    SHELVES,
    EntryDocument,
    RunDocument,
    ShelfDocument,
)
from functions.library.items import Items
from functions.library.library import Library
from functions.library.projections import ALBUMS, ARTISTS, TRACKS, USERS, Projections
from functions.library.publication import Publication
from functions.library.shapes import ANSWERS
from functions.library.store import Shelves
from functions.library.subscriptions import handlers
from shared.gcp import firestore
from shared.gcp.firestore import FirestoreDocuments
from shared.gcp.pubsub import Publisher
from shared.gcp.recent import Recent
from shared.instants import now
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.push import subscriptions, tasks
from shared.web.trust import caller_of, verifier_of
from shared.webapi.cards import AlbumCard, ArtistCard, TrackCard, UserCard
from shared.webapi.shown import Shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """What is shown of tracks, albums and artists may be `card_ttl_s` old."""

    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    card_ttl_s: float = 10.0


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    database = firestore.client(settings.google_cloud_project)

    def recent(collection: str, cls: type[T], what: str) -> Recent[T]:
        documents = FirestoreDocuments(database, collection, cls, what)
        return Recent(documents, ttl_s=settings.card_ttl_s, clock=time.monotonic)

    projections = Projections(
        recent(TRACKS, TrackCard, "track"),
        recent(ALBUMS, AlbumCard, "album"),
        recent(ARTISTS, ArtistCard, "artist"),
        recent(USERS, UserCard, "user"),
    )
    shelves = Shelves(
        FirestoreDocuments(database, SHELVES, ShelfDocument, "shelf"),
        FirestoreDocuments(database, RUNS, RunDocument, "run"),
        FirestoreDocuments(database, LOG, EntryDocument, "entry"),
        now=now,
    )
    publish = Publisher(settings.google_cloud_project)
    publication = Publication(shelves, publish, now=now)
    caller = caller_of(settings)
    return create_app(
        "library",
        api.routes(
            Library(shelves, projections, publication),
            shelves,
            Items(projections, Shown(settings.public_url)),
            settings.public_url,
        ),
        subscriptions(caller, handlers(projections, shelves)),
        tasks(
            caller,
            {
                "republish-library": publication.overdue,
                "finish-erasures": shelves.finish_erasures,
            },
        ),
        answers=ANSWERS,
        verifier=verifier_of(settings),
        on_stop=[publish.stop],
    )
