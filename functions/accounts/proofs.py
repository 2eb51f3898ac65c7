"""Links that only the reader of a mailbox has, to confirm an address or to set a password. Pure.

The link's secret is 256 random bits; what is kept is its hash. Each serves once, and not for long.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from functions.accounts.domain import hash_secret
from functions.accounts.users import User, email_key
from shared.errors import Invalid
from shared.ids import derived_id

Purpose = Literal["confirm", "reset"]
LIFETIMES: dict[str, timedelta] = {"confirm": timedelta(days=3), "reset": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Proof:
    """Kept under `proof_id` of its secret. `address`: of which mailbox (`email_key`).
    `expires_at` is its TTL too."""

    purpose: str
    user_id: str
    address: str
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class LinkDead(Invalid):
    """The link was used, is too old, or never was one; which of them is not told."""

    code = "LINK_DEAD"

    def __init__(self) -> None:
        super().__init__("this link was used already, or is too old")


def proof_id(secret: str) -> str:
    """The document id of a link's secret, which may be any text."""
    return derived_id("proof", hash_secret(secret))


def issue(purpose: Purpose, user_id: str, email: str, at: datetime) -> Proof:
    """A fresh proof that whoever shows its secret reads mail to `email`."""
    return Proof(purpose, user_id, email_key(email), at, at + LIFETIMES[purpose])


def check(proof: Proof | None, purpose: Purpose, user: User | None, at: datetime) -> str:
    """The email address that the proof speaks for, which is `user`'s or is to be.

    A link to set a password is dead once the account's sessions were ended since, as a new
    password does: of several that were asked for one is used. One to confirm an address is
    dead once the account neither has it nor waits for it.

    Raises:
        LinkDead
    """
    if proof is None or proof.purpose != purpose or proof.used_at or at >= proof.expires_at:
        raise LinkDead
    if user is None or user.user_id != proof.user_id or user.removed_at is not None:
        raise LinkDead
    if purpose == "reset" and proof.issued_at < user.valid_from:
        raise LinkDead
    open_to = (user.email, user.pending_email) if purpose == "confirm" else (user.email,)
    for email in open_to:
        if email is not None and proof.address == email_key(email):
            return email
    raise LinkDead


def use(proof: Proof, at: datetime) -> Proof:
    """The proof once it has served."""
    return replace(proof, used_at=at)
