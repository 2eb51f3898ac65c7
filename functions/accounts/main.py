"""accounts: users, plans and devices; the authorization server and its pages."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from functions.accounts import (
    account_page,
    api,
    app_access,
    authorize,
    billing,
    devices,
    domain,
    forwarding,
    oauth,
    sign_in,
)
from functions.accounts.accounts import Accounts
from functions.accounts.app_access import AppAccess
from functions.accounts.app_passwords import Seal
from functions.accounts.attempts import Throttle
from functions.accounts.browser import Pages
from functions.accounts.introspection import Introspection
from functions.accounts.passwords import Passwords
from functions.accounts.publication import Publication
from functions.accounts.shapes import ANSWERS
from functions.accounts.signing import Signer
from functions.accounts.store import OpenCollection, Store
from functions.accounts.surroundings import Surroundings
from functions.accounts.tokens import Tokens
from shared.events import UserChanged
from shared.gcp import firestore
from shared.gcp.pubsub import Publisher
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.jwks import RemoteKeys
from shared.web.keys import StaticKeys
from shared.web.principal import Verifier
from shared.web.push import Caller, tasks


@dataclass(frozen=True, slots=True)
class Settings:
    """`jwt_signing_key`: PEM, EC P-256, private. `jwt_other_key`: the other live one, public, or
    empty. `bootstrap_client_secret`: the operator's. `billing_webhook_secret`: the provider's.
    `app_password_key`: 256 bits in base64url, or several with commas, the newest first."""

    google_cloud_project: str
    public_url: str
    jwt_signing_key: str
    jwt_other_key: str
    bootstrap_client_secret: str
    billing_webhook_secret: str
    app_password_key: str
    default_territory: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    database = firestore.client(settings.google_cloud_project)
    publish = Publisher(settings.google_cloud_project)

    def collection(name: str, cls: type, what: str) -> firestore.FirestoreDocuments:
        return firestore.FirestoreDocuments(database, name, cls, what)

    caller = Caller(
        RemoteKeys(settings.oidc_certs_url, "RS256"),
        settings.service_audience,
        settings.push_identity,
    )
    return build(
        settings,
        collection,
        publish,
        Surroundings(settings.public_url),
        caller,
        on_stop=[publish.stop],
    )


def build(
    settings: Settings,
    collection: OpenCollection,
    publish: Callable[[UserChanged], Awaitable[None]],
    around: Surroundings,
    caller: Caller,
    *,
    on_stop: list[Callable[[], Awaitable[None]]],
) -> FastAPI:
    """The app over collections that `collection` opens."""
    operator = domain.new_client(
        domain.OPERATOR,
        settings.bootstrap_client_secret,
        name="Operator",
        scopes=domain.SCOPES,
        plan="premium",
        territory=settings.default_territory,
        at=around.now(),
        owns=(domain.EVERYTHING,),
    )
    player = domain.web_player(settings.public_url, settings.default_territory, around.now())
    store = Store.open(collection, around.now, operator, player)
    signer = Signer.from_pem(settings.jwt_signing_key, settings.jwt_other_key)
    passwords = Passwords()
    throttle = Throttle(store.attempts, now=around.now)
    publication = Publication(store.users, publish, now=around.now)
    accounts = Accounts(store, passwords, throttle, publication, around)
    tokens = Tokens(store, signer, around)
    introspection = Introspection(store, signer, around)
    access = AppAccess(store, Seal.parse(settings.app_password_key), signer, around)
    pages = Pages(store, around)
    return create_app(
        "accounts",
        oauth.routes(oauth.ClientEndpoint(store), store, signer, tokens, introspection, around),
        authorize.routes(pages, accounts, store, around),
        sign_in.routes(pages, accounts, store.clients, settings.default_territory),
        devices.routes(pages, store, throttle, around),
        account_page.routes(pages, accounts, access, around),
        app_access.routes(access),
        api.operator_routes(store, accounts, around),
        api.routes(store, accounts, introspection, around),
        api.app_password_routes(store, access, introspection),
        billing.routes(store, accounts, settings.billing_webhook_secret, around),
        forwarding.routes(httpx.AsyncClient(), settings.public_url),
        tasks(caller, {"republish-users": publication.sweep}),
        # The tokens it checks are its own: no fetch from itself.
        answers=ANSWERS,
        verifier=Verifier(
            StaticKeys(signer.live), settings.public_url, clock=lambda: around.now().timestamp()
        ),
        on_stop=[passwords.stop, *on_stop],
    )
