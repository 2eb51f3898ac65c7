"""App passwords: generated secrets for clients that know no OAuth. Pure but for the cipher.

OpenSubsonic clients prove a password by `md5(password + salt)`, so what is kept must be
recoverable: each secret is kept as a JWE that only this service's key opens, and the account's own
password is never one of them. A secret has 100 random bits, which nobody guesses; what it opens
leaves the account itself alone (`scopes.APP_PASSWORD_SCOPES`).

    abcd-2345-efgh-6789-jkmn              a secret, as a person copies it
    3Gd…(22 characters)abcd-2345-…        the API key of the same: the user's id, then the secret

Source: https://opensubsonic.netlify.app/docs/api-reference/
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from shared.errors import Conflict
from shared.ids import LENGTH

MAX_PASSWORDS = 20
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: no letter looks like a digit."""
USE_NOTED_EVERY = timedelta(hours=1)
_GROUPS, _GROUP = 5, 4
_HEADER = {"alg": "dir", "enc": "A256GCM"}


@dataclass(frozen=True, slots=True)
class AppPassword:
    """One secret, by what its user calls it. `sealed`: the JWE; `used_at` is right to the hour."""

    password_id: str
    name: str
    sealed: str
    created_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AppPasswords:
    """All of a user's, the oldest first."""

    passwords: tuple[AppPassword, ...] = ()


def spell(random: bytes) -> str:
    """The secret that 20 random bytes give."""
    letters = "".join(ALPHABET[byte % len(ALPHABET)] for byte in random[: _GROUPS * _GROUP])
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def api_key(user_id: str, secret: str) -> str:
    """The secret as a key that says by itself whose it is."""
    return f"{user_id}{secret}"


def parse_api_key(key: str) -> tuple[str, str]:
    """(user id, secret) of what claims to be an API key."""
    return key[:LENGTH], key[LENGTH:]


def with_password(kept: AppPasswords, fresh: AppPassword) -> AppPasswords:
    """One more. Raises Conflict (TOO_MANY_APP_PASSWORDS)."""
    if len(kept.passwords) >= MAX_PASSWORDS:
        message = f"{MAX_PASSWORDS} app passwords at most: remove one that you do not use"
        raise Conflict(message, code="TOO_MANY_APP_PASSWORDS")
    return AppPasswords((*kept.passwords, fresh))


def without_password(kept: AppPasswords, password_id: str) -> AppPasswords:
    """One less, or the same if it is not there."""
    return AppPasswords(tuple(it for it in kept.passwords if it.password_id != password_id))


def used(kept: AppPasswords, password_id: str, at: datetime) -> AppPasswords:
    """With its last use noted."""
    return AppPasswords(
        tuple(
            replace(it, used_at=at) if it.password_id == password_id else it
            for it in kept.passwords
        )
    )


def live(kept: AppPasswords | None, valid_from: datetime) -> tuple[AppPassword, ...]:
    """Those that still open something: whoever signs out everywhere, or changes the account's
    password, ends them too."""
    found: Iterable[AppPassword] = kept.passwords if kept else ()
    return tuple(it for it in found if it.created_at >= valid_from)


def proves_token(secret: str, token: str, salt: str) -> bool:
    """Whether `token` is `md5(secret + salt)` in hex, as Subsonic's clients compute it."""
    digest = hashlib.md5((secret + salt).encode("utf-8", "replace"), usedforsecurity=False)
    return hmac.compare_digest(digest.hexdigest().encode(), _ascii(token.lower()))


def proves_secret(secret: str, given: str) -> bool:
    """Whether `given` is the secret itself."""
    return hmac.compare_digest(secret.encode(), _ascii(given))


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")


class Seal:
    """Encrypts secrets for their user (JWE, direct A256GCM), and opens them."""

    def __init__(self, keys: Iterable[OctKey]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def parse(cls, text: str) -> "Seal":
        """Of keys of 256 bits in base64url: the first seals, every one opens, so that a new one
        is put before the old.

        Raises:
            ValueError: none, or one of another size.
        """
        keys: list[OctKey] = []
        for part in text.split(","):
            try:
                raw = urlsafe_b64decode(part.strip())
            except (Base64Error, ValueError) as error:
                raise ValueError("APP_PASSWORD_KEY is not base64url") from error
            if len(raw) != 32:
                raise ValueError("APP_PASSWORD_KEY is not 32 bytes")
            keys.append(OctKey.import_key(raw))
        return cls(keys)

    def close(self, secret: str, user_id: str) -> str:
        """`secret`, sealed for `user_id`: moved to another user's document it opens nothing."""
        key = self._keys[0]
        header = _HEADER | {"kid": key.thumbprint()}
        return jwe.encrypt_compact(header, f"{user_id} {secret}", key)

    def open(self, sealed: str, user_id: str) -> str | None:
        """The secret; None if no key of ours opens it, or it is not that user's."""
        for key in self._keys:
            try:
                opened = jwe.decrypt_compact(sealed, key).plaintext or b""
            except (JoseError, ValueError):
                continue
            owner, _, secret = opened.decode().partition(" ")
            return secret if owner == user_id else None
        return None
