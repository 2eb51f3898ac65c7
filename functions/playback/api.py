"""Plays are granted here, and remembered; no byte of audio passes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from functions.playback import history
from functions.playback.delivery import decision_of, deliver, instant
from functions.playback.domain import TRACK_NOT_READY, Grant, Playable, grant
from functions.playback.store import Histories, Playables
from shared import cdn
from shared.errors import Conflict, NotFound
from shared.ids import parse_id
from shared.web import errors
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Listener = Annotated[Principal, Depends(requires("streaming"))]
Reader = Annotated[Principal, Depends(requires("user-read-recently-played"))]
Limit = Annotated[int, Query(ge=1, le=history.KEPT)]
Milliseconds = Annotated[int | None, Query(ge=0, le=10**14)]


class NewPlay(BaseModel):
    """Which track to play."""

    model_config = ConfigDict(extra="ignore")

    track_id: Annotated[str, Field(max_length=64)]


def routes(
    playables: Playables,
    histories: Histories,
    key: cdn.SigningKey,
    public_url: str,
    *,
    lifetime: timedelta,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> APIRouter:
    """`POST /v1/plays` and `GET /v1/me/player/recently-played`."""
    router = APIRouter()
    secure = "; Secure" if public_url.startswith("https:") else ""

    async def decide(track_id: str, listener: Principal, at: datetime) -> tuple[Playable, Grant]:
        def of(playable: Playable) -> Grant:
            territory, plan = listener.territory, listener.plan
            return grant(playable, territory=territory, plan=plan, at=at, lifetime=lifetime)

        cached = playables.cached(track_id)
        if cached is not None and (decision := of(cached)).allow:
            return cached, decision
        # Never refuse on an old copy: the licence may have come a moment ago.
        playable = await playables.find(track_id)
        if playable is None:
            raise NotFound(f"no track {track_id}", code="TRACK_NOT_FOUND")
        return playable, of(playable)

    @router.post("/v1/plays")
    async def play(asked: NewPlay, listener: Listener) -> Response:
        track_id, at = parse_id(asked.track_id, "track_id"), now()
        playable, decision = await decide(track_id, listener, at)
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
