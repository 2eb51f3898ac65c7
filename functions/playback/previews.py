"""`GET /v1/previews/{track_id}`: where thirty seconds of a track are, for whoever may hear them.

The Web API's tracks name this address (`shared.webapi.objects.Parts.preview_url`): a page of them
costs nothing, and what is decided is decided when somebody listens. No token is asked for, as
nothing that plays an address sends one; the licences are those of a market, whatever the plan.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from functions.playback.decisions import Asked, Decisions
from functions.playback.delivery import decision_of
from functions.playback.domain import TRACK_NOT_READY, Lifetimes, grant
from shared.cdn import SigningKey, sign_url
from shared.errors import Invalid
from shared.ids import parse_id
from shared.rights.vocabulary import CLIP_PREVIEW
from shared.territories import TERRITORIES
from shared.web import errors

STEP_S = 60
"""Addresses change once a minute, so that caches on the way keep them."""
_OPEN = timedelta(seconds=3 * STEP_S)
_PLAN = "free"


def routes(
    decisions: Decisions, public_url: str, key: SigningKey, *, now: Callable[[], datetime]
) -> APIRouter:
    """The route."""
    router = APIRouter()

    @router.get("/v1/previews/{track_id}")
    async def preview(
        track_id: str,
        request: Request,
        market: Annotated[str | None, Query(max_length=2)] = None,
    ) -> Response:
        """On to the preview's signed address, which opens nothing else and lasts 2 to 3 minutes.
        Without a market, in that which the load balancer sees the listener in."""
        at = now()
        minute = at - timedelta(seconds=at.timestamp() % STEP_S)
        where = (market or request.headers.get("x-client-geo-region", "")).upper()
        if where not in TERRITORIES:
            raise Invalid("name the market", code="INVALID_MARKET")
        id = parse_id(track_id, "track_id")
        playable, decided = await decisions.of(id, Asked(where, _PLAN, CLIP_PREVIEW, at, ""))
        made = grant(
            playable, decided, plan=_PLAN, at=minute, lifetimes=Lifetimes(_OPEN, _OPEN),
            renews=True, preview=True,
        )  # fmt: skip
        if not made.allow:
            status = 404 if made.reason == TRACK_NOT_READY else 403
            more = {"decision": decision_of(made), "preview": False}
            return errors.answer(status, f"no preview: {made.reason}", "NOT_LICENSED", **more)
        assert playable.audio is not None
        assert playable.audio.preview_path is not None
        assert made.valid_until is not None
        url = f"{public_url}/{playable.audio.preview_path}"
        age_s = min(STEP_S, int((made.valid_until - at).total_seconds()))
        kept = "public" if market else "private"
        headers = {
            "location": sign_url(url, key, int(made.valid_until.timestamp())),
            "cache-control": f"{kept}, max-age={age_s}",
            "access-control-allow-origin": "*",
        }
        return Response(None, 302, headers)

    return router
