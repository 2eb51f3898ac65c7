"""What the operations of royalties answer, as JSON Schema."""

from functions.royalties.terms import VERDICTS
from shared.web.shapes import (
    COUNT,
    INSTANT,
    TEXT,
    YES_NO,
    Answers,
    Content,
    Shape,
    many,
    mapping,
    nullable,
    record,
    word,
)

_MINOR: Shape = {"type": "integer", "description": "minor units of the currency"}
_MONTH: Shape = {"type": "string", "pattern": r"^\d{4}-\d\d$"}
_DAY: Shape = {"type": "string", "format": "date"}
_METHOD = word("pro-rata", "user-centric")
_STATE = {
    "period": _MONTH,
    "status": word("open", "closing", "closed"),
    "cutoff": nullable(INSTANT),
    "ledger": nullable(TEXT),
    "previous_ledger": nullable(TEXT),
    "closed_at": nullable(INSTANT),
    "accrued_at": nullable(INSTANT),
    "payees": COUNT,
    "plays_without_pool": COUNT,
    "totals_minor": mapping(_MINOR),
}
_POOL = record(
    "Pool",
    {"territory": TEXT, "plan": TEXT, "currency": TEXT, "amount_minor": _MINOR, "method": _METHOD},
)
_TOLD = record(
    "DescribedTrack",
    {
        "title": TEXT,
        "artists": TEXT,
        "isrc": nullable(TEXT),
        "iswc": nullable(TEXT),
        "album": nullable(TEXT),
        "upc": nullable(TEXT),
        "label": nullable(TEXT),
        "duration_ms": COUNT,
    },
)
_STATEMENT = record(
    "Statement",
    {
        "payee": TEXT,
        "name": TEXT,
        "period": _MONTH,
        "status": word("provisional", "final"),
        "cutoff": INSTANT,
        "ledger": TEXT,
        "items": many(
            record(
                "StatementItem",
                {
                    "territory": TEXT,
                    "plan": TEXT,
                    "track_id": TEXT,
                    "told": _TOLD,
                    "of_period": _MONTH,
                    "plays": COUNT,
                    "monetised": YES_NO,
                    "currency": TEXT,
                    "amount": _MINOR,
                },
            )
        ),
        "adjustments": many(
            record(
                "StatementAdjustment",
                {
                    "entry_id": TEXT,
                    "kind": TEXT,
                    "currency": TEXT,
                    "amount": _MINOR,
                    "refers_to": nullable(TEXT),
                    "reason": nullable(TEXT),
                },
            )
        ),
        "exchanges": many(
            record(
                "StatementExchange",
                {
                    "currency": TEXT,
                    "amount": _MINOR,
                    "rate": TEXT,
                    "rate_on": _DAY,
                    "paid_currency": TEXT,
                    "paid_amount": _MINOR,
                },
            )
        ),
        "totals": mapping(_MINOR),
        "not_counted": mapping(COUNT),
    },
)
_SHORT = record(
    "StatementInShort",
    {
        "period": _MONTH,
        "status": word("provisional", "final"),
        "plays": COUNT,
        "totals_minor": mapping(_MINOR),
    },
)
_VERDICT = record(
    "Verdict",
    {
        "period": _MONTH,
        "of_period": _MONTH,
        "track_id": TEXT,
        "payee": nullable(TEXT),
        "licence_id": nullable(TEXT),
        "started_at": INSTANT,
        "heard_ms": COUNT,
        "verdict": word(*VERDICTS),
        "measure": nullable(COUNT),
        "bound": nullable(COUNT),
        "why": TEXT,
    },
)
_SCREENED = record(
    "ScreenedAccount",
    {
        "user_id": TEXT,
        "payee": nullable(TEXT),
        "verdict": word(*VERDICTS),
        "plays": COUNT,
        "for_example": TEXT,
    },
)
_LIFT = record(
    "Reinstatement",
    {
        "id": TEXT,
        "play_id": nullable(TEXT),
        "user_id": nullable(TEXT),
        "period": _MONTH,
        "reason": TEXT,
    },
)

ANSWERS: dict[str, Answers] = {
    "GET /v1/royalties/periods": {
        200: record(None, {"items": many(record("PeriodState", _STATE))}),
    },
    "GET /v1/royalties/periods/{period}": {
        200: record("Period", {**_STATE, "pools": many(_POOL)}),
    },
    "PUT /v1/royalties/periods/{period}/pools/{territory}/{plan}": {200: _POOL},
    "POST /v1/royalties/periods/{period}/close": {202: record("PeriodState", _STATE)},
    "POST /v1/royalties/runs": {202: record(None, {"started": YES_NO})},
    "GET /v1/royalties/periods/{period}/screened": {200: record(None, {"items": many(_SCREENED)})},
    "GET /v1/royalties/periods/{period}/ledger": {200: Content("application/x-ndjson")},
    "PUT /v1/royalties/rates": {
        200: record("Rate", {"base": TEXT, "quote": TEXT, "on": _DAY, "value": TEXT}),
    },
    "PUT /v1/royalties/payees/{payee}": {
        200: record("Payee", {"payee": TEXT, "currency": nullable(TEXT)}),
    },
    "POST /v1/royalties/reinstatements": {201: _LIFT},
    "POST /v1/royalties/adjustments": {201: record(None, {"entry_id": TEXT})},
    "POST /v1/royalties/reversals": {
        201: record(None, {"entry_id": TEXT, "refers_to": nullable(TEXT)}),
    },
    "GET /v1/royalties/statements/{payee}": {
        200: record(None, {"payee": TEXT, "items": many(_SHORT)}),
    },
    "GET /v1/royalties/statements/{payee}/{period}": {200: _STATEMENT},
    "GET /v1/royalties/plays/{play_id}": {
        200: record(None, {"play_id": TEXT, "verdicts": many(_VERDICT)}),
    },
}
