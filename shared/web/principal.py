"""Who asks: the bearer of an access token, checked here without asking anyone.

The token is a JWT signed with ES256 by accounts: `iss` the public URL, `aud` "segue", `sub`,
`exp`, `client_id`, `scope` (space separated), `plan`, `territory` (RFC 9068 in spirit); users'
tokens also name their `product`.
"""

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from shared.errors import Forbidden, Unauthenticated
from shared.web.keys import Keys, verified_claims

AUDIENCE = "segue"
PLANS = frozenset({"free", "premium"})
MAX_CACHED = 20_000
_TERRITORY = re.compile(r"[A-Z]{2}")
_SUBJECT = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class Principal:
    """A user (or a client on its own behalf). `expires_at` in Unix seconds; `owns`: whose figures
    it may see; `product` the plan by its own name ("family"), where `plan` is what it entitles to.
    """

    user_id: str
    client_id: str
    scopes: frozenset[str]
    plan: str
    territory: str
    expires_at: float
    owns: frozenset[str] = frozenset()
    product: str = "free"

    @property
    def is_person(self) -> bool:
        """Whether a user asks; else an application in its own name."""
        return self.user_id != self.client_id

    def may_see(self, *things: str) -> bool:
        """Whether figures of one of `things` ("label:…", "artist:…", "payee:…") are its own."""
        return "*" in self.owns or not self.owns.isdisjoint(things)


class Verifier:
    """Turns access tokens into principals; remembers verified ones until they expire."""

    def __init__(self, keys: Keys, issuer: str, *, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._verified: dict[bytes, Principal] = {}

    async def verify(self, token: str) -> Principal:
        """The principal of `token`.

        Raises:
            Unauthenticated: TOKEN_INVALID (malformed, tampered, foreign) or TOKEN_EXPIRED.
            Unavailable: the keys could not be fetched.
        """
        # By hash: a dump of this process's memory should not be a list of live tokens.
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        principal = self._verified.get(digest)
        if principal is None:
            claims = await verified_claims(token, self._keys, "ES256")
            principal = principal_of(claims, self._issuer)
            if len(self._verified) >= MAX_CACHED:
                self._verified.pop(next(iter(self._verified)))
            self._verified[digest] = principal
        if principal.expires_at <= self._clock():
            self._verified.pop(digest, None)
            raise Unauthenticated("the token has expired", code="TOKEN_EXPIRED")
        return principal


def principal_of(claims: dict[str, Any], issuer: str) -> Principal:
    """The principal that verified `claims` describe.

    Raises:
        Unauthenticated: another issuer or audience, or a claim is missing or malformed.
    """

    def text(name: str) -> str:
        value = claims.get(name)
        if not isinstance(value, str):
            raise Unauthenticated(f"the token lacks {name}", code="TOKEN_INVALID")
        return value

    expires_at = claims.get("exp")
    if not isinstance(expires_at, int | float) or isinstance(expires_at, bool):
        raise Unauthenticated("the token lacks exp", code="TOKEN_INVALID")
    if text("iss") != issuer or text("aud") != AUDIENCE:
        raise Unauthenticated("the token is of another system", code="TOKEN_INVALID")
    user_id, plan, territory = text("sub"), text("plan"), text("territory")
    if not _SUBJECT.fullmatch(user_id) or plan not in PLANS or not _TERRITORY.fullmatch(territory):
        raise Unauthenticated("the token's claims are malformed", code="TOKEN_INVALID")
    scopes = frozenset(text("scope").split())
    product = claims.get("product", plan)
    if not isinstance(product, str):
        raise Unauthenticated("the token's claims are malformed", code="TOKEN_INVALID")
    client_id = text("client_id")
    owns = _owns(claims)
    return Principal(user_id, client_id, scopes, plan, territory, float(expires_at), owns, product)


def _owns(claims: dict[str, Any]) -> frozenset[str]:
    given = claims.get("owns", [])
    if not isinstance(given, list) or not all(isinstance(it, str) for it in given):
        raise Unauthenticated("the token's claims are malformed", code="TOKEN_INVALID")
    return frozenset(given)


class Requires:
    """A dependency: the request's principal, who must hold `scope` (None: any principal)."""

    def __init__(self, scope: str | None = None) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Principal:
        """The principal.

        Raises:
            Unauthenticated: no bearer token, or one that does not verify.
            Forbidden: the scope is missing (code INSUFFICIENT_SCOPE).
        """
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise Unauthenticated("a bearer token is needed", code="TOKEN_MISSING")
        found = await request.app.state.verifier.verify(token.strip())
        if self.scope is not None and self.scope not in found.scopes:
            raise Forbidden(f"needs scope {self.scope}", code="INSUFFICIENT_SCOPE")
        return found


requires = Requires
"""`Depends(requires("streaming"))`: as it reads in a route's signature."""
