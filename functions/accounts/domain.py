"""Clients, their secrets and the access tokens they are given. Pure."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.accounts.redirects import check_redirect_uri
from functions.accounts.scopes import OPERATOR_SCOPES, SCOPES, USER_SCOPES
from shared.errors import Forbidden, Invalid

AUDIENCE = "segue"
TOKEN_LIFETIME_S = 3600
PLANS = ("free", "premium")
OPERATOR = "operator"
WEB_PLAYER = "web-player"
MAX_REDIRECT_URIS = 20
_TERRITORY = re.compile(r"[A-Z]{2}")
EVERYTHING = "*"
_OWNED = re.compile(r"\*|(?:label|artist|payee):[^\x00-\x1f\x7f\ud800-\udfff]{1,100}")
MAX_OWNED = 50
"""A token carries them all."""


@dataclass(frozen=True, slots=True)
class Client:
    """An application that may ask for tokens. Only its secret's hash is kept.

    `plan` and `territory` are its own, for tokens in its own name. `public`: it can keep no
    secret, so PKCE is required. `trusted`: it is ours, and nobody is asked for consent.
    `owns`: whose figures it may see in its own name ("label:…", "artist:…", "payee:…", "*").
    """

    client_id: str
    name: str
    secret_sha256: str
    scopes: tuple[str, ...]
    plan: str
    territory: str
    created_at: datetime
    redirect_uris: tuple[str, ...] = ()
    public: bool = False
    trusted: bool = False
    owns: tuple[str, ...] = ()


def hash_secret(secret: str) -> str:
    """SHA-256 in hex. Enough, without salt or stretching, for secrets of 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def new_client(
    client_id: str,
    secret: str | None,
    *,
    name: str,
    scopes: Iterable[str],
    plan: str,
    territory: str,
    at: datetime,
    redirect_uris: Iterable[str] = (),
    owns: Iterable[str] = (),
) -> Client:
    """A client with the hash of `secret`; None makes it a public one.

    Raises:
        Invalid: an unknown scope or plan, a territory that is not two capitals, a redirect URI
            that is unsafe, something to own that is none (code INVALID_OWNERSHIP), or a public
            client with scopes that need a secret.
    """
    wanted = tuple(sorted(set(scopes)))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown:
        raise Invalid(f"unknown scope {unknown[0][:80]!r}", code="INVALID_SCOPE")
    if secret is None and OPERATOR_SCOPES & set(wanted):
        raise Invalid("a public client may act for users only", code="INVALID_SCOPE")
    if plan not in PLANS:
        raise Invalid("plan is free or premium", code="INVALID_PLAN")
    if not _TERRITORY.fullmatch(territory):
        raise Invalid("territory is an ISO 3166-1 alpha-2 code", code="INVALID_TERRITORY")
    uris = tuple(dict.fromkeys(check_redirect_uri(uri) for uri in redirect_uris))
    hashed = "" if secret is None else hash_secret(secret)
    owned = tuple(sorted(set(owns)))
    if len(owned) > MAX_OWNED or not all(_OWNED.fullmatch(it) for it in owned):
        raise Invalid(
            f'owns is up to {MAX_OWNED} of "label:…", "artist:…", "payee:…"',
            code="INVALID_OWNERSHIP",
        )
    return Client(
        client_id,
        name,
        hashed,
        wanted,
        plan,
        territory,
        at,
        uris,
        public=secret is None,
        owns=owned,
    )


def web_player(public_url: str, territory: str, at: datetime) -> Client:
    """The player page: a public client of ours that comes with every deployment."""
    return Client(
        WEB_PLAYER,
        "Segue",
        "",
        tuple(sorted(USER_SCOPES)),
        "free",
        territory,
        at,
        (f"{public_url}/",),
        public=True,
        trusted=True,
    )


def may_delegate(held: frozenset[str], wanted: Iterable[str]) -> None:
    """Let nobody make a client that may do more than they may themselves.

    Raises:
        Forbidden: code INSUFFICIENT_SCOPE.
    """
    missing = sorted(set(wanted) - held)
    if missing:
        raise Forbidden(f"you do not hold {missing[0]}", code="INSUFFICIENT_SCOPE")


def may_share(held: frozenset[str], wanted: Iterable[str]) -> None:
    """Let nobody make a client that sees more figures than they may themselves.

    Raises:
        Forbidden: code NOT_YOURS.
    """
    missing = sorted(set(wanted) - held)
    if missing and EVERYTHING not in held:
        raise Forbidden(f"{missing[0]} is not yours to share", code="NOT_YOURS")


def proves(client: Client | None, secret: str) -> bool:
    """Whether `secret` is the client's. Takes the same time whatever is wrong."""
    expected = client.secret_sha256 if client and not client.public else "0" * 64
    return hmac.compare_digest(expected, hash_secret(secret)) and client is not None


def granted_scopes(client: Client, asked: str | None) -> tuple[str, ...]:
    """What of `asked` (space separated; None: everything) the client gets in its own name.

    Raises:
        Invalid: a scope that the client does not have (code invalid_scope, RFC 6749 §5.2).
    """
    if asked is None:
        return client.scopes
    wanted = tuple(dict.fromkeys(asked.split()))
    for scope in wanted:
        if scope not in client.scopes:
            raise Invalid("a scope is unknown or not yours", code="invalid_scope")
    return wanted or client.scopes


def consentable_scopes(client: Client, asked: str | None) -> tuple[str, ...] | None:
    """What of `asked` a user may allow the client: none when nothing is asked for.

    None: a scope is unknown, not the client's, or nothing that a user could give.
    """
    wanted = tuple(dict.fromkeys((asked or "").split()))
    if all(scope in USER_SCOPES and scope in client.scopes for scope in wanted):
        return wanted
    return None


def access_claims(
    client: Client, scopes: Iterable[str], *, issuer: str, token_id: str, at: datetime
) -> dict[str, Any]:
    """The claims of an access token for the client itself (RFC 9068 §2.2)."""
    issued_at = int(at.timestamp())
    return {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": client.client_id,
        "client_id": client.client_id,
        "iat": issued_at,
        "exp": issued_at + TOKEN_LIFETIME_S,
        "jti": token_id,
        "scope": " ".join(scopes),
        "plan": client.plan,
        "territory": client.territory,
        **({"owns": list(client.owns)} if client.owns else {}),
    }
