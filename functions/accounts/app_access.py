"""What people do with app passwords, and what clients get for them: a short access token."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from functions.accounts import app_passwords, users
from functions.accounts.app_passwords import AppPassword, AppPasswords, Seal
from functions.accounts.credentials import parse_form
from functions.accounts.limiter import Limiter
from functions.accounts.scopes import APP_PASSWORD_SCOPES
from functions.accounts.signing import Signer
from functions.accounts.store import Store
from functions.accounts.surroundings import Surroundings
from functions.accounts.tokens import user_claims
from functions.accounts.users import User
from shared.errors import Invalid
from shared.web.answers import answer

CLIENT_ID = "opensubsonic"
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


class AppAccess:
    """Makes, lists, removes and checks app passwords."""

    def __init__(self, store: Store, seal: Seal, signer: Signer, around: Surroundings) -> None:
        self._store = store
        self._seal = seal
        self._signer = signer
        self._around = around
        # No count of failures, as passwords have: nobody guesses 100 random bits, and whoever
        # counted could be made to lock people out. This bounds what trying costs us.
        self._attempts = Limiter(burst=200, per_s=50)

    async def create(self, user: User, name: str) -> dict[str, Any]:
        """A new app password, the only time that its secret is shown.

        Raises:
            Invalid: INVALID_NAME.
            Conflict: TOO_MANY_APP_PASSWORDS.
        """
        secret = self._around.new_app_password()
        fresh = AppPassword(
            self._around.new_id(),
            users.parse_name(name),
            self._seal.close(secret, user.user_id),
            self._around.now(),
        )

        def change(found: AppPasswords | None) -> AppPasswords:
            # Those that open nothing any more make room.
            kept = AppPasswords(app_passwords.live(found, user.valid_from))
            return app_passwords.with_password(kept, fresh)

        await self._store.app_passwords.update(user.user_id, change)
        return {
            **_view(fresh),
            "username": user.email,
            "password": secret,
            "api_key": app_passwords.api_key(user.user_id, secret),
        }

    async def list(self, user: User) -> list[dict[str, Any]]:
        """The user's app passwords, without their secrets, the oldest first."""
        kept = await self._store.app_passwords.find(user.user_id)
        return [_view(it) for it in app_passwords.live(kept, user.valid_from)]

    async def remove(self, user: User, password_id: str) -> None:
        """End one; what it was given may be used for some minutes still. None is no error."""

        def change(found: AppPasswords | None) -> AppPasswords | None:
            return found and app_passwords.without_password(found, password_id)

        await self._store.app_passwords.update(user.user_id, change)

    async def exchange(self, form: Mapping[str, str]) -> dict[str, Any] | None:
        """An access token for `{username, token, salt}` or `{api_key}`; None: they prove nothing.

        `username` is an email address or a user id.
        """
        if "api_key" in form:
            name, given = app_passwords.parse_api_key(form["api_key"])
        else:
            name, given = form.get("username", ""), ""
        if not self._attempts.take(name.lower(), time.monotonic()):
            return None
        user = await self._user(name)
        if user is None:
            return None
        kept = await self._store.app_passwords.find(user.user_id)
        for password in app_passwords.live(kept, user.valid_from):
            secret = self._seal.open(password.sealed, user.user_id)
            if secret is not None and _proves(secret, given, form):
                return await self._token(user, password)
        return None

    async def _user(self, name: str) -> User | None:
        if "@" not in name:
            user = await self._store.users.find(name)
        else:
            try:
                user = await self._store.users.find_by_email(users.parse_email(name))
            except Invalid:
                return None
        return None if user is None or user.removed_at is not None else user

    async def _token(self, user: User, password: AppPassword) -> dict[str, Any]:
        at = self._around.now()
        if password.used_at is None or at - password.used_at > app_passwords.USE_NOTED_EVERY:
            await self._store.app_passwords.update(
                user.user_id,
                lambda found: found and app_passwords.used(found, password.password_id, at),
            )
        claims = user_claims(
            user,
            CLIENT_ID,
            APP_PASSWORD_SCOPES,
            password.password_id,
            issuer=self._around.issuer,
            token_id=self._around.new_id(),
            at=at,
        )
        return {
            "access_token": self._signer.sign(claims),
            "token_type": "Bearer",
            "expires_in": claims["exp"] - claims["iat"],
            "scope": claims["scope"],
            "user_id": user.user_id,
            "username": user.email,
            "plan": claims["plan"],
        }


def routes(access: AppAccess) -> APIRouter:
    """`POST /oauth/app-password`: for the services that speak to clients without OAuth."""
    router = APIRouter()

    @router.post("/oauth/app-password")
    async def exchange(request: Request) -> Response:
        try:
            form = parse_form(request.headers.get("content-type", ""), await request.body())
        except Invalid as error:
            return _refused(400, error.code, error.message)
        if "api_key" not in form and not {"username", "token", "salt"} <= form.keys():
            return _refused(400, "invalid_request", "api_key, or username, token and salt")
        found = await access.exchange(form)
        if found is None:
            return _refused(400, "invalid_grant", "no such app password")
        return answer(found, headers=NO_STORE)

    return router


def without_secrets(kept: AppPasswords | None) -> list[dict[str, Any]]:
    """What an export tells of app passwords."""
    return [_view(it) for it in (kept or AppPasswords()).passwords]


def _proves(secret: str, given: str, form: Mapping[str, str]) -> bool:
    if "api_key" in form:
        return app_passwords.proves_secret(secret, given)
    return app_passwords.proves_token(secret, form.get("token", ""), form.get("salt", ""))


def _view(password: AppPassword) -> dict[str, Any]:
    created_at: datetime = password.created_at
    return {
        "id": password.password_id,
        "name": password.name,
        "created_at": created_at,
        "last_used_at": password.used_at,
    }


def _refused(status: int, error: str, description: str) -> Response:
    return answer({"error": error, "error_description": description}, status, NO_STORE)
