"""Users, their plans over time and their devices. Pure."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime

from shared.errors import Conflict, Forbidden, Invalid
from shared.events import UserChanged
from shared.ids import base62, derived_id

PLANS = ("free", "premium", "family", "student")
ENTITLES = {"free": "free", "premium": "premium", "family": "premium", "student": "premium"}
"""What a plan lets its user hear: licences and signatures know free and premium only."""

DEVICE_TYPES = ("computer", "smartphone", "speaker", "tablet", "tv", "other")
MAX_DEVICES = 50
MAX_PLANS = 500
# Nothing that would need quotes in a mail's header, or means something there (RFC 5322 §3.2.3).
_ATOM = r"[^@\s\x00-\x20\x7f\"(),:;<>\[\]\\.]"
_EMAIL = re.compile(rf"(?=.{{1,64}}@){_ATOM}+(\.{_ATOM}+)*@{_ATOM}+(\.{_ATOM}+)+")


@dataclass(frozen=True, slots=True)
class PlanPeriod:
    """A plan in force in [starts_at, ends_at); no end: until further notice. `cause` says why:
    "sign-up", an operator, or the id of a billing event."""

    plan: str
    starts_at: datetime
    ends_at: datetime | None
    cause: str


@dataclass(frozen=True, slots=True)
class Device:
    """A device that the user registered."""

    device_id: str
    name: str
    type: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class User:
    """An account. `plans` in order of time, without overlap; gaps are free.

    `valid_from`: sessions that began before it are over. `billed_at`: the instant of the last
    billing event that was applied. `plan_turns_at`: when the plan next changes by itself.
    `unpublished_at`: a change that others may not have heard of. `email_verified_at` None: nobody
    has shown yet that they read mail there. `pending_email`: where the account moves, once its
    owner has confirmed it.
    """

    user_id: str
    email: str
    display_name: str
    password_hash: str
    territory: str
    created_at: datetime
    plans: tuple[PlanPeriod, ...]
    valid_from: datetime
    revision: int = 1
    explicit_filter: bool = False
    devices: tuple[Device, ...] = ()
    billed_at: datetime | None = None
    plan_turns_at: datetime | None = None
    unpublished_at: datetime | None = None
    removed_at: datetime | None = None
    email_verified_at: datetime | None = None
    pending_email: str | None = None


def parse_email(text: str) -> str:
    """An email address as it is compared: trimmed, NFC, in lower case.

    Raises:
        Invalid: it has not the shape of one (code INVALID_EMAIL).
    """
    email = unicodedata.normalize("NFC", text.strip()).lower()
    # "C": controls, and what changes how the rest is read (Cf) or cannot be written (Cs).
    unseen = any(unicodedata.category(it)[0] in "CZ" for it in email)
    if len(email) > 254 or unseen or not _EMAIL.fullmatch(email):
        raise Invalid("that is not an email address", code="INVALID_EMAIL")
    return email


def email_key(email: str) -> str:
    """The document id that an address claims."""
    return base62(hashlib.sha256(email.encode()).digest())


def parse_name(text: str) -> str:
    """A display name of 1 to 60 visible characters.

    Raises:
        Invalid: empty, too long, or with control characters (code INVALID_NAME).
    """
    name = " ".join(unicodedata.normalize("NFC", text).split()) if _utf8(text) else ""
    if not 1 <= len(name) <= 60 or any(unicodedata.category(it) in ("Cc", "Cs") for it in name):
        raise Invalid("a name has 1 to 60 characters", code="INVALID_NAME")
    return name


def sign_up(
    user_id: str, email: str, name: str, password_hash: str, territory: str, at: datetime
) -> User:
    """A new user on the free plan."""
    period = PlanPeriod("free", at, None, "sign-up")
    return User(
        user_id, email, name, password_hash, territory, at, (period,), at, unpublished_at=at
    )


def plan_at(user: User, at: datetime) -> str:
    """The plan in force at `at`; free where no period covers it."""
    for period in user.plans:
        if period.starts_at <= at and (period.ends_at is None or at < period.ends_at):
            return period.plan
    return "free"


def plan_until(user: User, at: datetime) -> datetime | None:
    """The next instant after `at` at which the plan may change by itself."""
    edges = [edge for it in user.plans for edge in (it.starts_at, it.ends_at) if edge]
    return min((edge for edge in edges if edge > at), default=None)


def change_plan(
    user: User, plan: str, at: datetime, cause: str, *, until: datetime | None = None
) -> User:
    """`user` on `plan` in [at, until), whatever was planned for after `at`. History stays.

    The same `cause` again changes nothing.

    Raises:
        Invalid: no such plan (code INVALID_PLAN), or an empty window (INVALID_WINDOW).
    """
    if plan not in PLANS:
        raise Invalid(f"plan is one of {', '.join(PLANS)}", code="INVALID_PLAN")
    if until is not None and until <= at:
        raise Invalid("the plan would end before it starts", code="INVALID_WINDOW")
    if any(it.cause == cause for it in user.plans):
        return user
    kept = tuple(
        it if it.ends_at is not None and it.ends_at <= at else replace(it, ends_at=at)
        for it in user.plans
        if it.starts_at < at
    )
    plans = (*kept, PlanPeriod(plan, at, until, cause))[-MAX_PLANS:]
    return touched(replace(user, plans=plans, plan_turns_at=until), at)


def touched(user: User, at: datetime) -> User:
    """The next revision, not yet published."""
    return replace(user, revision=user.revision + 1, unpublished_at=at)


def turn_plan(user: User, at: datetime) -> User:
    """`user` after its plan changed by itself at or before `at`: a revision to publish."""
    if user.plan_turns_at is None or user.plan_turns_at > at:
        return user
    return touched(replace(user, plan_turns_at=plan_until(user, at)), at)


def rename(user: User, name: str, territory: str, explicit_filter: bool, at: datetime) -> User:
    """`user` with another public profile."""
    changed = replace(user, display_name=name, territory=territory, explicit_filter=explicit_filter)
    return user if changed == user else touched(changed, at)


def sign_out_everywhere(user: User, at: datetime) -> User:
    """Every session that began before `at` is over."""
    return replace(user, valid_from=at)


def set_password(user: User, password_hash: str, at: datetime) -> User:
    """A new password; whoever was signed in by the old one no longer is, and moves the account to
    no other address either."""
    changed = replace(user, password_hash=password_hash, pending_email=None)
    return sign_out_everywhere(changed, at)


def reset_password(user: User, password_hash: str, at: datetime) -> User:
    """A new password, set by someone who reads the mail to the user's address."""
    return set_password(prove_email(user, user.email, at), password_hash, at)


def await_email(user: User, email: str | None) -> User:
    """`user` moves to `email` once that is proven; None: stays."""
    return replace(user, pending_email=email)


def prove_email(user: User, email: str, at: datetime) -> User:
    """`user` once someone has shown that they read the mail to `email`.

    Raises:
        Conflict: it is neither the user's address nor the one to come (code OTHER_EMAIL).
    """
    if email == user.email:
        return replace(user, email_verified_at=user.email_verified_at or at)
    if email != user.pending_email:
        raise Conflict("that address is not awaited", code="OTHER_EMAIL")
    return replace(user, email=email, email_verified_at=at, pending_email=None)


def add_device(user: User, device: Device) -> User:
    """`user` with one device more.

    Raises:
        Invalid: an unknown type (code INVALID_DEVICE).
        Conflict: there are too many (code TOO_MANY_DEVICES).
    """
    if device.type not in DEVICE_TYPES:
        raise Invalid(f"type is one of {', '.join(DEVICE_TYPES)}", code="INVALID_DEVICE")
    others = tuple(it for it in user.devices if it.device_id != device.device_id)
    if len(others) >= MAX_DEVICES:
        raise Conflict(f"no more than {MAX_DEVICES} devices", code="TOO_MANY_DEVICES")
    return replace(user, devices=(*others, device))


def remove_device(user: User, device_id: str) -> User:
    """`user` without that device; the same again is no error."""
    return replace(user, devices=tuple(it for it in user.devices if it.device_id != device_id))


def remove(user: User, at: datetime) -> User:
    """What remains of a deleted account: that it was there. Nothing personal is kept."""
    return touched(
        User(user.user_id, "", "", "", "ZZ", user.created_at, (), at, user.revision, removed_at=at),
        at,
    )


def alive(user: User | None) -> User:
    """`user`, if there is one that was not deleted.

    Raises:
        Forbidden: code ACCOUNT_GONE.
    """
    if user is None or user.removed_at is not None:
        raise Forbidden("there is no such account any more", code="ACCOUNT_GONE")
    return user


def changed(user: User, at: datetime) -> UserChanged:
    """The event that tells of the user's current revision."""
    return UserChanged(
        event_id=derived_id("user", user.user_id, str(user.revision)),
        occurred_at=at,
        user_id=user.user_id,
        revision=user.revision,
        display_name=user.display_name,
        plan=plan_at(user, at),
        territory=user.territory,
        removed=user.removed_at is not None,
    )


def published(user: User, revision: int) -> User:
    """`user` once `revision` was published; unchanged when a later one waits."""
    return replace(user, unpublished_at=None) if user.revision == revision else user


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
