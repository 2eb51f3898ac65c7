"""Where clients, users, sessions and codes are kept. One collection a kind, all of accounts'."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from functions.accounts import sessions
from functions.accounts.app_passwords import AppPasswords
from functions.accounts.attempts import COLLECTION as ATTEMPTS
from functions.accounts.attempts import Attempts
from functions.accounts.codes import AuthorizationCode, DeviceCode, UserCode
from functions.accounts.domain import Client
from functions.accounts.outbox import Errand
from functions.accounts.proofs import Proof
from functions.accounts.sessions import Browser, Family, Index
from functions.accounts.users import User, email_key
from shared.errors import Conflict, NotFound
from shared.gcp.documents import Documents

COLLECTION = "clients"
SIGN_UP_PATIENCE = timedelta(minutes=1)
OpenCollection = Callable[[str, type, str], Any]
"""(collection, class, what one is called) → Documents of that class."""


class Clients:
    """Registered clients in documents, and those that come with the deployment."""

    def __init__(self, documents: Documents[Client], *built_in: Client) -> None:
        self._documents = documents
        self._built_in = {client.client_id: client for client in built_in}

    async def find(self, client_id: str) -> Client | None:
        """The client, or None. `client_id` may be any text that someone sent."""
        if client_id in self._built_in:
            return self._built_in[client_id]
        if not (client_id.isascii() and client_id.isalnum() and len(client_id) <= 64):
            return None
        return await self._documents.find(client_id)

    async def create(self, client: Client) -> None:
        """Keep a new client. Raises Conflict when its id is taken."""
        await self._documents.create(client.client_id, client)


@dataclass(frozen=True, slots=True)
class EmailClaim:
    """Who an address belongs to; nobody once the account is gone."""

    user_id: str | None
    claimed_at: datetime | None = None


class Users:
    """Users by id and by email address."""

    def __init__(self, documents: Documents[User], claims: Documents[EmailClaim]) -> None:
        self._documents = documents
        self._claims = claims

    async def find(self, user_id: str) -> User | None:
        """The user, a tombstone, or None. `user_id` may be any text that someone sent."""
        if not (user_id.isascii() and user_id.isalnum() and len(user_id) <= 64):
            return None
        return await self._documents.find(user_id)

    async def find_by_email(self, email: str) -> User | None:
        """The user with that (parsed) address, or None."""
        claim = await self._claims.find(email_key(email))
        if claim is None or claim.user_id is None:
            return None
        user = await self._documents.find(claim.user_id)
        return user if user is not None and user.email == email else None

    async def create(self, user: User) -> None:
        """Keep a new user, who claims the address first.

        Raises:
            Conflict: the address belongs to somebody (code EMAIL_TAKEN).
        """
        await self.claim_email(user.email, user.user_id, user.created_at)
        await self._documents.create(user.user_id, user)

    async def claim_email(self, email: str, user_id: str, at: datetime) -> None:
        """Make an address that user's, before the user has it. Again is no conflict.

        Raises:
            Conflict: the address belongs to somebody else (code EMAIL_TAKEN).
        """
        key, mine = email_key(email), EmailClaim(user_id, at)
        found = await self._claims.find(key)
        theirs = found is not None and found.user_id not in (None, user_id)
        if found and theirs and not await self._broke_off(found, email, at):
            raise Conflict("that address has an account already", code="EMAIL_TAKEN")
        # Whoever claimed it since we looked was quicker.
        claimed = await self._claims.update(key, lambda now: mine if now == found else None)
        if claimed is None or claimed.user_id != user_id:
            raise Conflict("that address has an account already", code="EMAIL_TAKEN")

    async def _broke_off(self, claim: EmailClaim, email: str, at: datetime) -> bool:
        """Whether an address was claimed, and then nobody got it."""
        assert claim.user_id is not None
        if claim.claimed_at is None or at - claim.claimed_at < SIGN_UP_PATIENCE:
            return False
        user = await self._documents.find(claim.user_id)
        return user is None or user.email != email

    async def change(self, user_id: str, change: Callable[[User], User]) -> User:
        """The user after the pure `change`. Raises NotFound (USER_NOT_FOUND)."""
        changed: list[User] = []

        def apply(found: User | None) -> User | None:
            changed.clear()
            if found is None or found.removed_at is not None:
                return None
            changed.append(change(found))
            return None if changed[0] == found else changed[0]

        await self._documents.update(user_id, apply)
        if not changed:
            raise NotFound("no such user", code="USER_NOT_FOUND")
        return changed[0]

    async def release_email(self, email: str, user_id: str) -> None:
        """Let the address go, if it is still that user's."""

        def release(found: EmailClaim | None) -> EmailClaim | None:
            return EmailClaim(None) if found and found.user_id == user_id else None

        await self._claims.update(email_key(email), release)

    async def mark_published(self, user_id: str, revision: int) -> None:
        """Remember that this revision was published."""

        def mark(found: User | None) -> User | None:
            if found is None or found.revision != revision:
                return None
            return replace(found, unpublished_at=None)

        await self._documents.update(user_id, mark)

    async def unpublished(self, since: datetime) -> list[User]:
        """Users changed at or before `since` whose publication was never confirmed."""
        return await self._documents.until("unpublished_at", since)

    async def turning(self, at: datetime) -> list[User]:
        """Users whose plan changed by itself at or before `at`."""
        return await self._documents.until("plan_turns_at", at)


class Sessions:
    """Families and browsers, and which of them are whose."""

    def __init__(
        self,
        families: Documents[Family],
        browsers: Documents[Browser],
        index: Documents[Index],
        now: Callable[[], datetime],
    ) -> None:
        self.families = families
        self.browsers = browsers
        self._index = index
        self._now = now

    async def begin(self, family: Family) -> None:
        """Keep a new family. Raises Conflict when it was revoked before it began."""
        # Listed first: a session that nobody could find could not be ended either.
        await self._append(family.user_id, lambda it: sessions.with_family(it, family.session_id))
        await self.families.create(family.session_id, family)

    async def begin_browser(self, browser: Browser) -> None:
        """Keep a browser that signed in."""
        await self._append(
            browser.user_id, lambda it: sessions.with_browser(it, browser.session_id)
        )
        await self.browsers.create(browser.session_id, browser)

    async def revoke(self, session_id: str) -> None:
        """End a family, once it exists."""

        def change(found: Family | None) -> Family | None:
            return None if found is None else sessions.revoke(found, self._now())

        await self.families.update(session_id, change)

    async def forbid(self, session_id: str, user_id: str, client: Client) -> None:
        """End a family even if it has yet to begin."""
        now = self._now()

        def change(found: Family | None) -> Family:
            if found is not None:
                return sessions.revoke(found, now)
            name, expires_at = client.name, now + sessions.REFRESH_LIFETIME
            empty = (session_id, user_id, client.client_id, name, (), "", "", now, now, expires_at)
            return Family(*empty, revoked_at=now)

        await self.families.update(session_id, change)

    async def end_browser(self, session_id: str) -> None:
        """Sign a browser out."""

        def change(found: Browser | None) -> Browser | None:
            return None if found is None else sessions.end(found, self._now())

        await self.browsers.update(session_id, change)

    async def of(self, user_id: str) -> tuple[list[Family], list[Browser]]:
        """The user's families and browsers, ended ones included."""
        index = await self._index.find(user_id) or Index()
        families = await self.families.find_many(index.families)
        browsers = await self.browsers.find_many(index.browsers)
        return list(families.values()), list(browsers.values())

    async def forget(self, user_id: str) -> None:
        """End every session of the user, and forget where they came from."""
        index = await self._index.find(user_id) or Index()
        for session_id in index.families:
            await self.revoke(session_id)
        for session_id in index.browsers:
            await self.end_browser(session_id)
        await self._index.put(user_id, Index())

    async def _append(self, user_id: str, change: Callable[[Index], Index]) -> None:
        before: list[Index] = []

        def apply(found: Index | None) -> Index:
            before[:] = [found or Index()]
            return change(before[0])

        after = await self._index.update(user_id, apply)
        assert after is not None
        for gone in set(before[0].families) - set(after.families):
            await self.revoke(gone)
        for gone in set(before[0].browsers) - set(after.browsers):
            await self.end_browser(gone)


@dataclass(frozen=True, slots=True)
class Consents:
    """What a user allowed: client id → scopes."""

    scopes_by_client: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """A billing event that was applied. `forget_at` is its TTL."""

    event_id: str
    forget_at: datetime


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that accounts keeps."""

    clients: Clients
    users: Users
    sessions: Sessions
    codes: Documents[AuthorizationCode]
    device_codes: Documents[DeviceCode]
    user_codes: Documents[UserCode]
    consents: Documents[Consents]
    attempts: Documents[Attempts]
    billing_events: Documents[SeenEvent]
    app_passwords: Documents[AppPasswords]
    proofs: Documents[Proof]
    errands: Documents[Errand]

    @classmethod
    def open(
        cls, collection: OpenCollection, now: Callable[[], datetime], *built_in: Client
    ) -> "Store":
        """Every collection, opened by `collection`."""
        return cls(
            Clients(collection(COLLECTION, Client, "client"), *built_in),
            Users(collection("users", User, "user"), collection("emails", EmailClaim, "email")),
            Sessions(
                collection("sessions", Family, "session"),
                collection("browsers", Browser, "browser"),
                collection("session-index", Index, "session_index"),
                now,
            ),
            collection("codes", AuthorizationCode, "code"),
            collection("device-codes", DeviceCode, "device_code"),
            collection("user-codes", UserCode, "user_code"),
            collection("consents", Consents, "consent"),
            collection(ATTEMPTS, Attempts, "attempts"),
            collection("billing-events", SeenEvent, "billing_event"),
            collection("app-passwords", AppPasswords, "app_passwords"),
            collection("proofs", Proof, "proof"),
            collection("outbox", Errand, "errand"),
        )
