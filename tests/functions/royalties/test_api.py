"""Money over HTTP: operators write, payees read what is theirs, others are refused by name."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.ddex.identifiers import NOBODY
from tests.functions.royalties.events import played
from tests.functions.royalties.fakes import SEPTEMBER, TOKENS, Royalties
from tests.web import BAD_IDS, NOT_OBJECTS, client_of, code_of

OPERATOR = "royalties:write royalties:read"
POOL = "/v1/royalties/periods/2026-09/pools/SE/premium"


def operator() -> dict[str, str]:
    return TOKENS.bearer(OPERATOR, owns=["*"])


async def closed() -> Royalties:
    it = Royalties()
    it.oracle.plays = [played(1), played(2, ms_played=5)]
    it.clock.at = datetime(2026, 10, 8, tzinfo=UTC)
    await it.pool(1000)
    await it.accounting.run()
    return it


async def test_a_pool_is_set_changed_and_shown_until_the_period_closes():
    it = Royalties()
    async with client_of(it.app()) as client:
        for amount in (5, 7):
            body = {"currency": "SEK", "amount_minor": amount, "method": "user-centric"}
            response = await client.put(POOL, json=body, headers=operator())
            assert response.status_code == 200
        shown = (await client.get("/v1/royalties/periods/2026-09", headers=operator())).json()
        assert [(pool["amount_minor"], pool["method"]) for pool in shown["pools"]] == [
            (7, "user-centric")
        ]
        it.clock.at = datetime(2026, 10, 8, tzinfo=UTC)
        await it.accounting.run()
        response = await client.put(POOL, json=body, headers=operator())
        assert (response.status_code, code_of(response)) == (409, "PERIOD_CLOSED")


@pytest.mark.parametrize(
    ("path", "changes", "code"),
    [
        (POOL.replace("SE", "XX"), {}, "INVALID_TERRITORY"),
        (POOL.replace("premium", "gold"), {}, "INVALID_PLAN"),
        (POOL.replace("2026-09", "2026-13"), {}, "INVALID_PERIOD"),
        (POOL, {"currency": "kr"}, "INVALID_CURRENCY"),
        (POOL, {"amount_minor": 1.5}, "INVALID"),
        (POOL, {"amount_minor": 10**19}, "INVALID"),
        (POOL, {"method": "by taste"}, "INVALID"),
        (POOL, {"extra": 1}, "INVALID"),
    ],
)
async def test_wrong_pools_have_named_errors(path: str, changes: dict[str, Any], code: str):
    body = {"currency": "SEK", "amount_minor": 5, **changes}
    async with client_of(Royalties().app()) as client:
        response = await client.put(path, json=body, headers=operator())
    assert (response.status_code, code_of(response)) == (400, code)


@pytest.mark.parametrize("body", NOT_OBJECTS)
async def test_a_body_that_is_no_object_is_400(body: bytes):
    headers = {**operator(), "content-type": "application/json"}
    async with client_of(Royalties().app()) as client:
        for method, path in (
            ("PUT", POOL),
            ("PUT", "/v1/royalties/rates"),
            ("POST", "/v1/royalties/adjustments"),
            ("POST", "/v1/royalties/reversals"),
            ("POST", "/v1/royalties/reinstatements"),
        ):
            response = await client.request(method, path, content=body, headers=headers)
            assert response.status_code == 400, (path, response.text)


async def test_closing_starts_the_job_and_says_at_once_what_it_would_refuse():
    it = Royalties()
    await it.pool(5)
    path = "/v1/royalties/periods/2026-09/close"
    async with client_of(it.app()) as client:
        response = await client.post(path, json={}, headers=operator())
        assert (response.status_code, code_of(response)) == (409, "PERIOD_NOT_OVER")
        it.clock.at = datetime(2026, 10, 2, tzinfo=UTC)
        cutoff = "2026-10-01T12:00:00+02:00"
        response = await client.post(path, json={"cutoff": cutoff}, headers=operator())
        assert response.status_code == 202
        response = await client.post("/v1/royalties/runs", headers=operator())
        assert response.status_code == 202
    assert it.started == [{"PERIOD": "2026-09", "CUTOFF": cutoff}, {}]


async def test_a_payee_reads_its_own_statements_in_every_form_and_nobody_elses():
    it = await closed()
    mine = TOKENS.bearer("royalties:read", owns=["payee:payee-0"])
    other = TOKENS.bearer("royalties:read", owns=["payee:payee-1", "label:payee-0"])
    none = TOKENS.bearer("royalties:read")
    path = "/v1/royalties/statements/payee-0"
    async with client_of(it.app()) as client:
        response = await client.get(path, headers=mine)
        assert [(i["period"], i["status"]) for i in response.json()["items"]] == [
            ("2026-09", "final")
        ]
        for format, start in (
            ("json", '{"payee":"payee-0"'),
            ("csv", "kind,period"),
            ("html", "<!doctype html>"),
            ("dsr", "HEAD\tdsrf/30"),
        ):
            response = await client.get(f"{path}/2026-09?format={format}", headers=mine)
            assert response.status_code == 200
            assert response.text.startswith(start)
        assert "script" not in response.headers["content-security-policy"]
        for asked in (path, f"{path}/2026-09", "/v1/royalties/plays/" + "a" * 22):
            for wrong in (other, none):
                response = await client.get(asked, headers=wrong)
                assert response.status_code in (403, 404)
                assert code_of(response) in ("NOT_YOURS", "PLAY_NOT_FOUND")
        response = await client.get(f"{path}/2026-07", headers=mine)
        assert (response.status_code, code_of(response)) == (404, "STATEMENT_NOT_FOUND")
        response = await client.get(f"{path}/2026-09?format=pdf", headers=mine)
        assert response.status_code == 400


async def test_a_usage_report_is_refused_until_it_was_said_who_reports():
    it = await closed()
    it.party_id = NOBODY
    mine = TOKENS.bearer("royalties:read", owns=["payee:payee-0"])
    async with client_of(it.app()) as client:
        path = "/v1/royalties/statements/payee-0/2026-09"
        response = await client.get(f"{path}?format=dsr", headers=mine)
        assert (response.status_code, code_of(response)) == (409, "NO_PARTY_ID")
        assert "segue:ddexPartyId" in response.json()["error"]["message"]
        assert (await client.get(f"{path}?format=csv", headers=mine)).status_code == 200


async def test_only_who_may_write_changes_money():
    reader = TOKENS.bearer("royalties:read streaming insights:read", owns=["*"])
    async with client_of(Royalties().app()) as client:
        for method, path in (
            ("GET", "/v1/royalties/periods"),
            ("GET", "/v1/royalties/periods/2026-09"),
            ("GET", "/v1/royalties/periods/2026-09/ledger"),
            ("GET", "/v1/royalties/periods/2026-09/screened"),
            ("PUT", POOL),
            ("PUT", "/v1/royalties/rates"),
            ("PUT", "/v1/royalties/payees/x"),
            ("POST", "/v1/royalties/runs"),
            ("POST", "/v1/royalties/periods/2026-09/close"),
            ("POST", "/v1/royalties/adjustments"),
            ("POST", "/v1/royalties/reversals"),
            ("POST", "/v1/royalties/reinstatements"),
        ):
            response = await client.request(method, path, json={}, headers=reader)
            assert response.status_code in (403, 400), path
            assert response.status_code == 403 or method != "GET"
            response = await client.request(method, path, json={})
            assert response.status_code in (401, 400), path


async def test_an_adjustment_is_booked_once_and_reaches_the_next_statement():
    it = await closed()
    body = {
        "id": "a" * 22,
        "payee": "payee-0",
        "currency": "SEK",
        "amount_minor": -50,
        "reason": "counted twice",
    }
    async with client_of(it.app()) as client:
        first = await client.post("/v1/royalties/adjustments", json=body, headers=operator())
        again = await client.post("/v1/royalties/adjustments", json=body, headers=operator())
        assert (first.status_code, again.json()) == (201, first.json())
        for changes, status, code in (
            ({"amount_minor": 7}, 409, "ID_TAKEN"),
            ({"id": "short"}, 400, "INVALID_ID"),
            ({"id": "b" * 22, "amount_minor": 0}, 400, "INVALID_AMOUNT"),
            ({"id": "b" * 22, "source": "payable/payee-0"}, 400, "INVALID_AMOUNT"),
        ):
            response = await client.post(
                "/v1/royalties/adjustments", json={**body, **changes}, headers=operator()
            )
            assert (response.status_code, code_of(response)) == (status, code)
    await it.accounting.run()
    document = await it.asked.statement("payee-0", SEPTEMBER.next)
    assert document.totals == {"SEK": -50}


async def test_the_ledger_is_shown_of_closed_periods_alone():
    it = await closed()
    async with client_of(it.app()) as client:
        response = await client.get("/v1/royalties/periods/2026-09/ledger", headers=operator())
        assert len(response.text.splitlines()) == 2
        response = await client.get("/v1/royalties/periods/2026-10/ledger", headers=operator())
        assert (response.status_code, code_of(response)) == (404, "PERIOD_NOT_CLOSED")


async def test_a_rate_of_a_closed_month_cannot_be_changed():
    it = await closed()
    body = {"base": "SEK", "quote": "EUR", "on": "2026-09-30", "value": "0.09"}
    async with client_of(it.app()) as client:
        response = await client.put("/v1/royalties/rates", json=body, headers=operator())
        assert (response.status_code, code_of(response)) == (409, "PERIOD_CLOSED")
        for changes, code in (
            ({"value": "nan"}, "INVALID_RATE"),
            ({"on": "2026-02-30"}, "INVALID"),
        ):
            response = await client.put(
                "/v1/royalties/rates", json={**body, **changes}, headers=operator()
            )
            assert (response.status_code, code_of(response)) == (400, code)


@pytest.mark.parametrize("id", BAD_IDS)
async def test_bad_ids_are_400(id: str):
    async with client_of(Royalties().app()) as client:
        response = await client.get(f"/v1/royalties/plays/{id}", headers=operator())
        assert response.status_code in (400, 404)


async def test_the_schedule_starts_the_job():
    it = Royalties()
    async with client_of(it.app()) as client:
        response = await client.post("/_tasks/run-royalties", headers=it.pushes.bearer())
        assert response.status_code == 204
        assert (await client.post("/_tasks/run-royalties")).status_code == 401
    assert it.started == [{}]
