"""accounts: the authorization server, so far with client credentials only."""

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI

from functions.accounts import api, domain
from functions.accounts.signing import Signer
from functions.accounts.store import COLLECTION, Clients
from shared.gcp import firestore
from shared.ids import new_id
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.keys import StaticKeys
from shared.web.principal import Verifier


@dataclass(frozen=True, slots=True)
class Settings:
    """`jwt_signing_key`: PEM, EC P-256. `bootstrap_client_secret`: the operator's."""

    google_cloud_project: str
    public_url: str
    jwt_signing_key: str
    bootstrap_client_secret: str
    default_territory: str


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    operator = domain.new_client(
        domain.OPERATOR,
        settings.bootstrap_client_secret,
        name="Operator",
        scopes=domain.SCOPES,
        plan="premium",
        territory=settings.default_territory,
        at=datetime.now(UTC),
    )
    database = firestore.client(settings.google_cloud_project)
    documents = firestore.FirestoreDocuments(database, COLLECTION, domain.Client, "client")
    signer = Signer.from_pem(settings.jwt_signing_key)
    router = api.routes(
        Clients(documents, operator),
        signer,
        settings.public_url,
        new_id=new_id,
        new_secret=lambda: secrets.token_urlsafe(32),
    )
    # The tokens it checks are its own: no fetch from itself.
    verifier = Verifier(StaticKeys({signer.kid: signer.key}), settings.public_url)
    return create_app("accounts", router, verifier=verifier)
