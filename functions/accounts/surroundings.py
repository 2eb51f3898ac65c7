"""What every request is answered among: our name, the time, and randomness."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from functions.accounts.app_passwords import spell
from functions.accounts.codes import USER_CODE_ALPHABET, USER_CODE_LENGTH
from shared.ids import new_id
from shared.instants import now


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _new_user_code() -> str:
    return "".join(secrets.choice(USER_CODE_ALPHABET) for _ in range(USER_CODE_LENGTH))


def _new_app_password() -> str:
    return spell(secrets.token_bytes(20))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`issuer` is the public URL, without a slash at its end."""

    issuer: str
    now: Callable[[], datetime] = now
    new_id: Callable[[], str] = new_id
    new_secret: Callable[[], str] = _new_secret
    new_user_code: Callable[[], str] = _new_user_code
    new_app_password: Callable[[], str] = _new_app_password

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https: they do, but on a developer's own machine."""
        return self.issuer.startswith("https://")


def address_of(request: Request) -> str:
    """The caller's address. Google's load balancer appends "client, balancer" to the header."""
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")]
    if forwarded[-1]:
        return (forwarded[-2] if len(forwarded) > 1 else forwarded[-1])[:64]
    return request.client.host if request.client else ""
