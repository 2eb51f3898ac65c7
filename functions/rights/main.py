"""rights: licences, and telling others of every change."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI

from functions.rights import api
from functions.rights.domain import Licence
from functions.rights.publication import Publication
from functions.rights.shapes import ANSWERS
from functions.rights.store import COLLECTION, Licences
from shared.gcp import firestore
from shared.gcp.pubsub import Publisher
from shared.ids import new_id
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.jwks import RemoteKeys
from shared.web.principal import Verifier
from shared.web.push import Caller, tasks


@dataclass(frozen=True, slots=True)
class Settings:
    """`service_audience` and `push_identity`: what the scheduler's ID tokens must carry."""

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
    licences = Licences(firestore.FirestoreDocuments(database, COLLECTION, Licence, "licence"))
    publish = Publisher(settings.google_cloud_project)
    publication = Publication(licences, publish, now=_now)
    caller = Caller(
        RemoteKeys(settings.oidc_certs_url, "RS256"),
        settings.service_audience,
        settings.push_identity,
    )
    return create_app(
        "rights",
        api.routes(licences, publication, new_id=new_id, now=_now),
        tasks(caller, {"republish-licences": publication.sweep}),
        answers=ANSWERS,
        verifier=Verifier(RemoteKeys(settings.jwks_url, "ES256"), settings.public_url),
        on_stop=[publish.stop],
    )


def _now() -> datetime:
    return datetime.now(UTC)
