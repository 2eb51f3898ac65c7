"""playlists: lists of tracks that many edit at once, from a log of operations."""

import os
import time
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from functions.playlists.documents import FOLDERS, MARKS, SHELF, Mark, Shelved
from functions.playlists.folders import FoldersDocument
from functions.playlists.listening import HEARD, HeardDocument
from functions.playlists.projections import ALBUMS, TRACKS, USERS, Projections, TrackFacts
from functions.playlists.service import Neighbours, Service
from shared.gcp import firestore, storage
from shared.gcp.documents import Documents
from shared.gcp.firestore import FirestoreDocuments
from shared.gcp.images import BucketImages
from shared.gcp.pubsub import Publisher
from shared.gcp.recent import Recent
from shared.ids import new_id
from shared.instants import now
from shared.inward import marked
from shared.settings import load
from shared.web import logs
from shared.web.trust import caller_of, verifier_of
from shared.webapi.cards import AlbumCard, UserCard


@dataclass(frozen=True, slots=True)
class Settings:
    """What is shown of tracks, albums and users may be `card_ttl_s` old."""

    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    images_bucket: str
    service_key: str
    card_ttl_s: float = 10.0


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    project = settings.google_cloud_project
    logs.configure(project)
    database = firestore.client(project)

    def open(path: str, cls: type[Any], what: str) -> Documents[Any]:
        return FirestoreDocuments(database, path, cls, what)

    def recent(path: str, cls: type[Any], what: str) -> Recent[Any]:
        return Recent(open(path, cls, what), ttl_s=settings.card_ttl_s, clock=time.monotonic)

    publish = Publisher(project)
    caller = caller_of(settings)
    http = httpx.AsyncClient(headers=marked(settings.service_key))
    service = Service(
        Neighbours(
            open=open,
            marks=open(MARKS, Mark, "mark"),
            shelf=open(SHELF, Shelved, "playlist"),
            heard=open(HEARD, HeardDocument, "track"),
            folders=open(FOLDERS, FoldersDocument, "folders"),
            projections=Projections(
                open(TRACKS, TrackFacts, "track"),
                recent(TRACKS, TrackFacts, "track"),
                recent(ALBUMS, AlbumCard, "album"),
                recent(USERS, UserCard, "user"),
            ),
            images=BucketImages(storage.bucket(project, settings.images_bucket)),
            publish=publish,
            http=http,
        ),
        writer=new_id()[:8],
        public_url=settings.public_url,
        now=now,
        clock=time.monotonic,
    )
    return service.app(
        caller,
        verifier_of(settings),
        on_stop=[service.settle, publish.stop, http.aclose],
    )
