"""Money over HTTP: operators set pools, rates and corrections; payees read their own statements."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from functions.royalties import dsr, page, statements
from functions.royalties.books import CLOSED, Books, Payee, PeriodState
from functions.royalties.closing import Pool
from functions.royalties.corrections import Corrections
from functions.royalties.dsr import Sender
from functions.royalties.money import new_rate, parse_currency
from functions.royalties.periods import Period
from functions.royalties.reading import Asked
from shared.errors import Forbidden, Invalid
from shared.gcp.jobs import Start
from shared.ids import parse_id
from shared.territories import TERRITORIES
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Operator = Annotated[Principal, Depends(requires("royalties:write"))]
Reader = Annotated[Principal, Depends(requires("royalties:read"))]
Name = Annotated[str, Field(pattern=r"^[0-9A-Za-z _.:-]{1,100}$")]
Code = Annotated[str, Field(max_length=8)]
Reason = Annotated[str, Field(min_length=3, max_length=500)]
Amount = Annotated[int, Field(ge=-(10**18), le=10**18)]
Format = Literal["json", "csv", "html", "dsr"]

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "dsr": "text/tab-separated-values; charset=utf-8",
}


class NewPool(BaseModel):
    """What one territory and plan have to share, in minor units."""

    model_config = ConfigDict(extra="forbid")

    currency: Code
    amount_minor: Amount
    method: Literal["pro-rata", "user-centric"] = "pro-rata"


class NewRate(BaseModel):
    """One `base` is worth `value` (an exact decimal) `quote` on that day."""

    model_config = ConfigDict(extra="forbid")

    base: Code
    quote: Code
    on: date
    value: Annotated[str, Field(max_length=30)]


class PayeeChange(BaseModel):
    """What the payee is paid in; null: in what was earned."""

    model_config = ConfigDict(extra="forbid")

    currency: Code | None


class Close(BaseModel):
    """Reports from `cutoff` on are late. None: the end of the period's grace."""

    model_config = ConfigDict(extra="forbid")

    cutoff: AwareDatetime | None = None


class NewLift(BaseModel):
    """What to reinstate: one play, or an account's plays of a month."""

    model_config = ConfigDict(extra="forbid")

    play_id: Annotated[str, Field(max_length=64)] | None = None
    user_id: Annotated[str, Field(max_length=64)] | None = None
    period: Annotated[str, Field(max_length=7)] | None = None
    reason: Reason


class NewAdjustment(BaseModel):
    """Book `amount_minor` to a payee, out of `source` ("revenue", "held/SE/free", …)."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(max_length=22)]
    payee: Name
    currency: Code
    amount_minor: Amount
    source: Annotated[str, Field(pattern=r"^[A-Za-z0-9/ _.-]{1,120}$")] = "revenue"
    reason: Reason


class NewReversal(BaseModel):
    """Undo an entry of a closed period."""

    model_config = ConfigDict(extra="forbid")

    entry_id: Annotated[str, Field(max_length=22)]
    period: Annotated[str, Field(max_length=7)]
    reason: Reason


def operator_routes(
    books: Books,
    corrections: Corrections,
    asked: Asked,
    start: Start,
    *,
    now: Callable[[], datetime],
) -> APIRouter:
    """What only who holds `royalties:write` does."""
    router = APIRouter()

    @router.get("/v1/royalties/periods")
    async def list_periods(operator: Operator) -> Response:
        states = await books.states()
        return answer({"items": [period_view(it) for it in reversed(states)]})

    @router.get("/v1/royalties/periods/{period}")
    async def get_period(period: str, operator: Operator) -> Response:
        of = Period.parse(period)
        pools = [pool_view(it) for it in await books.pools_of(of)]
        return answer({**period_view(await books.state(of)), "pools": pools})

    @router.put("/v1/royalties/periods/{period}/pools/{territory}/{plan}")
    async def set_pool(
        period: str, territory: str, plan: str, new: NewPool, operator: Operator
    ) -> Response:
        if territory not in TERRITORIES:
            raise Invalid("territory is an ISO 3166-1 alpha-2 code", code="INVALID_TERRITORY")
        if plan not in ("free", "premium"):
            raise Invalid("plan is free or premium", code="INVALID_PLAN")
        pool = Pool(territory, plan, parse_currency(new.currency), new.amount_minor, new.method)
        await books.set_pool(Period.parse(period), pool, operator.client_id, now())
        return answer(pool_view(pool))

    @router.post("/v1/royalties/periods/{period}/close")
    async def close(period: str, new: Close, operator: Operator) -> Response:
        of = Period.parse(period)
        state = await books.state(of)
        if state.status != CLOSED:
            cutoff = new.cutoff.isoformat() if new.cutoff else ""
            await corrections.may_close(of, new.cutoff)
            await start({"PERIOD": str(of), "CUTOFF": cutoff})
        return answer(period_view(state), 202)

    @router.post("/v1/royalties/runs")
    async def run(operator: Operator) -> Response:
        await start({})
        return answer({"started": True}, 202)

    @router.get("/v1/royalties/periods/{period}/screened")
    async def screened(period: str, operator: Operator) -> Response:
        return answer({"items": await asked.screened(Period.parse(period))})

    @router.get("/v1/royalties/periods/{period}/ledger")
    async def read_ledger(period: str, operator: Operator) -> Response:
        text = await asked.ledger(Period.parse(period))
        return Response(text, media_type="application/x-ndjson")

    @router.put("/v1/royalties/rates")
    async def set_rate(new: NewRate, operator: Operator) -> Response:
        rate = new_rate(new.base, new.quote, new.on, new.value)
        await books.set_rate(rate, operator.client_id, now())
        return answer(new.model_dump(mode="json"))

    @router.put("/v1/royalties/payees/{payee}")
    async def set_payee(payee: str, new: PayeeChange, operator: Operator) -> Response:
        currency = parse_currency(new.currency) if new.currency else None
        await corrections.set_payee(Payee(payee, currency))
        return answer({"payee": payee, "currency": currency})

    @router.post("/v1/royalties/reinstatements")
    async def reinstate(new: NewLift, operator: Operator) -> Response:
        lift = await corrections.lift(
            new.play_id, new.user_id, new.period, new.reason, operator.client_id
        )
        return answer(
            {
                "id": lift.lift_id,
                "play_id": lift.play_id,
                "user_id": lift.user_id,
                "period": lift.of_period,
                "reason": lift.reason,
            },
            201,
        )

    @router.post("/v1/royalties/adjustments")
    async def adjust(new: NewAdjustment, operator: Operator) -> Response:
        made = await corrections.adjust(
            parse_id(new.id),
            payee=new.payee,
            currency=parse_currency(new.currency),
            amount=new.amount_minor,
            source=new.source,
            reason=new.reason,
            by=operator.client_id,
        )
        return answer({"entry_id": made.entry_id}, 201)

    @router.post("/v1/royalties/reversals")
    async def reverse(new: NewReversal, operator: Operator) -> Response:
        made = await corrections.reverse(
            parse_id(new.entry_id), Period.parse(new.period), new.reason, operator.client_id
        )
        return answer({"entry_id": made.entry_id, "refers_to": made.refers_to}, 201)

    return router


def routes(asked: Asked, sender: Sender) -> APIRouter:
    """What payees read of their own: `royalties:read`, and `payee:ID` in what they own."""
    router = APIRouter()

    @router.get("/v1/royalties/statements/{payee}")
    async def list_statements(payee: str, reader: Reader) -> Response:
        _own(reader, payee)
        return answer({"payee": payee, "items": await asked.statements(payee)})

    @router.get("/v1/royalties/statements/{payee}/{period}")
    async def get_statement(
        payee: str,
        period: str,
        reader: Reader,
        format: Annotated[Format, Query(description="json, csv, html or dsr")] = "json",
    ) -> Response:
        _own(reader, payee)
        if format == "dsr":
            sender.must_be_known()
        it = await asked.statement(payee, Period.parse(period))
        if format == "json":
            return answer(it)
        at = it.cutoff
        text = {
            "csv": lambda: statements.to_csv(it),
            "html": lambda: page.page(it),
            "dsr": lambda: dsr.flat_file(it, sender, at),
        }[format]()
        name = dsr.file_name(it, sender, at) if format == "dsr" else f"{payee}-{period}.{format}"
        safe = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_"
                       for char in name)  # fmt: skip
        headers = {
            "content-disposition": f'inline; filename="{safe}"',
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        }
        return Response(text, media_type=MEDIA[format], headers=headers)

    @router.get("/v1/royalties/plays/{play_id}")
    async def explain(play_id: str, reader: Reader) -> Response:
        verdicts = await asked.explain(parse_id(play_id, "play id"))
        if not any(reader.may_see(f"payee:{it['payee']}") for it in verdicts):
            raise Forbidden("the play is not yours", code="NOT_YOURS")
        return answer({"play_id": play_id, "verdicts": verdicts})

    return router


def _own(reader: Principal, payee: str) -> None:
    if not reader.may_see(f"payee:{payee}"):
        raise Forbidden("the statement is not yours", code="NOT_YOURS")


def pool_view(it: Pool) -> dict[str, Any]:
    return {
        "territory": it.territory,
        "plan": it.plan,
        "currency": it.currency,
        "amount_minor": it.amount,
        "method": it.method,
    }


def period_view(it: PeriodState) -> dict[str, Any]:
    return {
        "period": it.period,
        "status": it.status,
        "cutoff": it.cutoff,
        "ledger": it.hash,
        "previous_ledger": it.previous_hash or None,
        "closed_at": it.closed_at,
        "accrued_at": it.accrued_at,
        "payees": it.payees,
        "plays_without_pool": it.unpooled,
        "totals_minor": it.totals or {},
    }
