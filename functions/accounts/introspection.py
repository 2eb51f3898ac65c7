"""What a token is worth right now (RFC 7662), and ending it (RFC 7009)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.accounts import sessions
from functions.accounts.domain import AUDIENCE, Client
from functions.accounts.protocol import OAuthRefused
from functions.accounts.sessions import Family
from functions.accounts.signing import Signer
from functions.accounts.store import Store
from functions.accounts.surroundings import Surroundings
from shared.errors import Unauthenticated
from shared.web.keys import StaticKeys, verified_claims

MAY_READ_ALL = "accounts:write"


@dataclass(frozen=True, slots=True)
class _Found:
    """A token that is ours: its client, what may be told of it, and the session it belongs to."""

    client_id: str
    payload: Mapping[str, Any]
    family: Family | None


class Introspection:
    """Looks tokens of both kinds up."""

    def __init__(self, store: Store, signer: Signer, around: Surroundings) -> None:
        self._store = store
        self._keys = StaticKeys(signer.live)
        self._around = around

    async def payload(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        """`{"active": false}` for all that `client` has no business with.

        Raises:
            OAuthRefused: `token` is missing.
        """
        found = await self._find(_token(form))
        if found is None or not await self._is_active(found):
            return {"active": False}
        if found.client_id != client.client_id and MAY_READ_ALL not in client.scopes:
            return {"active": False}
        return {"active": True, **found.payload}

    async def revoke(self, client: Client, form: Mapping[str, str]) -> None:
        """End the session that the token belongs to; what is no token needs no ending.

        Raises:
            OAuthRefused: `token` is missing, or another client's (code invalid_grant).
        """
        found = await self._find(_token(form))
        if found is None:
            return
        if found.client_id != client.client_id:
            raise OAuthRefused("invalid_grant", "the token was issued to another client")
        if found.family is not None:
            await self._store.sessions.revoke(found.family.session_id)

    async def is_live(self, session_id: str, user_id: str) -> bool:
        """Whether a session goes on; what services cannot see from a token alone."""
        family = await self._store.sessions.families.find(session_id)
        return family is not None and family.user_id == user_id and await self._goes_on(family)

    async def claims(self, token: str) -> Mapping[str, Any]:
        """What a token of ours claims; whether it is good was checked by the caller.

        Raises:
            Unauthenticated: it is not ours.
        """
        return await verified_claims(token.strip(), self._keys, "ES256")

    async def _find(self, token: str) -> _Found | None:
        if token.count(".") == 2:
            return await self._find_access_token(token)
        family = await self._store.sessions.families.find(sessions.family_id(token))
        if family is None or not sessions.is_current(family, token):
            return None
        payload = {
            "scope": " ".join(family.scopes),
            "client_id": family.client_id,
            "token_type": "refresh_token",
            "sub": family.user_id,
            "iss": self._around.issuer,
            "iat": int(family.used_at.timestamp()),
            "exp": int(family.expires_at.timestamp()),
        }
        return _Found(family.client_id, payload, family)

    async def _find_access_token(self, token: str) -> _Found | None:
        try:
            claims = await verified_claims(token, self._keys, "ES256")
        except Unauthenticated:
            return None
        if claims.get("iss") != self._around.issuer or claims.get("aud") != AUDIENCE:
            return None
        family = None
        if "sid" in claims:
            family = await self._store.sessions.families.find(claims["sid"])
            if family is None:
                return None
        payload = {**claims, "token_type": "Bearer"}
        return _Found(claims["client_id"], payload, family)

    async def _is_active(self, found: _Found) -> bool:
        if found.payload["exp"] <= self._around.now().timestamp():
            return False
        return found.family is None or await self._goes_on(found.family)

    async def _goes_on(self, family: Family) -> bool:
        user = await self._store.users.find(family.user_id)
        if user is None or user.removed_at is not None:
            return False
        return sessions.is_live(family, self._around.now(), user.valid_from)


def _token(form: Mapping[str, str]) -> str:
    token = form.get("token")
    if not token:
        raise OAuthRefused("invalid_request", "token is missing")
    return token
