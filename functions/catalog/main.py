"""catalog: uploads and tracks."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI

from functions.catalog import api
from functions.catalog.domain import AudioOwner, Master, Track
from functions.catalog.masters import BucketMasters
from functions.catalog.publication import Publication
from functions.catalog.store import AUDIO_OWNERS, MASTERS, TRACKS, UPLOADS, Store
from functions.catalog.subscriptions import handlers
from functions.catalog.sweep import Sweep
from functions.catalog.uploads import Upload
from shared.gcp import storage
from shared.gcp.firestore import FirestoreDocuments, client
from shared.gcp.pubsub import Publisher
from shared.ids import new_id
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.jwks import RemoteKeys
from shared.web.principal import Verifier
from shared.web.push import Caller, subscriptions, tasks


@dataclass(frozen=True, slots=True)
class Settings:
    """`stuck_after_s`: how long transcoding may take before it is started again."""

    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    masters_bucket: str
    max_upload_bytes: int = 2 << 30
    stuck_after_s: int = 1800


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    project = settings.google_cloud_project
    logs.configure(project)
    database = client(project)
    store = Store(
        FirestoreDocuments(database, UPLOADS, Upload, "upload"),
        FirestoreDocuments(database, TRACKS, Track, "track"),
        FirestoreDocuments(database, AUDIO_OWNERS, AudioOwner, "audio_owner"),
        FirestoreDocuments(database, MASTERS, Master, "master"),
    )
    masters = BucketMasters(storage.bucket(project, settings.masters_bucket))
    publish = Publisher(project)
    publication = Publication(store, publish, now=_now)
    stuck_after = timedelta(seconds=settings.stuck_after_s)
    sweep = Sweep(store, masters, publication, stuck_after=stuck_after, now=_now)
    caller = Caller(
        RemoteKeys(settings.oidc_certs_url, "RS256"),
        settings.service_audience,
        settings.push_identity,
    )
    return create_app(
        "catalog",
        api.routes(
            store,
            masters,
            settings.public_url,
            max_upload_bytes=settings.max_upload_bytes,
            stuck_after=stuck_after,
            new_id=new_id,
            now=_now,
        ),
        subscriptions(caller, handlers(store, publication, now=_now)),
        tasks(caller, {"sweep-uploads": sweep.run}),
        verifier=Verifier(RemoteKeys(settings.jwks_url, "ES256"), settings.public_url),
        on_stop=[publish.stop],
    )


def _now() -> datetime:
    return datetime.now(UTC)
