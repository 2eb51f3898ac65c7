"""subsonic: OpenSubsonic's API, for its clients, over Segue's own."""

import os
from dataclasses import dataclass

from fastapi import FastAPI

from functions.subsonic import api, kept
from functions.subsonic.collection import Collections
from functions.subsonic.kept import Keeping, Kept
from functions.subsonic.shapes import ANSWERS
from functions.subsonic.sign_in import SignIn
from functions.subsonic.upstream import Upstream
from shared.events import UserChanged
from shared.gcp import firestore
from shared.instants import now
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.push import Caller, subscriptions
from shared.web.trust import caller_of


@dataclass(frozen=True, slots=True)
class Settings:
    """`public_url` is where all of Segue answers."""

    google_cloud_project: str
    public_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    service_key: str


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    database = firestore.client(settings.google_cloud_project)
    caller = caller_of(settings)
    keeping = Keeping(firestore.FirestoreDocuments(database, kept.COLLECTION, Kept, "kept"))
    return build(Upstream(settings.public_url, settings.service_key), keeping, caller)


def build(upstream: Upstream, keeping: Keeping, caller: Caller) -> FastAPI:
    """The app over what it asks and keeps."""

    async def on_user_changed(event: UserChanged) -> None:
        if event.removed:
            await keeping.forget(event.user_id)

    return create_app(
        "subsonic",
        api.routes(upstream, SignIn(upstream), Collections(), keeping, now=now),
        subscriptions(caller, {UserChanged: on_user_changed}),
        answers=ANSWERS,
        on_stop=[upstream.stop],
    )
