"""Clients report what was played; each report is judged on its own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from functions.events.domain import MAX_BATCH, MAX_PLAYED_MS, check_times
from shared import instants
from shared.errors import Invalid, Unavailable
from shared.events import TrackPlayed
from shared.instants import in_utc
from shared.web.answers import answer
from shared.web.errors import describe
from shared.web.principal import Principal, requires

log = logging.getLogger(__name__)

Listener = Annotated[Principal, Depends(requires("streaming"))]
Id = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{22}\z")]
Word = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:-]{1,64}\z")]
Count = Annotated[int, Field(ge=0, le=1 << 50)]


class Batch(BaseModel):
    """Up to 100 reports. They are validated one by one, so that one bad one spoils no other."""

    events: list[Any] = Field(min_length=1)


class PlayReport(BaseModel):
    """One play as the client saw it. `started_at` with its UTC offset."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["track_played"]
    event_id: Id
    play_id: Id
    track_id: Id
    started_at: AwareDatetime
    ms_played: Annotated[int, Field(ge=0, le=MAX_PLAYED_MS)]
    codec: Word
    kbps: Annotated[int, Field(ge=0, le=100_000)]
    end_reason: Word
    source: Word | None = None
    bytes_fetched: Count | None = None
    rebuffers: Count | None = None
    licence_id: Word | None = None
    device_id: Word | None = None
    duration_ms: Annotated[int, Field(ge=1, le=MAX_PLAYED_MS)] | None = None
    ms_distinct: Annotated[int, Field(ge=0, le=MAX_PLAYED_MS)] | None = None
    context: Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:-]{1,120}\z")] | None = None
    offline: bool | None = None


_reports = TypeAdapter(PlayReport)


def routes(
    publish: Callable[[TrackPlayed], Awaitable[None]],
    *,
    now: Callable[[], datetime] = instants.now,
) -> APIRouter:
    """`POST /v1/events`."""
    router = APIRouter()

    @router.post("/v1/events")
    async def collect(batch: Batch, listener: Listener) -> Response:
        if len(batch.events) > MAX_BATCH:
            raise Invalid(f"at most {MAX_BATCH} events at once", code="TOO_MANY_EVENTS")
        at = now()
        rejected: dict[int, tuple[str, str]] = {}
        accepted: dict[int, TrackPlayed] = {}
        for index, item in enumerate(batch.events):
            try:
                accepted[index] = played(item, listener, at)
            except Invalid as error:
                rejected[index] = (error.code, error.message)
        outcomes = await asyncio.gather(
            *(publish(event) for event in accepted.values()), return_exceptions=True
        )
        for index, outcome in zip(accepted, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                log.error("an event was not published", exc_info=outcome)
                rejected[index] = ("UNAVAILABLE", "try again")
        if accepted and all(isinstance(outcome, BaseException) for outcome in outcomes):
            raise Unavailable("no event of the batch was published")
        return answer(
            {
                "accepted": len(batch.events) - len(rejected),
                "rejected": [
                    {"index": index, "reason": rejected[index][0], "message": rejected[index][1]}
                    for index in sorted(rejected)
                ],
            },
            202,
        )

    return router


def played(item: Any, listener: Principal, at: datetime) -> TrackPlayed:
    """The event that one report gives. Who, where, on which plan and with what application come
    from the token.

    Raises:
        Invalid: a field is missing or malformed, or the times can't be.
    """
    try:
        report = _reports.validate_python(item)
    except ValidationError as error:
        raise Invalid(describe(error.errors(include_url=False, include_input=False))) from error
    started_at = check_times(in_utc(report.started_at), report.ms_played, at)
    return TrackPlayed(
        event_id=report.event_id,
        occurred_at=at,
        play_id=report.play_id,
        user_id=listener.user_id,
        track_id=report.track_id,
        started_at=started_at,
        ms_played=report.ms_played,
        codec=report.codec,
        kbps=report.kbps,
        end_reason=report.end_reason,
        territory=listener.territory,
        plan=listener.plan,
        source=report.source,
        bytes_fetched=report.bytes_fetched,
        rebuffers=report.rebuffers,
        licence_id=report.licence_id,
        client_id=listener.client_id,
        device_id=report.device_id,
        duration_ms=report.duration_ms,
        ms_distinct=report.ms_distinct,
        context=report.context,
        offline=report.offline,
    )
