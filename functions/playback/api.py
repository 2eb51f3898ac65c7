"""Plays are granted here, and remembered; no byte of audio passes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from functions.playback import history
from functions.playback.decisions import Asked, Decisions
from functions.playback.delivery import decision_of, deliver, instant
from functions.playback.domain import TRACK_NOT_READY, Playable, grant
from functions.playback.store import Histories, Playables
from shared import cdn
from shared.errors import Conflict
from shared.ids import parse_id
from shared.rights.vocabulary import ON_DEMAND
from shared.web import errors
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Listener = Annotated[Principal, Depends(requires("streaming"))]
RightsHolder = Annotated[Principal, Depends(requires("rights:write"))]
Reader = Annotated[Principal, Depends(requires("user-read-recently-played"))]
Limit = Annotated[int, Query(ge=1, le=history.KEPT)]
Milliseconds = Annotated[int | None, Query(ge=0, le=10**14)]


class NewPlay(BaseModel):
    """Which track to play."""

    model_config = ConfigDict(extra="ignore")

    track_id: Annotated[str, Field(max_length=64)]


class Versions(BaseModel):
    """Tracks whose rights, as they are projected here, are asked for."""

    model_config = ConfigDict(extra="ignore")

    track_ids: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=500)


def routes(
    playables: Playables,
    decisions: Decisions,
    histories: Histories,
    key: cdn.SigningKey,
    public_url: str,
    *,
    lifetime: timedelta,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> APIRouter:
    """`POST /v1/plays`, what takedowns ask, and `GET /v1/me/player/recently-played`."""
    router = APIRouter()
    secure = "; Secure" if public_url.startswith("https:") else ""

    @router.post("/v1/plays")
    async def play(asked: NewPlay, listener: Listener, request: Request) -> Response:
        track_id, at = parse_id(asked.track_id, "track_id"), now()
        token = request.headers["authorization"].partition(" ")[2].strip()
        playable, decided = await decisions.of(
            track_id, Asked(listener.territory, listener.plan, ON_DEMAND, at, token)
        )
        decision = grant(playable, decided, plan=listener.plan, at=at, lifetime=lifetime)
        if decision.reason == TRACK_NOT_READY:
            raise Conflict("the track has no audio yet", code=TRACK_NOT_READY)
        if not decision.allow:
            message = f"not licensed: {decision.reason}"
            return errors.answer(403, message, "NOT_LICENSED", decision=decision_of(decision))
        delivery = deliver(new_id(), playable, decision, public_url=public_url, key=key)
        assert decision.valid_until is not None
        age_s = int((decision.valid_until - at).total_seconds())
        cookie = (
            f"{cdn.COOKIE}={delivery.cookie}; Path={delivery.cookie_path}; Max-Age={age_s}; "
            f"HttpOnly; SameSite=Lax{secure}"
        )
        return answer(delivery.body, 201, {"set-cookie": cookie, "cache-control": "no-store"})

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
        plays = history.between(
            await histories.get(reader.user_id),
            after=_instant(after),
            before=_instant(before),
            limit=limit,
        )
        known = await playables.find_many(item.track_id for item in plays)
        href = f"{public_url}/v1/me/player/recently-played"
        oldest = str(_ms(plays[-1].played_at)) if plays else None
        body = {
            "href": f"{href}?limit={limit}",
            "limit": limit,
            "items": [
                {
                    "track": _track(known[item.track_id], public_url),
                    "played_at": instant(item.played_at),
                    "context": None,
                }
                for item in plays
                if item.track_id in known
            ],
            "next": f"{href}?limit={limit}&before={oldest}" if len(plays) == limit else None,
            "cursors": {"after": str(_ms(plays[0].played_at)), "before": oldest} if plays else None,
        }
        return answer(body, headers={"cache-control": "private, no-cache"})

    return router


def _instant(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _track(playable: Playable, public_url: str) -> dict[str, Any]:
    """The Web API's track object, as far as this projection knows it."""
    cover = playable.cover_id
    sizes = (640, 64) if cover else ()
    return {
        "id": playable.track_id,
        "type": "track",
        "uri": f"spotify:track:{playable.track_id}",
        "href": f"{public_url}/v1/tracks/{playable.track_id}",
        "name": playable.title,
        "artists": [{"name": name, "type": "artist"} for name in playable.artists],
        "album": {
            "name": playable.album or "",
            "images": [
                {"url": f"{public_url}/images/{cover}-{px}.jpg", "width": px, "height": px}
                for px in sizes
            ],
        },
        "duration_ms": playable.audio.duration_ms if playable.audio else 0,
        "explicit": playable.explicit,
        "external_ids": {"isrc": playable.isrc} if playable.isrc else {},
        "is_playable": playable.audio is not None,
        "preview_url": None,
    }
