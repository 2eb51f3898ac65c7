"""catalog: uploads, tracks, albums, artists, works, lyrics."""

import os
import time
from dataclasses import dataclass
from datetime import timedelta

from fastapi import FastAPI

from functions.catalog.masters import BucketMasters
from functions.catalog.service import MAX_BODY_BYTES, Surroundings, assemble
from functions.catalog.shapes import ANSWERS
from functions.catalog.store import COLLECTIONS, Store
from shared.gcp import storage
from shared.gcp.firestore import FirestoreDocuments, client
from shared.gcp.images import BucketImages
from shared.gcp.pubsub import Publisher
from shared.ids import new_id
from shared.instants import now
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.push import subscriptions, tasks
from shared.web.trust import caller_of, verifier_of


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
    images_bucket: str
    max_upload_bytes: int = 2 << 30
    stuck_after_s: int = 1800


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    project = settings.google_cloud_project
    logs.configure(project)
    database = client(project)
    store = Store(
        **{
            field: FirestoreDocuments(database, collection, cls, what)
            for field, (collection, cls, what) in COLLECTIONS.items()
        }
    )
    publish = Publisher(project)
    service = assemble(
        Surroundings(
            store=store,
            masters=BucketMasters(storage.bucket(project, settings.masters_bucket)),
            images=BucketImages(storage.bucket(project, settings.images_bucket)),
            publish=publish,
            publish_many=publish.many,
            public_url=settings.public_url,
            new_id=new_id,
            now=now,
            clock=time.monotonic,
            max_upload_bytes=settings.max_upload_bytes,
            stuck_after=timedelta(seconds=settings.stuck_after_s),
        )
    )
    caller = caller_of(settings)
    return create_app(
        "catalog",
        *service.routers,
        subscriptions(caller, service.handlers),
        tasks(caller, service.tasks),
        answers=ANSWERS,
        verifier=verifier_of(settings),
        max_body_bytes=MAX_BODY_BYTES,
        on_stop=[publish.stop],
    )
