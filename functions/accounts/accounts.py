"""What people do with their accounts, by page or by API."""

import logging
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from functions.accounts import sessions, users
from functions.accounts.app_access import without_secrets
from functions.accounts.app_passwords import AppPasswords
from functions.accounts.attempts import Throttle
from functions.accounts.countries import COUNTRIES
from functions.accounts.outbox import Outbox
from functions.accounts.passwords import Passwords, check_strength
from functions.accounts.publication import Publication
from functions.accounts.store import Consents, Store
from functions.accounts.surroundings import Surroundings
from functions.accounts.users import User
from shared.errors import Forbidden, Invalid, Unavailable

log = logging.getLogger(__name__)


class WrongPassword(Forbidden):
    """No such account, or not its password; which of the two is not told."""

    code = "WRONG_PASSWORD"

    def __init__(self) -> None:
        super().__init__("the email address or the password is wrong")


class Accounts:
    """Signs up, signs in, changes, exports and deletes."""

    def __init__(
        self,
        store: Store,
        passwords: Passwords,
        throttle: Throttle,
        publication: Publication,
        outbox: Outbox,
        around: Surroundings,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._throttle = throttle
        self._publication = publication
        self._outbox = outbox
        self._around = around

    async def sign_up(
        self, email: str, name: str, password: str, territory: str, address: str | None
    ) -> User:
        """A new user on the free plan, who is sent a link to confirm the address. `address` None:
        an operator asks, so nothing is counted and nobody is written to.

        Raises:
            Invalid: INVALID_EMAIL, INVALID_NAME, WEAK_PASSWORD, INVALID_TERRITORY.
            Conflict: the address has an account (EMAIL_TAKEN).
            TooManyAttempts: too many from this address.
        """
        email, name = users.parse_email(email), users.parse_name(name)
        check_strength(password, email, email.partition("@")[0], name)
        _check_territory(territory)
        if address is not None:
            await self._throttle.check("sign-up", email, address)
            await self._throttle.failed("sign-up", email, address)
        hashed = await self._passwords.hash(password)
        at = self._around.now()
        user = users.sign_up(self._around.new_id(), email, name, hashed, territory, at)
        await self._store.users.create(user)
        await self._publication.of(user)
        if address is not None:
            try:
                await self._outbox.put("confirm", user.email, user.user_id)
            except Unavailable as error:
                # The account is there; its page offers to send the mail again.
                log.warning("user %s was sent no mail", user.user_id, exc_info=error)
        return user

    async def sign_in(self, email: str, password: str, address: str) -> User:
        """The user whose address and password these are.

        Raises:
            WrongPassword, TooManyAttempts
        """
        try:
            email = users.parse_email(email)
        except Invalid as error:
            raise WrongPassword from error
        await self._throttle.check("sign-in", email, address)
        user = await self._store.users.find_by_email(email)
        right = await self._passwords.verify(user.password_hash if user else None, password)
        if user is None or not right or user.removed_at is not None:
            await self._throttle.failed("sign-in", email, address)
            raise WrongPassword
        return user

    async def change_password(self, user: User, old: str, new: str, address: str) -> User:
        """Another password; every session ends, and the user is told by mail.

        Raises:
            WrongPassword, TooManyAttempts
            Invalid: WEAK_PASSWORD.
        """
        await self.reauthenticate(user, old, address)
        check_strength(new, user.email, user.email.partition("@")[0], user.display_name)
        hashed = await self._passwords.hash(new)
        at = self._around.now()
        changed = await self._store.users.change(
            user.user_id, lambda it: users.set_password(it, hashed, at)
        )
        await self._store.sessions.forget(user.user_id)
        await self._outbox.put("password-changed", user.email, user.user_id)
        return changed

    async def sign_out_everywhere(self, user_id: str) -> None:
        """End every session. Access tokens that are out are good for minutes still."""
        at = self._around.now()
        await self._store.users.change(user_id, lambda it: users.sign_out_everywhere(it, at))
        await self._store.sessions.forget(user_id)

    async def end_session(self, user_id: str, session_id: str) -> None:
        """End one of the user's sessions; another's, or none, is left alone."""
        families, browsers = await self._store.sessions.of(user_id)
        if any(it.session_id == session_id for it in families):
            await self._store.sessions.revoke(session_id)
        if any(it.session_id == session_id for it in browsers):
            await self._store.sessions.end_browser(session_id)

    async def sessions(self, user: User) -> list[dict[str, Any]]:
        """Where the user is signed in, the latest first."""
        families, browsers = await self._store.sessions.of(user.user_id)
        at = self._around.now()
        listed = [
            _session(it.session_id, "app", it.client_name, it.address, it.started_at, it.used_at)
            | {"client_id": it.client_id, "scopes": list(it.scopes)}
            for it in families
            if sessions.is_live(it, at, user.valid_from)
        ]
        listed += [
            _session(it.session_id, "browser", it.agent, it.address, it.started_at, it.started_at)
            for it in browsers
            if sessions.is_signed_in(it, at, user.valid_from)
        ]
        return sorted(listed, key=lambda it: it["last_used_at"], reverse=True)

    async def change_profile(
        self, user_id: str, *, name: str | None, territory: str | None, explicit: bool | None
    ) -> User:
        """Another name, country or filter; None leaves one as it is.

        Raises:
            Invalid: INVALID_NAME, INVALID_TERRITORY.
        """
        parsed = None if name is None else users.parse_name(name)
        if territory is not None:
            _check_territory(territory)
        at = self._around.now()

        def change(user: User) -> User:
            return users.rename(
                user,
                user.display_name if parsed is None else parsed,
                territory or user.territory,
                user.explicit_filter if explicit is None else explicit,
                at,
            )

        return await self.changed(await self._store.users.change(user_id, change))

    async def set_plan(
        self, user_id: str, plan: str, cause: str, at: datetime, until: datetime | None
    ) -> User:
        """Another plan in [at, until)."""
        return await self.changed(
            await self._store.users.change(
                user_id, lambda it: users.change_plan(it, plan, at, cause, until=until)
            )
        )

    async def changed(self, user: User) -> User:
        """Tell others of `user`, if they have not heard of this revision."""
        if user.unpublished_at is not None:
            await self._publication.of(user)
        return user

    async def export(self, user: User) -> dict[str, Any]:
        """All that accounts keeps of the user (GDPR art. 15 and 20). No hash of a password."""
        consents = await self._store.consents.find(user.user_id)
        kept = asdict(user)
        for internal in ("password_hash", "unpublished_at", "revision", "removed_at"):
            kept.pop(internal)
        return {
            "exported_at": self._around.now(),
            "account": kept,
            "sessions": await self.sessions(user),
            "consents": consents.scopes_by_client if consents else {},
            "app_passwords": without_secrets(await self._store.app_passwords.find(user.user_id)),
        }

    async def delete(self, user: User, password: str, address: str) -> None:
        """Erase the account. Others erase when they hear of it; the id is never used again.

        Raises:
            WrongPassword, TooManyAttempts
        """
        await self.reauthenticate(user, password, address)
        at = self._around.now()
        # The tombstone first: from here on nobody signs in, whatever fails below.
        gone = await self._store.users.change(user.user_id, lambda it: users.remove(it, at))
        await self._store.users.release_email(user.email, user.user_id)
        await self._store.sessions.forget(user.user_id)
        await self._store.consents.put(user.user_id, Consents({}))
        await self._store.app_passwords.put(user.user_id, AppPasswords())
        await self._outbox.forget(user.user_id)
        await self._publication.of(gone)

    async def consented(self, user_id: str, client_id: str) -> frozenset[str] | None:
        """The scopes that the user allowed a client before; None: never asked."""
        found = await self._store.consents.find(user_id)
        scopes = found.scopes_by_client.get(client_id) if found else None
        return None if scopes is None else frozenset(scopes)

    async def consent(self, user_id: str, client_id: str, scopes: tuple[str, ...]) -> None:
        """Remember that the user allowed `scopes`, besides earlier ones."""

        def change(found: Consents | None) -> Consents:
            known = dict(found.scopes_by_client) if found else {}
            known[client_id] = tuple(sorted({*known.get(client_id, ()), *scopes}))
            return replace(found, scopes_by_client=known) if found else Consents(known)

        await self._store.consents.update(user_id, change)

    async def reauthenticate(self, user: User, password: str, address: str) -> None:
        """Let through whoever knows the password. Raises WrongPassword, TooManyAttempts."""
        await self._throttle.check("sign-in", user.email, address)
        if not await self._passwords.verify(user.password_hash, password):
            await self._throttle.failed("sign-in", user.email, address)
            raise WrongPassword


def _session(
    id: str, kind: str, name: str, address: str, started_at: datetime, used_at: datetime
) -> dict[str, Any]:
    return {
        "id": id,
        "kind": kind,
        "name": name,
        "address": address,
        "started_at": started_at,
        "last_used_at": used_at,
    }


def _check_territory(territory: str) -> None:
    if territory not in COUNTRIES:
        raise Invalid("that is no country we know", code="INVALID_TERRITORY")
