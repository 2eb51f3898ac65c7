"""Deals over HTTP: DDEX messages as they come, and the same in JSON."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from functions.rights import importing, releases
from functions.rights.api import RightsHolder, token_of
from functions.rights.intake import Intake, Outcome
from functions.rights.releases import Covered, Release
from shared import identifiers
from shared.errors import Invalid
from shared.ids import parse_id
from shared.instants import in_utc
from shared.rights.deals import MAX_DEALS, Deal, check
from shared.rights.moments import after_last, first_of
from shared.rights.vocabulary import PLANS, STREAM
from shared.web.answers import answer

Text = Annotated[str, Field(min_length=1, max_length=64)]
Texts = Annotated[list[Text], Field(max_length=300)]
Date = Annotated[str, Field(max_length=40)] | None
_XML = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?xml\s*(?:;.*)?")
_NAME = re.compile(r"[0-9A-Za-z._:-]{1,64}")


class NewDeal(BaseModel):
    """Terms, in DDEX's words. Dates as YYYY-MM-DD (the listener's own day) or with a time, whose
    zone makes it an instant; `through` includes its whole day or second. `plans` are a short way
    to say commercial models."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    kind: Literal["grant", "pre_order", "holdback"] = "grant"
    plans: Annotated[list[Text], Field(max_length=10)] = []
    models: Annotated[list[Text], Field(max_length=20)] = []
    uses: Annotated[list[Text], Field(max_length=60)] = [STREAM]
    territories: Texts = ["Worldwide"]
    excluded: Texts = []
    from_: Date = Field(None, alias="from")
    through: Date = None
    channels: Annotated[list[Text], Field(max_length=100)] = []
    excluded_channels: Annotated[list[Text], Field(max_length=100)] = []
    usages: Annotated[int, Field(ge=1, le=10**9)] | None = None
    display_from: Date = None
    cover_from: Date = None
    listing_from: Date = None
    clips_from: Date = None
    clips: bool = True


class NewCovered(BaseModel):
    """A recording by ISRC, or one of our tracks; `deals` are places in the list, from 0."""

    model_config = ConfigDict(extra="forbid")

    isrc: Text | None = None
    track_id: Text | None = None
    deals: Annotated[list[Annotated[int, Field(ge=0, lt=MAX_DEALS)]], Field(max_length=MAX_DEALS)]


class NewRelease(BaseModel):
    """All that covers a release from now on. `made_at` orders messages; without one, now."""

    model_config = ConfigDict(extra="forbid")

    licensor_id: Text
    licensor_name: Annotated[str, Field(min_length=1, max_length=200)]
    upc: Text | None = None
    made_at: AwareDatetime | None = None
    message_id: Text | None = None
    deals: Annotated[list[NewDeal], Field(max_length=MAX_DEALS)]
    recordings: Annotated[list[NewCovered], Field(max_length=releases.MAX_RECORDINGS)]


def routes(
    intake: Intake, *, us: str, new_id: Callable[[], str], now: Callable[[], datetime]
) -> APIRouter:
    """`/v1/rights/messages` and `/v1/rights/releases`; `us` is our DDEX party id."""
    router = APIRouter()

    @router.post("/v1/rights/messages")
    async def take(holder: RightsHolder, request: Request) -> Response:
        """A DDEX ERN 4 message, as application/xml. What is refused is named by its line; all
        else is taken."""
        if not _XML.fullmatch(request.headers.get("content-type", "").strip().lower()):
            raise Invalid("a message is application/xml", code="NOT_XML")
        body = await request.body()
        # Seconds of work for the largest: not on the loop.
        told = await asyncio.to_thread(importing.read, [body], us=us, at=now())
        done = []
        if not told.header.test:
            done = [await intake.take(it, token_of(request)) for it in told.releases]
        return answer(
            {
                "kind": told.header.kind,
                "message_id": told.header.message_id,
                "made_at": told.header.created_at,
                "licensor_id": told.header.licensor.party_id,
                "licensor_name": told.header.licensor.name,
                "test": told.header.test,
                "releases": [_view(it) for it in done],
                "problems": [
                    {
                        "line": it.line,
                        "subject": it.subject,
                        "reason": it.code,
                        "message": it.message,
                    }
                    for it in told.problems
                ],
            }
        )

    @router.put("/v1/rights/releases/{name}")
    async def put(name: str, asked: NewRelease, holder: RightsHolder, request: Request) -> Response:
        """The same in JSON: these deals cover the release, and no others of its licensor."""
        made_at = now() if asked.made_at is None else in_utc(asked.made_at)
        releases.check_time(made_at, now())
        release = _release(_named(name), asked, us, made_at, asked.message_id or new_id())
        return answer(_view(await intake.take(release, token_of(request))))

    @router.delete("/v1/rights/releases/{name}")
    async def purge(
        name: str,
        holder: RightsHolder,
        request: Request,
        licensor_id: Annotated[str, Query(min_length=1, max_length=64)],
    ) -> Response:
        """Take the release down: nothing of its licensor's covers it any longer."""
        nothing = NewRelease(
            licensor_id=licensor_id, licensor_name=licensor_id, deals=[], recordings=[]
        )
        release = replace(_release(_named(name), nothing, us, now(), new_id()), purged=True)
        return answer(_view(await intake.take(release, token_of(request))))

    return router


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Invalid("a release is named by 1 to 64 of 0-9 A-Z a-z . _ : -", code="INVALID_ID")
    return name if name.startswith(("icpn:", "grid:", "own:")) else f"own:{name}"


def _release(name: str, asked: NewRelease, us: str, made_at: datetime, message_id: str) -> Release:
    deals = tuple(releases.licensed(_deal(it, asked.licensor_id, us)) for it in asked.deals)
    covered = tuple(_covered(it, len(deals)) for it in asked.recordings)
    return Release(
        release_id=releases.release_id_of(asked.licensor_id, name),
        licensor_id=asked.licensor_id,
        licensor_name=asked.licensor_name,
        name=name,
        names=(name,),
        upc=identifiers.parse_upc(asked.upc) if asked.upc else None,
        message_id=message_id,
        message_at=made_at,
        revision=0,
        deals=deals,
        covered=covered,
    )


def _covered(asked: NewCovered, deals: int) -> Covered:
    if (asked.isrc is None) == (asked.track_id is None):
        raise Invalid("a recording is named by either isrc or track_id")
    if any(place >= deals for place in asked.deals):
        raise Invalid("a recording names a deal that is not in the list")
    return Covered(
        identifiers.parse_isrc(asked.isrc) if asked.isrc else None,
        parse_id(asked.track_id, "track_id") if asked.track_id else None,
        tuple(sorted(set(asked.deals))),
    )


def _deal(asked: NewDeal, licensor_id: str, us: str) -> Deal:
    unknown = [it for it in asked.plans if it not in PLANS]
    if unknown:
        raise Invalid("plans are free and premium", code="INVALID_PLAN")
    models = {*asked.models, *(PLANS[plan] for plan in asked.plans)}

    def first(text: str | None) -> str | None:
        return None if text is None else first_of(text)

    deal = Deal(
        "",
        licensor_id,
        models=tuple(sorted(models)),
        uses=tuple(sorted(set(asked.uses))),
        territories=tuple(sorted(set(asked.territories))),
        excluded=tuple(sorted(set(asked.excluded))),
        starts=first(asked.from_),
        ends=None if asked.through is None else after_last(asked.through),
        kind=asked.kind,
        ours=(not asked.channels or us in asked.channels) and us not in asked.excluded_channels,
        usages=asked.usages,
        display_from=first(asked.display_from),
        cover_from=first(asked.cover_from),
        listing_from=first(asked.listing_from),
        clips_from=first(asked.clips_from),
        clips=asked.clips,
    )
    check(deal)
    return deal


def _view(it: Outcome) -> dict[str, Any]:
    return {
        "release": it.release.name,
        "release_id": it.release.release_id,
        "status": it.status,
        "revision": it.release.revision,
        "made_at": it.release.message_at,
        "deals": len(it.release.deals),
        "tracks": it.tracks,
        "waiting": list(it.waiting),
        "effective": it.effective,
    }
