"""playback: grants plays and signs what they open."""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI

from functions.playback import api
from functions.playback.authority import RemoteRights
from functions.playback.decisions import Decisions
from functions.playback.domain import Playable
from functions.playback.history import History
from functions.playback.shapes import ANSWERS
from functions.playback.store import HISTORIES, PLAYABLES, Histories, Playables
from functions.playback.subscriptions import handlers
from shared.cdn import SigningKey
from shared.gcp import firestore
from shared.ids import new_id
from shared.rights.table import Table
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.jwks import RemoteKeys
from shared.web.principal import Verifier
from shared.web.push import Caller, subscriptions


@dataclass(frozen=True, slots=True)
class Settings:
    """`cdn_signing_key`: 16 bytes in base64url. A grant lasts `grant_ttl_s`, a cached
    document `playable_ttl_s`: within that after its acknowledgement a takedown ends new plays."""

    google_cloud_project: str
    public_url: str
    jwks_url: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    cdn_key_name: str
    cdn_signing_key: str
    grant_ttl_s: int = 3600
    playable_ttl_s: float = 4.0


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    database = firestore.client(settings.google_cloud_project)
    playables = Playables(
        firestore.FirestoreDocuments(database, PLAYABLES, Playable, "track"),
        ttl_s=settings.playable_ttl_s,
        clock=time.monotonic,
    )
    histories = Histories(firestore.FirestoreDocuments(database, HISTORIES, History, "history"))
    authority = RemoteRights(settings.public_url)
    caller = Caller(
        RemoteKeys(settings.oidc_certs_url, "RS256"),
        settings.service_audience,
        settings.push_identity,
    )
    return create_app(
        "playback",
        api.routes(
            playables,
            Decisions(playables, Table(), authority),
            histories,
            SigningKey.parse(settings.cdn_key_name, settings.cdn_signing_key),
            settings.public_url,
            lifetime=timedelta(seconds=settings.grant_ttl_s),
            new_id=new_id,
            now=lambda: datetime.now(UTC),
        ),
        subscriptions(caller, handlers(playables, histories)),
        answers=ANSWERS,
        verifier=Verifier(RemoteKeys(settings.jwks_url, "ES256"), settings.public_url),
        on_stop=[authority.stop],
    )
