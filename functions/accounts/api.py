"""The token endpoint, the public keys, and the registration of clients."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from functions.accounts import domain
from functions.accounts.credentials import BadCredentials, TokenRequest, parse
from functions.accounts.limiter import Limiter
from functions.accounts.signing import Signer
from functions.accounts.store import Clients
from shared.errors import Invalid
from shared.web.answers import answer
from shared.web.principal import Principal, requires

MayRegister = Annotated[Principal, Depends(requires("accounts:write"))]
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


class NewClient(BaseModel):
    """A client to register."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
    scopes: list[Annotated[str, Field(max_length=100)]] = Field(max_length=50)
    plan: str = Field(default="free", max_length=20)
    territory: str = Field(max_length=2)


def routes(
    clients: Clients,
    signer: Signer,
    issuer: str,
    *,
    new_id: Callable[[], str],
    new_secret: Callable[[], str],
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> APIRouter:
    """OAuth's endpoints and `/v1/clients`."""
    router = APIRouter()
    by_address = Limiter(burst=100, per_s=20)
    failures = Limiter(burst=10, per_s=0.2)

    async def authenticated(asked: TokenRequest, address: str) -> domain.Client:
        # Failures count per client *and* address: nobody can lock another one's client out.
        key = f"{asked.client_id[:64]} {address}"
        if failures.is_empty(key, time.monotonic()):
            raise _TooManyRequests
        client = await clients.find(asked.client_id)
        if not domain.proves(client, asked.client_secret) or client is None:
            failures.take(key, time.monotonic())
            raise BadCredentials("unknown client or wrong secret")
        return client

    @router.post("/api/token")
    async def token(request: Request) -> Response:
        try:
            address = address_of(request)
            if not by_address.take(address, time.monotonic()):
                raise _TooManyRequests
            asked = parse(
                request.headers.get("authorization"),
                request.headers.get("content-type", ""),
                await request.body(),
            )
            client = await authenticated(asked, address)
            if asked.grant_type != "client_credentials":
                raise Invalid("only client_credentials", code="unsupported_grant_type")
            scopes = domain.granted_scopes(client, asked.scope)
        except _TooManyRequests:
            return _oauth_error(429, "slow_down", "too many requests", {"retry-after": "5"})
        except BadCredentials as error:
            challenge = {"www-authenticate": 'Basic realm="segue"'}
            return _oauth_error(401, error.code, error.message, challenge)
        except Invalid as error:
            return _oauth_error(400, error.code, error.message, {})
        claims = domain.access_claims(client, scopes, issuer=issuer, token_id=new_id(), at=now())
        return answer(
            {
                "access_token": signer.sign(claims),
                "token_type": "Bearer",
                "expires_in": domain.TOKEN_LIFETIME_S,
                "scope": claims["scope"],
            },
            headers=_NO_STORE,
        )

    @router.get("/oauth/jwks.json")
    async def jwks() -> Response:
        return answer(signer.jwks(), headers={"cache-control": "public, max-age=300"})

    @router.post("/v1/clients")
    async def register(asked: NewClient, principal: MayRegister) -> Response:
        secret = new_secret()
        client = domain.new_client(
            new_id(),
            secret,
            name=asked.name,
            scopes=asked.scopes,
            plan=asked.plan,
            territory=asked.territory,
            at=now(),
        )
        domain.may_delegate(principal.scopes, client.scopes)
        await clients.create(client)
        body = {"client_id": client.client_id, "client_secret": secret}
        return answer(body, 201, _NO_STORE)

    return router


class _TooManyRequests(Exception):
    """A bucket is empty."""


def address_of(request: Request) -> str:
    """The caller's address. Google's load balancer appends "client, balancer" to the header."""
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")]
    if forwarded[-1]:
        return forwarded[-2] if len(forwarded) > 1 else forwarded[-1]
    return request.client.host if request.client else ""


def _oauth_error(status: int, error: str, description: str, headers: dict[str, str]) -> Response:
    body = {"error": error, "error_description": description}
    return answer(body, status, {**_NO_STORE, **headers})
