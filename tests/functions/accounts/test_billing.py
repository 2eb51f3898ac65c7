"""Webhooks of the billing provider: signed, fresh, applied once, in any order."""

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from tests.functions.accounts.service import PASSWORD, WEBHOOK_SECRET, Service, operator, reason_of
from tests.web import NOT_OBJECTS, Clock


def signature(payload: bytes, at: float, secret: str = WEBHOOK_SECRET) -> str:
    signed = f"{int(at)}.".encode() + payload
    return f"t={int(at)},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


class Billing:
    """The provider, and one user."""

    def __init__(self, client: httpx.AsyncClient, clock: Clock, user_id: str) -> None:
        self.client, self.clock, self.user_id = client, clock, user_id

    def event(self, id: str, status: str = "active", created: float | None = None, **more: Any):
        metadata = {"user_id": self.user_id, "plan": more.pop("plan", "premium")}
        return {
            "id": id,
            "type": more.pop("type", "customer.subscription.updated"),
            "created": int(self.clock().timestamp() if created is None else created),
            "livemode": False,
            "data": {"object": {"id": "sub_1", "status": status, "metadata": metadata, **more}},
        }

    async def send(self, event: Any, header: str | None = None) -> httpx.Response:
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        given = signature(payload, self.clock().timestamp()) if header is None else header
        return await self.client.post(
            "/v1/billing/events", content=payload, headers={"stripe-signature": given}
        )

    async def plans(self, service: Service) -> list[str]:
        user = await service.collections["users"].get(self.user_id)
        return [it.plan for it in user.plans]


@pytest.fixture
async def billing():
    clock = Clock()
    service = Service(clock)
    async with service.browser() as person:
        made = await person.client.post(
            "/v1/users",
            json={
                "email": "ada@example.com",
                "display_name": "Ada",
                "password": PASSWORD,
                "territory": "SE",
            },
            headers=await operator(person.client),
        )
        clock.forward(days=1)
        yield service, Billing(person.client, clock, made.json()["user_id"])


async def test_a_paid_plan_begins_is_told_and_is_not_applied_twice(billing):
    service, provider = billing
    event = provider.event("evt_1", plan="family")
    assert (await provider.send(event)).json() == {"received": True, "applied": True}
    told = service.published.events[-1]
    assert (told.user_id, told.plan) == (provider.user_id, "family")
    count = len(service.published.events)
    provider.clock.forward(hours=3)
    assert (await provider.send(event)).json() == {"received": True, "applied": False}
    assert await provider.plans(service) == ["free", "family"]
    assert len(service.published.events) == count


async def test_an_event_that_was_applied_but_not_remembered_changes_nothing_more(billing):
    service, provider = billing
    event = provider.event("evt_1")
    await provider.send(event)
    service.collections["billing-events"]._documents.clear()  # the crash in between
    assert (await provider.send(event)).status_code == 200
    assert await provider.plans(service) == ["free", "premium"]


async def test_events_in_the_wrong_order_leave_the_latest_state(billing):
    service, provider = billing
    now = provider.clock().timestamp()
    await provider.send(provider.event("evt_2", "canceled", created=now))
    await provider.send(provider.event("evt_1", "active", created=now - 60))
    assert (await provider.plans(service))[-1] == "free"


async def test_a_subscription_that_ends_later_ends_the_plan_then(billing):
    service, provider = billing
    ends = provider.clock().timestamp() + 3600
    await provider.send(provider.event("evt_1", cancel_at=int(ends)))
    assert service.published.events[-1].plan == "premium"
    provider.clock.forward(hours=2)
    ran = await provider.client.post("/_tasks/republish-users", headers=service.pushes.bearer())
    assert ran.status_code == 204
    assert service.published.events[-1].plan == "free"


async def test_deletion_ends_the_plan_at_once(billing):
    service, provider = billing
    await provider.send(provider.event("evt_1"))
    provider.clock.forward(seconds=5)
    await provider.send(provider.event("evt_2", type="customer.subscription.deleted"))
    assert (await provider.plans(service))[-1] == "free"


async def test_unsigned_tampered_and_old_deliveries_are_refused(billing):
    service, provider = billing
    payload = json.dumps(provider.event("evt_1")).encode()
    now = provider.clock().timestamp()
    good = signature(payload, now)
    for header, reason in (
        ("", "SIGNATURE_INVALID"),
        ("t=1", "SIGNATURE_INVALID"),
        (good.partition(",")[2], "SIGNATURE_INVALID"),
        (good[:-1], "SIGNATURE_INVALID"),
        (good.replace("v1=", "v0="), "SIGNATURE_INVALID"),
        (f"t={int(now)},{good}", "SIGNATURE_INVALID"),
        (f"t={int(now) + 1},{good.partition(',')[2]}", "SIGNATURE_INVALID"),
        (signature(payload, now, "whsec_other"), "SIGNATURE_INVALID"),
        (signature(payload + b" ", now), "SIGNATURE_INVALID"),
        ("t=99999999999999999999,v1=" + "0" * 64, "SIGNATURE_INVALID"),
        (signature(payload, now - 301), "SIGNATURE_EXPIRED"),
        (signature(payload, now + 301), "SIGNATURE_EXPIRED"),
    ):
        refused = await provider.send(payload, header)
        assert (refused.status_code, reason_of(refused)) == (401, reason), header
    assert await provider.plans(service) == ["free"]
    rolled = signature(payload, now, "whsec_other") + "," + good.partition(",")[2]
    assert (await provider.send(payload, rolled)).status_code == 200, "a secret is being rolled"


async def test_malformed_events_are_refused_by_name_and_foreign_kinds_are_received(billing):
    _, provider = billing
    for body in (
        *NOT_OBJECTS,
        b'{"id": 1}',
        b'{"id":"evt\\u0000","type":"x","created":1,"data":{}}',
    ):
        refused = await provider.send(body)
        assert (refused.status_code, reason_of(refused)) == (400, "INVALID_EVENT")
    for change in (
        {"metadata": []},
        {"metadata": {"plan": "gold"}},
        {"status": 1},
        {"cancel_at": -1},
        {"cancel_at": 10**30},
    ):
        event = provider.event("evt_9")
        event["data"]["object"].update(change)
        refused = await provider.send(event)
        assert (refused.status_code, reason_of(refused)) == (400, "INVALID_EVENT")
    other = await provider.send(provider.event("evt_10", type="invoice.paid"))
    assert other.json() == {"received": True, "applied": False}
    stranger = provider.event("evt_11")
    stranger["data"]["object"]["metadata"]["user_id"] = "x" * 22
    assert (await provider.send(stranger)).status_code == 404
