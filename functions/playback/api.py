"""Plays are granted here, and remembered; no byte of audio passes."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from functions.playback import history
from functions.playback.decisions import Asked, Decisions
from functions.playback.delivery import decision_of, instant
from functions.playback.domain import TRACK_NOT_READY, Grant, Lifetimes, Playable, grant
from functions.playback.edges import Sums, place_of
from functions.playback.granting import Deliveries
from functions.playback.limits import SkipLimit, TooManyStreams
from functions.playback.store import Histories, Playables
from functions.playback.streams import Streams
from functions.playback.telemetry import Telemetry
from functions.playback.views import Views, ms_of
from shared import cdn
from shared.errors import Conflict
from shared.ids import parse_id
from shared.rights.vocabulary import CLIP_PREVIEW, ON_DEMAND
from shared.web import errors
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Listener = Annotated[Principal, Depends(requires("streaming"))]
RightsHolder = Annotated[Principal, Depends(requires("rights:write"))]
Reader = Annotated[Principal, Depends(requires("user-read-recently-played"))]
Limit = Annotated[int, Query(ge=1, le=history.KEPT)]
Milliseconds = Annotated[int | None, Query(ge=0, le=10**14)]


class NewPlay(BaseModel):
    """Which track to play, on what, over which line."""

    model_config = ConfigDict(extra="ignore")

    track_id: Annotated[str, Field(max_length=64)]
    device_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{22}\z")] | None = None
    take_over: bool = False
    """The listener chose to play here: a device that plays elsewhere gives way."""
    skip: bool = False
    """The track before was cut short for this one."""
    preview: bool = False
    """Thirty seconds will do, where the whole track may not be played."""
    renews: bool = False
    """The player asks again before the grant is over, so that a short one will do."""
    network: Annotated[str, Field(max_length=16)] | None = None
    estimate_bps: Annotated[int, Field(ge=0, le=10**11)] = 0


class Measured(BaseModel):
    """What a client saw at one edge since it last told: `ms` were spent on `bytes`."""

    model_config = ConfigDict(extra="ignore")

    edge: Annotated[str, Field(max_length=32)]
    requests: Annotated[int, Field(ge=0, le=100_000)]
    errors: Annotated[int, Field(ge=0, le=100_000)]
    bytes: Annotated[int, Field(ge=0, le=1 << 40)]
    ms: Annotated[int, Field(ge=0, le=86_400_000)]


class Report(BaseModel):
    """How delivery went."""

    model_config = ConfigDict(extra="ignore")

    edges: list[Measured] = Field(min_length=1, max_length=20)


class Versions(BaseModel):
    """Tracks whose rights, as they are projected here, are asked for."""

    model_config = ConfigDict(extra="ignore")

    track_ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=500)


def routes(
    playables: Playables,
    decisions: Decisions,
    histories: Histories,
    deliveries: Deliveries,
    streams: Streams,
    telemetry: Telemetry,
    views: Views,
    *,
    lifetimes: Lifetimes,
    now: Callable[[], datetime],
) -> APIRouter:
    """`POST /v1/plays`, what belongs to it, and `GET /v1/me/player/recently-played`."""
    router, public_url = APIRouter(), views.url
    secure = "; Secure" if public_url.startswith("https:") else ""

    @router.post("/v1/plays")
    async def play(asked: NewPlay, listener: Listener, request: Request) -> Response:
        track_id, at = parse_id(asked.track_id, "track_id"), now()
        token = request.headers["authorization"].partition(" ")[2].strip()

        async def decide(use: str) -> tuple[Playable, Grant]:
            playable, decided = await decisions.of(
                track_id, Asked(listener.territory, listener.plan, use, at, token)
            )
            made = grant(
                playable, decided,
                plan=listener.plan, at=at, lifetimes=lifetimes,
                renews=asked.renews, preview=use == CLIP_PREVIEW,
            )  # fmt: skip
            return playable, made

        playable, decision = await decide(ON_DEMAND)
        if decision.reason == TRACK_NOT_READY:
            raise Conflict("the track has no audio yet", code=TRACK_NOT_READY)
        if not decision.allow:
            _, clip = await decide(CLIP_PREVIEW)
            if not (asked.preview and clip.allow):
                message = f"not licensed: {decision.reason}"
                more = {"decision": decision_of(decision), "preview": clip.allow}
                return errors.answer(403, message, "NOT_LICENSED", **more)
            decision = clip
        else:
            assert playable.audio is not None
            try:
                await streams.claim(
                    listener,
                    device_id=asked.device_id,
                    duration_ms=playable.audio.duration_ms,
                    skip=asked.skip,
                    take_over=asked.take_over,
                )
            except TooManyStreams as error:
                devices = await streams.names(listener.user_id, error.devices)
                more = {"limit": error.limit, "devices": devices, "retry_at": error.retry_at}
                return errors.answer(403, error.message, error.code, **more)
            except SkipLimit as error:
                more = {"limit": error.limit, "retry_at": error.retry_at}
                return errors.answer(403, error.message, error.code, **more)
        delivery = deliveries.make(
            playable,
            decision,
            request,
            at=at,
            territory=listener.territory,
            network=asked.network,
            estimate_bps=asked.estimate_bps,
        )
        assert decision.valid_until is not None
        age_s = int((decision.valid_until - at).total_seconds())
        cookie = (
            f"{cdn.COOKIE}={delivery.cookie}; Path={delivery.cookie_path}; Max-Age={age_s}; "
            f"HttpOnly; SameSite=Lax{secure}"
        )
        return answer(delivery.body, 201, {"set-cookie": cookie, "cache-control": "no-store"})

    @router.post("/v1/plays/telemetry")
    async def measured(asked: Report, listener: Listener, request: Request) -> Response:
        """Edges that nobody configured are passed by: a client may know of an older stack."""
        known = {edge.name for edge in deliveries.edges}
        country = request.headers.get("x-client-geo-region", "")
        place = place_of(country, "", listener.territory)
        for one in asked.edges:
            if one.edge in known:
                telemetry.add(one.edge, place.country, sums_of(one, now().timestamp()))
        return Response(None, 204, {"cache-control": "no-store"})

    @router.post("/v1/plays/versions")
    async def versions(asked: Versions, holder: RightsHolder) -> Response:
        """Which version of each track's rights every play is now held against, 0 for none."""
        ids = [parse_id(id, "track_id") for id in asked.track_ids]
        known = await playables.find_many(ids)
        found = {id: known[id].rights_version if id in known else 0 for id in ids}
        return answer({"versions": found}, headers={"cache-control": "no-store"})

    @router.get("/v1/me/player/recently-played")
    async def recently_played(
        reader: Reader,
        limit: Limit = 20,
        after: Milliseconds = None,
        before: Milliseconds = None,
    ) -> Response:
        kept = await histories.get(reader.user_id)
        plays = history.between(
            kept,
            after=_instant(after),
            before=_instant(before),
            limit=limit,
        )
        known = await playables.find_many(item.track_id for item in plays)
        href = f"{public_url}/v1/me/player/recently-played"
        oldest = str(ms_of(plays[-1].played_at)) if plays else None
        newest = str(ms_of(plays[0].played_at)) if plays else None
        body = {
            "href": f"{href}?limit={limit}",
            "limit": limit,
            "items": [
                {
                    "track": views.track(item.track_id, known[item.track_id], reader.territory),
                    "played_at": instant(item.played_at),
                    "context": None,
                }
                for item in plays
                if item.track_id in known
            ],
            "next": f"{href}?limit={limit}&before={oldest}" if len(plays) == limit else None,
            "cursors": {"after": newest, "before": oldest} if plays else None,
            "total": len(kept.plays),
        }
        return answer(body, headers={"cache-control": "private, no-cache"})

    return router


def _instant(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


MOST_REQUESTS, MOST_S = 50, 120.0
"""What one report may weigh: nobody talks an edge down, or up, alone."""


def sums_of(told: Measured, at_s: float) -> Sums:
    """What a client told, cut down to what one client may tell."""
    requests = max(told.requests, told.errors)
    share = min(1.0, MOST_REQUESTS / requests) if requests else 1.0
    seconds = told.ms / 1000
    part = min(1.0, MOST_S / seconds) if seconds else 0.0
    return Sums(at_s, requests * share, told.errors * share, told.bytes * part, seconds * part)
