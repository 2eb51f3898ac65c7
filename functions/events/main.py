"""events: collects what clients report and publishes it."""

import os
from dataclasses import dataclass

from fastapi import FastAPI

from functions.events import api
from functions.events.shapes import ANSWERS
from shared.gcp.pubsub import Publisher
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.trust import verifier_of


@dataclass(frozen=True, slots=True)
class Settings:
    """`public_url`: the issuer of access tokens; `jwks_url`: its public keys."""

    google_cloud_project: str
    public_url: str
    jwks_url: str


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    publish = Publisher(settings.google_cloud_project)
    verifier = verifier_of(settings)
    return create_app(
        "events",
        api.routes(publish),
        answers=ANSWERS,
        verifier=verifier,
        on_stop=[publish.stop],
    )
