"""recommendations: what to hear next, and why."""

import os
import time
from dataclasses import dataclass
from random import Random

from fastapi import FastAPI

from functions.recommendations import generations, launching
from functions.recommendations.generations import Run
from functions.recommendations.press import MAX_BODY_BYTES
from functions.recommendations.service import Surroundings, assemble, in_background
from functions.recommendations.shapes import ANSWERS
from functions.recommendations.shelf import reader
from functions.recommendations.store import COLLECTIONS, Store
from shared.gcp import firestore
from shared.gcp.firestore import FirestoreDocuments
from shared.gcp.pubsub import Publisher
from shared.gcp.templates import launcher
from shared.ids import new_id
from shared.instants import now
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.push import subscriptions, tasks
from shared.web.trust import caller_of, verifier_of


@dataclass(frozen=True, slots=True)
class Settings:
    """`fresh_s`: how late an answer may learn of what another instance was told.

    `launch_url` and `launch_recommendations_batch`: where the weekly batch is launched, and with
    which request.
    """

    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    generations_bucket: str
    launch_url: str
    launch_recommendations_batch: str
    fresh_s: float = 2.0


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    project = settings.google_cloud_project
    logs.configure(project)
    database = firestore.client(project)
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
            publish=publish,
            public_url=settings.public_url,
            new_id=new_id,
            now=now,
            clock=time.monotonic,
            random=Random,
            fresh_s=settings.fresh_s,
        )
    )
    caller = caller_of(settings)
    start, stop = in_background(service.keeping)
    return create_app(
        "recommendations",
        *service.routers,
        launching.routes(
            FirestoreDocuments(database, generations.RUNS, Run, "run"),
            launcher(settings.launch_url, settings.launch_recommendations_batch),
            reader(project, settings.generations_bucket),
            now=now,
        ),
        subscriptions(caller, service.handlers),
        tasks(caller, service.tasks),
        answers=ANSWERS,
        verifier=verifier_of(settings),
        max_body_bytes=MAX_BODY_BYTES,
        on_start=[start],
        on_stop=[stop, service.impressions.stop, publish.stop],
    )
