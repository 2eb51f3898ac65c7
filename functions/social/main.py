"""social: whom people follow and block, what friends do, and listening together."""

import os
from dataclasses import dataclass

from fastapi import FastAPI

from functions.social import service
from shared.gcp import firestore
from shared.gcp.firestore import FirestoreDocuments
from shared.gcp.pubsub import Publisher
from shared.ids import new_id
from shared.instants import now
from shared.settings import load
from shared.web import logs
from shared.web.trust import caller_of, verifier_of


@dataclass(frozen=True, slots=True)
class Settings:
    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    database = firestore.client(settings.google_cloud_project)
    publish = Publisher(settings.google_cloud_project)
    made = service.parts(
        lambda name, cls, what: FirestoreDocuments(database, name, cls, what),
        publish,
        now=now,
        new_id=new_id,
    )
    caller = caller_of(settings)
    verifier = verifier_of(settings)
    return service.app(
        made,
        caller,
        verifier,
        settings.public_url,
        now=now,
        new_id=new_id,
        on_stop=(publish.stop,),
    )
