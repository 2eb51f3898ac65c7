"""Friends over HTTP: activity, feed, shares, blocks, privacy, profiles."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from functions.social import circle
from functions.social.circle import Audience, Privacy, Profile
from functions.social.feeds import Feeds
from functions.social.people import People
from functions.social.shares import Shares, view
from shared.errors import NotFound
from shared.ids import parse_id
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Reader = Annotated[Principal, Depends(requires("user-follow-read"))]
Changer = Annotated[Principal, Depends(requires("user-follow-modify"))]
Listener = Annotated[Principal, Depends(requires("streaming"))]
UserId = Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
Epoch = Annotated[str | None, Query(max_length=64)]
Since = Annotated[int | None, Query(ge=0, le=2**53)]
_FRESH = {"cache-control": "private, no-store"}


class NewPrivacy(BaseModel):
    """What to change; what is not named stays. `private_session` ends by itself."""

    model_config = ConfigDict(extra="ignore")

    private_session: bool | None = None
    activity: Audience | None = None
    profile: Profile | None = None


class NewShare(BaseModel):
    """A thing to share, with users or with whoever gets the link."""

    model_config = ConfigDict(extra="ignore")

    uri: Annotated[str, Field(max_length=200)]
    message: Annotated[str, Field(max_length=500)] = ""
    to: Annotated[list[UserId], Field(max_length=50)] = []


class NowPlaying(BaseModel):
    """What the user's player does."""

    model_config = ConfigDict(extra="ignore")

    track_id: Annotated[str, Field(max_length=64)]
    playing: bool = True


def routes(
    people: People,
    feeds: Feeds,
    shares: Shares,
    public_url: str,
    *,
    now: Callable[[], datetime],
) -> APIRouter:
    """`/v1/me/{feed,friends,blocks,privacy,now-playing}`, `/v1/shares`, `/v1/profiles`."""
    router = APIRouter()

    @router.get("/v1/me/feed")
    async def feed(user: Reader) -> Response:
        return answer({"items": await feeds.feed(user.user_id)}, headers=_FRESH)

    @router.get("/v1/me/feed/changes")
    async def feed_changes(user: Reader, epoch: Epoch = None, since: Since = None) -> Response:
        return answer(await feeds.changes(user.user_id, epoch, since), headers=_FRESH)

    @router.get("/v1/me/friends/activity")
    async def activity(user: Reader) -> Response:
        return answer({"items": await feeds.friends(user.user_id)}, headers=_FRESH)

    @router.put("/v1/me/now-playing")
    async def playing(asked: NowPlaying, user: Listener) -> Response:
        track_id = parse_id(asked.track_id, "track_id")
        await feeds.plays(user.user_id, track_id, now(), playing=asked.playing)
        return Response(status_code=204)

    @router.get("/v1/me/privacy")
    async def privacy(user: Reader) -> Response:
        return answer(_privacy(await people.privacy(user.user_id), now()), headers=_FRESH)

    @router.put("/v1/me/privacy")
    async def set_privacy(asked: NewPrivacy, user: Changer) -> Response:
        at = now()

        def change(known: Privacy) -> Privacy:
            after = known
            if asked.activity is not None:
                after = replace(after, activity=asked.activity)
            if asked.profile is not None:
                after = replace(after, profile=asked.profile)
            if asked.private_session is not None:
                after = after.begun(at) if asked.private_session else after.ended(at)
            return after

        before, after = await people.set_privacy(user.user_id, change)
        hidden = after.hides(at) and not before.hides(at)
        if hidden or (after.activity != before.activity and after.activity != "followers"):
            await feeds.hide(user.user_id)
        return answer(_privacy(after, at), headers=_FRESH)

    @router.get("/v1/me/blocks")
    async def blocks(user: Reader) -> Response:
        ids = await people.blocked(user.user_id)
        names = await people.names(ids)
        items = [{"id": id, "display_name": names[id]} for id in ids]
        return answer({"items": items}, headers=_FRESH)

    @router.put("/v1/me/blocks/{user_id}")
    async def block(user_id: UserId, user: Changer) -> Response:
        await people.block(user.user_id, user_id)
        return Response(status_code=204)

    @router.delete("/v1/me/blocks/{user_id}")
    async def unblock(user_id: UserId, user: Changer) -> Response:
        await people.unblock(user.user_id, user_id)
        return Response(status_code=204)

    @router.post("/v1/shares")
    async def share(asked: NewShare, user: Changer) -> Response:
        made = await shares.make(user.user_id, asked.uri, asked.message, asked.to)
        url = f"{public_url}/#/share/{made.share_id}"
        return answer({**view(made), "url": url, "to": list(made.to)}, 201)

    @router.get("/v1/shares/{share_id}")
    async def shared(share_id: str, user: Reader) -> Response:
        found = await shares.open(parse_id(share_id, "share_id"), user.user_id)
        names = await people.names([found.by])
        by = {"id": found.by, "display_name": names[found.by]}
        return answer({**view(found), "by": by}, headers=_FRESH)

    @router.delete("/v1/shares/{share_id}")
    async def unshare(share_id: str, user: Changer) -> Response:
        await shares.take_back(parse_id(share_id, "share_id"), user.user_id)
        return Response(status_code=204)

    @router.get("/v1/profiles/{user_id}")
    async def profile(user_id: UserId, user: Reader) -> Response:
        relation = (await people.relations(user.user_id, [user_id]))[user_id]
        privacy = await people.privacy(user_id)
        own = user_id == user.user_id
        shown = own or circle.shows_profile(privacy, relation)
        if not (shown and await people.exists(user_id)):
            raise NotFound(f"no profile {user_id}", code="PROFILE_NOT_FOUND")
        followers, following = await people.counts(user_id)
        names = await people.names([user_id])
        seen = own or circle.shows_activity(privacy, relation, now())
        body = {
            "id": user_id,
            "display_name": names[user_id],
            "followers": followers,
            "following": following,
            "follows_you": relation.followed,
            "you_follow": relation.follows,
            "activity": await feeds.now_of(user_id) if seen else None,
        }
        return answer(body, headers=_FRESH)

    return router


def _privacy(privacy: Privacy, at: datetime) -> dict[str, Any]:
    until = privacy.private_until if privacy.hides(at) else None
    return {
        "private_session": until is not None,
        "private_until": None if until is None else until.isoformat().replace("+00:00", "Z"),
        "activity": privacy.activity,
        "profile": privacy.profile,
    }
