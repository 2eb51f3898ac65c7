"""Licences over HTTP, for those who hold `rights:write`."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from functions.rights import domain
from functions.rights.publication import Publication
from functions.rights.store import Licences
from functions.rights.takedown import Confirm
from shared.errors import Unavailable
from shared.ids import parse_id
from shared.web.answers import answer
from shared.web.principal import Principal, requires

log = logging.getLogger(__name__)

RightsHolder = Annotated[Principal, Depends(requires("rights:write"))]
Text = Annotated[str, Field(max_length=64)]


class NewLicence(BaseModel):
    """What to license. Instants with their UTC offset; the window is half-open. The licensor, who
    is paid, is the client itself where none is named; `previews`: 30 s for the other plans."""

    model_config = ConfigDict(extra="forbid")

    track_ids: list[Text] = Field(min_length=1, max_length=domain.MAX_TRACKS)
    territories: list[Text] = Field(min_length=1, max_length=300)
    plans: list[Text] = Field(min_length=1, max_length=10)
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    licensor_id: Text | None = Field(None, min_length=1)
    licensor_name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    previews: bool = False


def routes(
    licences: Licences,
    publication: Publication,
    confirm: Confirm,
    *,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> APIRouter:
    """`/v1/rights/licences`."""
    router = APIRouter()

    @router.post("/v1/rights/licences")
    async def create(asked: NewLicence, holder: RightsHolder) -> Response:
        licence = domain.new_licence(
            new_id(),
            track_ids=asked.track_ids,
            territories=asked.territories,
            plans=asked.plans,
            starts_at=asked.starts_at,
            ends_at=asked.ends_at,
            by=holder.client_id,
            at=now(),
            licensor_id=asked.licensor_id,
            licensor_name=asked.licensor_name,
            previews=asked.previews,
        )
        await licences.create(licence)
        try:
            await publication.of(licence)
        except Unavailable as error:
            # It is written, and the sweep publishes it: "try again" would make a second one.
            log.warning("licence %s waits for the sweep", licence.licence_id, exc_info=error)
        return answer({"licence_id": licence.licence_id, "version": licence.version}, 201)

    @router.delete("/v1/rights/licences/{licence_id}")
    async def withdraw(licence_id: str, holder: RightsHolder, request: Request) -> Response:
        licence = await licences.withdraw(parse_id(licence_id, "licence id"), now())
        # Unlike above a failure is told: a takedown must not be believed before it is heard of.
        await confirm(await publication.of(licence), token_of(request))
        return Response(status_code=204)

    return router


def token_of(request: Request) -> str:
    """The bearer token that the request came with; it was verified already."""
    return request.headers["authorization"].partition(" ")[2].strip()
