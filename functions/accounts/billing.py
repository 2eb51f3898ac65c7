"""Plan changes from the billing provider: signed webhooks, each applied once.

Stripe's scheme: header `Stripe-Signature: t=UNIX,v1=HEX`, HMAC-SHA256 over `t.payload`, at most
five minutes old; several `v1` while a secret is being rolled. An event's id is remembered, and
names the plan period that it made: delivered again (or after a crash) it changes nothing.

Source: https://docs.stripe.com/webhooks#verify-manually
"""

import hmac
import logging
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Request, Response

from functions.accounts import users
from functions.accounts.accounts import Accounts
from functions.accounts.store import SeenEvent, Store
from functions.accounts.surroundings import Surroundings
from functions.accounts.users import User
from shared.errors import Invalid, NotFound, Unauthenticated
from shared.web.answers import answer

log = logging.getLogger(__name__)

TOLERANCE_S = 300
MEMORY = timedelta(days=30)
"""The provider delivers again for three days, under a new signature."""
MAX_SIGNATURES = 10
_HEADER_PART = re.compile(r"(t|v1)=([0-9a-f]{1,64})")
_PAYING = frozenset({"active", "trialing", "past_due"})
_ENDED = frozenset({"canceled", "unpaid", "incomplete_expired", "paused"})
_EVENTS = frozenset({"created", "updated", "deleted"})
Id = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z_]{1,255}$")]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=32_503_680_000)]


class _Metadata(msgspec.Struct):
    user_id: Annotated[str, msgspec.Meta(max_length=64)] = ""
    plan: Literal["premium", "family", "student"] = "premium"


class _Subscription(msgspec.Struct):
    status: Annotated[str, msgspec.Meta(max_length=64)]
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    cancel_at: Seconds | None = None


class _Data(msgspec.Struct):
    object: msgspec.Raw = msgspec.Raw(b"{}")


class _Event(msgspec.Struct):
    id: Id
    type: Annotated[str, msgspec.Meta(max_length=255)]
    created: Seconds
    data: _Data


_decoder = msgspec.json.Decoder(_Event)


def verify(header: str, payload: bytes, secret: str, at: datetime) -> None:
    """Let a delivery through.

    Raises:
        Unauthenticated: no signature of ours (code SIGNATURE_INVALID), or an old one
            (SIGNATURE_EXPIRED).
    """
    parts = [_HEADER_PART.fullmatch(part.strip()) for part in header.split(",")[:MAX_SIGNATURES]]
    found = [(part[1], part[2]) for part in parts if part]
    times = [value for name, value in found if name == "t" and len(value) <= 12]
    if len(times) != 1 or not times[0].isdecimal():
        raise Unauthenticated("the signature is malformed", code="SIGNATURE_INVALID")
    signed = times[0].encode() + b"." + payload
    expected = hmac.digest(secret.encode(), signed, "sha256").hex()
    if not any(hmac.compare_digest(expected, it) for name, it in found if name == "v1"):
        raise Unauthenticated("the signature is wrong", code="SIGNATURE_INVALID")
    if abs(at.timestamp() - int(times[0])) > TOLERANCE_S:
        raise Unauthenticated("the signature is too old", code="SIGNATURE_EXPIRED")


def routes(store: Store, accounts: Accounts, secret: str, around: Surroundings) -> APIRouter:
    """`POST /v1/billing/events`."""
    router = APIRouter()

    @router.post("/v1/billing/events")
    async def receive(request: Request) -> Response:
        body = await request.body()
        verify(request.headers.get("stripe-signature", ""), body, secret, around.now())
        try:
            event = _decoder.decode(body)
            subscription = _subscription(event)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid(f"not an event: {str(error)[:200]}", code="INVALID_EVENT") from error
        seen = await store.billing_events.find(event.id)
        if seen is None:
            if subscription is not None:
                await apply(event, subscription)
            # After it was applied: an event that was only remembered would be lost.
            remembered = SeenEvent(event.id, around.now() + MEMORY)
            await store.billing_events.claim(event.id, remembered)
        return answer({"received": True, "applied": seen is None and subscription is not None})

    async def apply(event: _Event, subscription: _Subscription) -> None:
        found = await store.users.find(subscription.metadata.user_id)
        if found is None:
            # 404, so that the provider tries again and shows the failure to its operator.
            raise NotFound("the event is about no user of ours", code="USER_NOT_FOUND")
        if found.removed_at is not None:
            log.info("billing event %s is about a deleted account", event.id)
            return
        changed = await store.users.change(
            found.user_id, lambda it: _billed(it, event, subscription)
        )
        await accounts.changed(changed)

    return router


def _subscription(event: _Event) -> _Subscription | None:
    """The subscription that the event is about; None for events of other kinds."""
    prefix, _, verb = event.type.rpartition(".")
    if prefix != "customer.subscription" or verb not in _EVENTS:
        return None
    subscription = msgspec.json.decode(event.data.object, type=_Subscription)
    if verb == "deleted":
        subscription.status = "canceled"
    return subscription


def _billed(user: User, event: _Event, subscription: _Subscription) -> User:
    """`user` after the event; one that is older than what was applied last changes nothing:
    deliveries come in any order."""
    at = datetime.fromtimestamp(event.created, UTC)
    if user.billed_at is not None and at < user.billed_at:
        return user
    until = None
    if subscription.status in _PAYING:
        plan = subscription.metadata.plan
        if subscription.cancel_at is not None:
            until = datetime.fromtimestamp(subscription.cancel_at, UTC)
            if until <= at:
                plan, until = "free", None
    elif subscription.status in _ENDED:
        plan = "free"
    else:
        return user
    changed = users.change_plan(user, plan, at, event.id, until=until)
    return replace(changed, billed_at=at)
