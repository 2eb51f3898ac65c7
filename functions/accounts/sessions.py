"""Sessions: families of refresh tokens, and browsers that are signed in. Pure.

A refresh token is `FAMILY.ROTATION`. The first part stays the same as long as the session
lasts, the second is new with every use. Whoever shows the first part with another second part
than the current one shows a token that was used up: it was copied, and the family ends. The
family's id is a hash of the first part, so an id (claim `sid`) is worth nothing to a thief.
"""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from functions.accounts.domain import hash_secret
from shared.ids import derived_id

REFRESH_LIFETIME = timedelta(days=90)
"""After its last use."""
BROWSER_LIFETIME = timedelta(days=30)
MAX_SESSIONS = 100
"""A user's older ones end when more begin."""


@dataclass(frozen=True, slots=True)
class Family:
    """A session of an application: one chain of refresh tokens. `expires_at` is its TTL too."""

    session_id: str
    user_id: str
    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    rotation_sha256: str
    address: str
    started_at: datetime
    used_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser that is signed in, by the hash of its cookie. `expires_at` is its TTL too."""

    session_id: str
    user_id: str
    address: str
    agent: str
    started_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """The ids of a user's sessions, oldest first, and what the user consented to."""

    families: tuple[str, ...] = ()
    browsers: tuple[str, ...] = ()


def family_id(token: str) -> str:
    """The id of the family that a refresh token belongs to. `token` may be any text."""
    secret = token.partition(".")[0]
    return derived_id("family", hash_secret(secret))


def browser_id(cookie: str) -> str:
    """The document id of a browser's cookie. `cookie` may be any text."""
    return derived_id("browser", hash_secret(cookie))


def is_current(family: Family, token: str) -> bool:
    """Whether `token`, of this family, is the one that was issued last."""
    return hmac.compare_digest(family.rotation_sha256, hash_secret(token))


def is_live(family: Family, at: datetime, valid_from: datetime) -> bool:
    """Whether the session goes on: not revoked, not expired, begun since `valid_from`."""
    return family.revoked_at is None and at < family.expires_at and family.started_at >= valid_from


def rotate(family: Family, used: str, issued: str, at: datetime) -> Family:
    """The family after `used` was exchanged for `issued`; revoked if it was not current."""
    if family.revoked_at is not None:
        return family
    if not is_current(family, used):
        return revoke(family, at)
    return replace(
        family,
        rotation_sha256=hash_secret(issued),
        used_at=at,
        expires_at=at + REFRESH_LIFETIME,
    )


def revoke(family: Family, at: datetime) -> Family:
    """The end of a session. Its address is forgotten; the rest detects reuse until it expires."""
    return replace(family, revoked_at=family.revoked_at or at, address="")


def end(browser: Browser, at: datetime) -> Browser:
    """The end of a browser's session."""
    return replace(browser, ended_at=browser.ended_at or at, address="", agent="")


def is_signed_in(browser: Browser, at: datetime, valid_from: datetime) -> bool:
    """Whether the browser's session goes on."""
    return browser.ended_at is None and at < browser.expires_at and browser.started_at >= valid_from


def with_family(index: Index, id: str) -> Index:
    return replace(index, families=(*index.families, id)[-MAX_SESSIONS:])


def with_browser(index: Index, id: str) -> Index:
    return replace(index, browsers=(*index.browsers, id)[-MAX_SESSIONS:])
