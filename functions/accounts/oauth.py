"""OAuth's endpoints for clients: tokens, revocation, introspection, devices, metadata, keys."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from functions.accounts import codes, domain
from functions.accounts.codes import DeviceCode, UserCode
from functions.accounts.credentials import BadCredentials, ClientRequest, parse
from functions.accounts.domain import Client, hash_secret
from functions.accounts.introspection import Introspection
from functions.accounts.limiter import Limiter
from functions.accounts.protocol import GRANT_TYPES, OAuthRefused
from functions.accounts.scopes import SCOPES
from functions.accounts.signing import Signer
from functions.accounts.store import Store
from functions.accounts.surroundings import Surroundings, address_of
from functions.accounts.tokens import Tokens
from shared.errors import Conflict, Invalid
from shared.web.answers import answer

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
_CHALLENGE = {"www-authenticate": 'Basic realm="segue"'}
Work = Callable[[Client, ClientRequest, str], Awaitable[Any]]


class _TooManyRequests(Exception):
    """A bucket is empty."""


class ClientEndpoint:
    """What endpoints for clients share: limits, authentication, errors in OAuth's shape."""

    def __init__(self, store: Store) -> None:
        self._clients = store.clients
        self._by_address = Limiter(burst=100, per_s=20)
        self._failures = Limiter(burst=10, per_s=0.2)

    async def serve(self, request: Request, work: Work) -> Response:
        """Answer with what `work` gives for the authenticated client."""
        try:
            address = address_of(request)
            if not self._by_address.take(address, time.monotonic()):
                raise _TooManyRequests
            asked = parse(
                request.headers.get("authorization"),
                request.headers.get("content-type", ""),
                await request.body(),
            )
            client = await self._authenticated(asked, address)
            return answer(await work(client, asked, address), headers=NO_STORE)
        except _TooManyRequests:
            return _error(429, "slow_down", "too many requests", {"retry-after": "5"})
        except BadCredentials as error:
            return _error(401, error.code, error.message, _CHALLENGE)
        except Invalid as error:
            return _error(400, error.code, error.message, {})
        except OAuthRefused as error:
            headers = _CHALLENGE if error.status == 401 else {}
            return _error(error.status, error.error, error.description, headers)

    async def _authenticated(self, asked: ClientRequest, address: str) -> Client:
        # Failures count per client *and* address: nobody can lock another one's client out.
        key = f"{asked.client_id[:64]} {address}"
        if self._failures.is_empty(key, time.monotonic()):
            raise _TooManyRequests
        client = await self._clients.find(asked.client_id)
        if asked.client_secret is None:
            proven = client is not None and client.public
        else:
            proven = domain.proves(client, asked.client_secret) and not (client and client.public)
        if client is None or not proven:
            self._failures.take(key, time.monotonic())
            raise BadCredentials("unknown client, or a wrong or missing secret")
        return client


def routes(
    endpoint: ClientEndpoint,
    store: Store,
    signer: Signer,
    tokens: Tokens,
    introspection: Introspection,
    around: Surroundings,
) -> APIRouter:
    """`/api/token`, `/oauth/*` for clients, and the metadata."""
    router = APIRouter()

    async def exchange(client: Client, asked: ClientRequest, address: str) -> dict[str, Any]:
        method = "none" if asked.client_secret is None else "client_secret_basic"
        return await tokens.exchange(client, asked.form, method, address)

    async def start_device(client: Client, asked: ClientRequest, address: str) -> dict[str, Any]:
        scopes = domain.consentable_scopes(client, asked.form.get("scope"))
        if scopes is None:
            raise OAuthRefused("invalid_scope", "a scope is unknown or not yours")
        if client.client_id == domain.OPERATOR:
            raise OAuthRefused("unauthorized_client", "this client acts in its own name only")
        return await new_device_code(store, client, scopes, around)

    async def revoke(client: Client, asked: ClientRequest, address: str) -> dict[str, Any]:
        await introspection.revoke(client, asked.form)
        return {}

    async def introspect(client: Client, asked: ClientRequest, address: str) -> dict[str, Any]:
        if client.public:
            raise BadCredentials("introspection needs a client that proves itself")
        return await introspection.payload(client, asked.form)

    @router.post("/api/token")
    async def token(request: Request) -> Response:
        return await endpoint.serve(request, exchange)

    @router.post("/oauth/revoke")
    async def revocation(request: Request) -> Response:
        return await endpoint.serve(request, revoke)

    @router.post("/oauth/introspect")
    async def introspected(request: Request) -> Response:
        return await endpoint.serve(request, introspect)

    @router.post("/oauth/device_authorization")
    async def device_authorization(request: Request) -> Response:
        return await endpoint.serve(request, start_device)

    @router.get("/oauth/jwks.json")
    async def jwks() -> Response:
        return answer(signer.jwks(), headers={"cache-control": "public, max-age=300"})

    @router.get("/.well-known/oauth-authorization-server")
    async def metadata() -> Response:
        return answer(metadata_of(around.issuer), headers={"cache-control": "public, max-age=300"})

    return router


async def new_device_code(
    store: Store, client: Client, scopes: tuple[str, ...], around: Surroundings
) -> dict[str, Any]:
    """A device authorization response (RFC 8628 §3.2)."""
    now, device_code = around.now(), around.new_secret()
    expires_at = now + codes.DEVICE_LIFETIME
    key = hash_secret(device_code)
    for _ in range(5):
        user_code = around.new_user_code()
        fresh = UserCode(key, expires_at)

        def claim(found: UserCode | None, fresh: UserCode = fresh) -> UserCode | None:
            # TTL deletion may be a day late: what has expired is free.
            return fresh if found is None or found.expires_at <= now else None

        if await store.user_codes.update(user_code, claim) == fresh:
            break
    else:
        raise Conflict("no free user code", code="ALREADY_EXISTS")
    polled_at = now - codes.timedelta(seconds=codes.POLL_INTERVAL_S)
    device = DeviceCode(user_code, client.client_id, client.name, scopes, expires_at, polled_at)
    await store.device_codes.create(key, device)
    shown = codes.show_user_code(user_code)
    return {
        "device_code": device_code,
        "user_code": shown,
        "verification_uri": f"{around.issuer}/device",
        "verification_uri_complete": f"{around.issuer}/device?user_code={shown}",
        "expires_in": int(codes.DEVICE_LIFETIME.total_seconds()),
        "interval": codes.POLL_INTERVAL_S,
    }


def metadata_of(issuer: str) -> dict[str, Any]:
    """The authorization server's metadata (RFC 8414 §2)."""
    secret = ["client_secret_basic", "client_secret_post"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/api/token",
        "jwks_uri": f"{issuer}/oauth/jwks.json",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "device_authorization_endpoint": f"{issuer}/oauth/device_authorization",
        "scopes_supported": sorted(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "token_endpoint_auth_methods_supported": [*secret, "none"],
        "revocation_endpoint_auth_methods_supported": [*secret, "none"],
        "introspection_endpoint_auth_methods_supported": secret,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["en"],
    }


def _error(status: int, error: str, description: str, headers: dict[str, str]) -> Response:
    body = {"error": error, "error_description": description}
    return answer(body, status, {**NO_STORE, **headers})
