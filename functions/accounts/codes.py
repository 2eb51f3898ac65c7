"""Codes that are exchanged for tokens once: authorization codes, and those of devices. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import Conflict, NotFound

CODE_LIFETIME = timedelta(seconds=60)
CODE_MEMORY = timedelta(days=1)
"""How long a used code is remembered, so that a replay is noticed."""
DEVICE_LIFETIME = timedelta(minutes=10)
POLL_INTERVAL_S = 5
USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_LENGTH = 8
"""Without vowels no words, without look-alikes no doubt (RFC 8628 §6.1): 34 bits."""


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """Kept under the code's hash. `session_id`: the family that it was exchanged for.

    `forget_at` is the document's TTL; `expires_at` is what decides.
    """

    client_id: str
    user_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    code_challenge: str | None
    issued_at: datetime
    expires_at: datetime
    forget_at: datetime
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """Kept under the device code's hash. `status`: pending, approved, denied, redeemed."""

    user_code: str
    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    expires_at: datetime
    polled_at: datetime
    interval_s: int = POLL_INTERVAL_S
    status: str = "pending"
    user_id: str | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UserCode:
    """What the person types, kept under itself; leads to the device code's hash."""

    device_code_sha256: str
    expires_at: datetime


def parse_user_code(text: str) -> str | None:
    """What was typed as a user code: case, spaces and hyphens do not matter."""
    code = "".join(it for it in text.upper() if it.isalnum())
    if len(code) == USER_CODE_LENGTH and all(it in USER_CODE_ALPHABET for it in code):
        return code
    return None


def show_user_code(code: str) -> str:
    """`BCDFGHJK` as `BCDF-GHJK`."""
    return f"{code[:4]}-{code[4:]}"


def decide(device: DeviceCode, user_id: str, approved: bool, at: datetime) -> DeviceCode:
    """The device code once its user has decided.

    Raises:
        NotFound: it is too late (code DEVICE_CODE_NOT_FOUND).
        Conflict: it was decided already (code ALREADY_DECIDED).
    """
    if device.expires_at <= at:
        raise NotFound("the code has expired", code="DEVICE_CODE_NOT_FOUND")
    if device.status != "pending":
        raise Conflict("the code was used already", code="ALREADY_DECIDED")
    status = "approved" if approved else "denied"
    return replace(device, status=status, user_id=user_id, decided_at=at)


def polled(device: DeviceCode, at: datetime) -> DeviceCode:
    """The device code after a poll: one that came too soon makes the interval 5 s longer."""
    early = at < device.polled_at + timedelta(seconds=device.interval_s - 1)
    interval_s = min(60, device.interval_s + 5) if early else device.interval_s
    return replace(device, polled_at=at, interval_s=interval_s)
