"""Whom a service believes, from its settings: whose access tokens, and whose pushes."""

from typing import Protocol

from shared.web.jwks import RemoteKeys
from shared.web.principal import Verifier
from shared.web.push import Caller


class Issued(Protocol):
    """Settings of a service that people and applications ask."""

    @property
    def jwks_url(self) -> str: ...
    @property
    def public_url(self) -> str: ...


class Pushed(Protocol):
    """Settings of a service that Pub/Sub or the scheduler pushes to."""

    @property
    def oidc_certs_url(self) -> str: ...
    @property
    def service_audience(self) -> str: ...
    @property
    def push_identity(self) -> str: ...


def verifier_of(settings: Issued) -> Verifier:
    """Checks the access tokens that accounts signed, by the keys it serves."""
    return Verifier(RemoteKeys(settings.jwks_url, "ES256"), settings.public_url)


def caller_of(settings: Pushed) -> Caller:
    """Checks that a push comes from the service account that pushes to this service."""
    keys = RemoteKeys(settings.oidc_certs_url, "RS256")
    return Caller(keys, settings.service_audience, settings.push_identity)
