"""accounts: users, plans and devices; the authorization server and its pages."""

import logging
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
    mailbox_pages,
    oauth,
    sign_in,
)
from functions.accounts.accounts import Accounts
from functions.accounts.app_access import AppAccess
from functions.accounts.app_passwords import Seal
from functions.accounts.attempts import Throttle
from functions.accounts.browser import Pages
from functions.accounts.introspection import Introspection
from functions.accounts.mail import Mail, NoMail
from functions.accounts.mailboxes import Mailboxes
from functions.accounts.outbox import Outbox, Postman
from functions.accounts.passwords import Passwords
from functions.accounts.publication import Publication
from functions.accounts.shapes import ANSWERS
from functions.accounts.signing import Signer
from functions.accounts.smtp import Relay, SmtpMail
from functions.accounts.store import OpenCollection, Store
from functions.accounts.surroundings import Surroundings
from functions.accounts.tokens import Tokens
from shared.events import MailQueued, UserChanged
from shared.gcp import firestore
from shared.gcp.pubsub import Publisher
from shared.inward import marked
from shared.settings import load
from shared.web import logs
from shared.web.app import create_app
from shared.web.keys import StaticKeys
from shared.web.principal import Verifier
from shared.web.push import Caller, subscriptions, tasks
from shared.web.trust import caller_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """`jwt_signing_key`: PEM, EC P-256, private. `jwt_other_key`: the other live one, public, or
    empty. `bootstrap_client_secret`: the operator's. `billing_webhook_secret`: the provider's.
    `app_password_key`: 256 bits in base64url, or several with commas, the newest first.
    `smtp_host` empty: no mail is sent, and pages say so. The rest of mail: `smtp.Relay`."""

    google_cloud_project: str
    public_url: str
    jwt_signing_key: str
    jwt_other_key: str
    bootstrap_client_secret: str
    billing_webhook_secret: str
    app_password_key: str
    service_key: str
    default_territory: str
    oidc_certs_url: str
    service_audience: str
    push_identity: str
    smtp_host: str
    smtp_port: int
    smtp_security: str
    smtp_username: str
    smtp_password: str
    mail_from: str


def create() -> FastAPI:
    """The app, from the environment."""
    settings = load(Settings, os.environ)
    logs.configure(settings.google_cloud_project)
    database = firestore.client(settings.google_cloud_project)
    publish = Publisher(settings.google_cloud_project)

    def collection(name: str, cls: type, what: str) -> firestore.FirestoreDocuments:
        return firestore.FirestoreDocuments(database, name, cls, what)

    caller = caller_of(settings)
    return build(
        settings,
        collection,
        publish,
        Surroundings(settings.public_url),
        caller,
        _mail(settings),
        on_stop=[publish.stop],
    )


def build(
    settings: Settings,
    collection: OpenCollection,
    publish: Callable[[UserChanged | MailQueued], Awaitable[None]],
    around: Surroundings,
    caller: Caller,
    mail: Mail,
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
    outbox = Outbox(store.errands, publish, around, is_on=mail.is_on)
    accounts = Accounts(store, passwords, throttle, publication, outbox, around)
    mailboxes = Mailboxes(store, passwords, throttle, outbox, around)
    postman = Postman(store.errands, mailboxes.write, mail, around)
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
        account_page.routes(pages, accounts, mailboxes, access, around),
        mailbox_pages.routes(pages, mailboxes),
        app_access.routes(access),
        api.operator_routes(store, accounts, around),
        api.routes(store, accounts, introspection, around),
        api.app_password_routes(store, access, introspection),
        billing.routes(store, accounts, settings.billing_webhook_secret, around),
        forwarding.routes(
            httpx.AsyncClient(headers=marked(settings.service_key)), settings.public_url
        ),
        subscriptions(caller, {MailQueued: postman.on_mail_queued}),
        tasks(caller, {"republish-users": publication.sweep, "send-mail": postman.sweep}),
        # The tokens it checks are its own: no fetch from itself.
        answers=ANSWERS,
        verifier=Verifier(
            StaticKeys(signer.live), settings.public_url, clock=lambda: around.now().timestamp()
        ),
        on_stop=[passwords.stop, *on_stop],
    )


def _mail(settings: Settings) -> Mail:
    if not settings.smtp_host:
        log.warning("no mail relay is configured: no mail is sent (segue:smtpHost)")
        return NoMail()
    return SmtpMail(
        Relay(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            settings.smtp_username,
            settings.smtp_password,
            settings.mail_from,
        )
    )
