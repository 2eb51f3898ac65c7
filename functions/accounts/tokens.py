"""The token endpoint's work: load what a request is about, let the protocol decide, act once.

Whatever is used up (a code, a refresh token, a device code) is used up by one conditional write,
so of two requests at the same time one gets tokens and the other is a replay.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from functions.accounts import codes, domain, sessions, users
from functions.accounts.codes import AuthorizationCode, DeviceCode
from functions.accounts.domain import AUDIENCE, Client, hash_secret
from functions.accounts.protocol import (
    DEVICE_CODE_GRANT_TYPE,
    Effects,
    Facts,
    OAuthRefused,
    decide_token,
)
from functions.accounts.sessions import Family
from functions.accounts.signing import Signer
from functions.accounts.store import Store
from functions.accounts.surroundings import Surroundings
from functions.accounts.users import User
from shared.errors import Conflict

USER_TOKEN_LIFETIME_S = 900
"""Services verify tokens on their own: what is revoked may be used for this long still."""
MIN_LIFETIME_S = 60


@dataclass(frozen=True, slots=True)
class _Used:
    """What a token request uses up, by the hash that it is kept under, and as it was found."""

    code: str = ""
    device: str = ""
    refresh: str = ""


class Tokens:
    """Exchanges grants for tokens, and ends sessions."""

    def __init__(self, store: Store, signer: Signer, around: Surroundings) -> None:
        self._store = store
        self._signer = signer
        self._around = around

    async def exchange(
        self, client: Client, form: Mapping[str, str], auth_method: str, address: str
    ) -> dict[str, Any]:
        """The token response (RFC 6749 §5.1) for the authenticated `client`.

        Raises:
            OAuthRefused: the grant is not good, or not any more.
        """
        at = self._around.now()
        used = _Used(
            code=hash_secret(form.get("code", "")),
            device=hash_secret(form.get("device_code", "")),
            refresh=form.get("refresh_token", ""),
        )
        facts = await self._load(client, form.get("grant_type"), used, at)
        effects = decide_token(facts, form, auth_method)
        if effects.user is None:
            return self._for_client(client, effects.scopes, at)
        if facts.family is not None:
            refresh, session_id = await self._rotate(facts.family, used.refresh, at)
        else:
            refresh, session_id = await self._begin(facts, effects, used, address)
        return self._for_user(effects.user, client, effects.scopes, session_id, at) | {
            "refresh_token": refresh
        }

    async def _load(
        self, client: Client, grant_type: str | None, used: _Used, at: datetime
    ) -> Facts:
        facts = Facts(client, at)
        if grant_type == "authorization_code":
            code = await self._store.codes.find(used.code)
            if code and code.session_id and code.client_id == client.client_id:
                # RFC 6749 §4.1.2: whoever else holds tokens of this code loses them.
                await self._store.sessions.forbid(code.session_id, code.user_id, client)
            user = await self._user(code.user_id, code.issued_at) if code else None
            return replace(facts, code=code, user=user)
        if grant_type == "refresh_token":
            family = await self._family(used.refresh)
            mine = family is not None and family.client_id == client.client_id
            if family and mine and not sessions.is_current(family, used.refresh):
                # Shown before: it was copied, and nobody knows who of the two is honest.
                await self._store.sessions.revoke(family.session_id)
                family = None
            user = await self._user(family.user_id, family.started_at) if family else None
            return replace(facts, family=family, user=user)
        if grant_type == DEVICE_CODE_GRANT_TYPE:
            return await self._load_device(facts, used)
        return facts

    async def _load_device(self, facts: Facts, used: _Used) -> Facts:
        def poll(found: DeviceCode | None) -> DeviceCode | None:
            if found is None or found.status != "pending":
                return None
            return codes.polled(found, facts.at)

        before = await self._store.device_codes.find(used.device)
        if before is None or before.client_id != facts.client.client_id:
            return replace(facts, device=before)
        device = await self._store.device_codes.update(used.device, poll)
        assert device is not None
        # What was allowed before a password was changed is allowed no more.
        user = await self._user(device.user_id, device.decided_at) if device.user_id else None
        slow_down = device.interval_s > before.interval_s
        return replace(facts, device=device, user=user, slow_down=slow_down)

    async def _user(self, user_id: str, since: datetime | None) -> User | None:
        """The user, if the account is there and what began at `since` is still good."""
        user = await self._store.users.find(user_id)
        if user is None or user.removed_at is not None:
            return None
        return None if since is not None and since < user.valid_from else user

    async def _family(self, refresh_token: str) -> Family | None:
        return await self._store.sessions.families.find(sessions.family_id(refresh_token))

    async def _rotate(self, family: Family, used: str, at: datetime) -> tuple[str, str]:
        issued = f"{used.partition('.')[0]}.{self._around.new_secret()}"

        def change(found: Family | None) -> Family | None:
            return None if found is None else sessions.rotate(found, used, issued, at)

        after = await self._store.sessions.families.update(family.session_id, change)
        if after is None or after.revoked_at or not sessions.is_current(after, issued):
            raise OAuthRefused("invalid_grant", "the refresh token was used up: sign in again")
        return issued, family.session_id

    async def _begin(
        self, facts: Facts, effects: Effects, used: _Used, address: str
    ) -> tuple[str, str]:
        assert effects.user is not None
        refresh = f"{self._around.new_id()}.{self._around.new_secret()}"
        session_id = sessions.family_id(refresh)
        if facts.code is not None:
            await self._use_code(facts.client, used.code, session_id)
        else:
            await self._use_device_code(used.device)
        family = Family(
            session_id,
            effects.user.user_id,
            facts.client.client_id,
            facts.client.name,
            effects.scopes,
            hash_secret(refresh),
            address,
            started_at=facts.at,
            used_at=facts.at,
            expires_at=facts.at + sessions.REFRESH_LIFETIME,
        )
        try:
            await self._store.sessions.begin(family)
        except Conflict as error:  # a replay of the code came in between
            raise OAuthRefused("invalid_grant", "the code was used twice") from error
        return refresh, session_id

    async def _use_code(self, client: Client, key: str, session_id: str) -> None:
        def use(found: AuthorizationCode | None) -> AuthorizationCode | None:
            if found is None or found.session_id is not None:
                return None
            return replace(found, session_id=session_id)

        after = await self._store.codes.update(key, use)
        if after is None or after.session_id != session_id:
            if after and after.session_id:
                await self._store.sessions.forbid(after.session_id, after.user_id, client)
            raise OAuthRefused("invalid_grant", "the code was used twice")

    async def _use_device_code(self, key: str) -> None:
        won = [False]

        def use(found: DeviceCode | None) -> DeviceCode | None:
            won[0] = found is not None and found.status == "approved"
            return replace(found, status="redeemed") if found and won[0] else None

        await self._store.device_codes.update(key, use)
        if not won[0]:
            raise OAuthRefused("expired_token", "the device code was used")

    def _for_client(self, client: Client, scopes: tuple[str, ...], at: datetime) -> dict[str, Any]:
        claims = domain.access_claims(
            client, scopes, issuer=self._around.issuer, token_id=self._around.new_id(), at=at
        )
        return self._answer(claims)

    def _for_user(
        self, user: User, client: Client, scopes: tuple[str, ...], session_id: str, at: datetime
    ) -> dict[str, Any]:
        claims = user_claims(
            user,
            client.client_id,
            scopes,
            session_id,
            issuer=self._around.issuer,
            token_id=self._around.new_id(),
            at=at,
        )
        return self._answer(claims)

    def _answer(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "access_token": self._signer.sign(claims),
            "token_type": "Bearer",
            "expires_in": claims["exp"] - claims["iat"],
            "scope": claims["scope"],
        }


def user_claims(
    user: User,
    client_id: str,
    scopes: tuple[str, ...],
    session_id: str,
    *,
    issuer: str,
    token_id: str,
    at: datetime,
) -> dict[str, Any]:
    """The claims of a user's access token. It does not outlive the plan that it names, but for a
    minute."""
    issued_at = int(at.timestamp())
    lifetime_s = USER_TOKEN_LIFETIME_S
    turns_at = users.plan_until(user, at)
    if turns_at is not None:
        lifetime_s = max(MIN_LIFETIME_S, min(lifetime_s, int(turns_at.timestamp()) - issued_at))
    return {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": user.user_id,
        "client_id": client_id,
        "iat": issued_at,
        "exp": issued_at + lifetime_s,
        "jti": token_id,
        "sid": session_id,
        "scope": " ".join(scopes),
        "plan": users.ENTITLES[users.plan_at(user, at)],
        "product": users.plan_at(user, at),
        "territory": user.territory,
    }
