"""rights: licences and deals, what may be played under them, and telling others of changes."""

import os
from dataclasses import dataclass

from fastapi import FastAPI

from functions.rights import api, deals_api, deciding
from functions.rights.intake import Intake
from functions.rights.publication import Publication
from functions.rights.shapes import ANSWERS
from functions.rights.store import store
from functions.rights.takedown import Confirmation
from shared.ddex.reader import MAX_BYTES
from shared.events import TrackChanged
from shared.gcp import firestore
from shared.gcp.pubsub import Publisher
from shared.ids import new_id
from shared.instants import now
from shared.rights.shapes import Shapes
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.push import subscriptions, tasks
from shared.web.trust import caller_of, verifier_of


@dataclass(frozen=True, slots=True)
class Settings:
    """`service_audience` and `push_identity`: what the scheduler's ID tokens must carry.
    `ddex_party_id`: who we are in licensors' messages."""

    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    ddex_party_id: str


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    database = firestore.client(settings.google_cloud_project)
    known = store(lambda *about: firestore.FirestoreDocuments(database, *about))
    publish = Publisher(settings.google_cloud_project)
    publication = Publication(known, publish.many, now=now)
    confirm = Confirmation(settings.public_url)
    caller = caller_of(settings)
    return create_app(
        "rights",
        api.routes(known.licences, publication, confirm, new_id=new_id, now=now),
        deals_api.routes(
            Intake(known, publication, confirm, now=now),
            us=settings.ddex_party_id,
            new_id=new_id,
            now=now,
        ),
        deciding.routes(known.entitlements, Shapes(), now=now),
        subscriptions(caller, {TrackChanged: publication.on_track_changed}),
        tasks(caller, {"republish-licences": publication.sweep}),
        answers=ANSWERS,
        verifier=verifier_of(settings),
        max_body_bytes=MAX_BYTES,
        on_stop=[publish.stop, confirm.stop],
    )
