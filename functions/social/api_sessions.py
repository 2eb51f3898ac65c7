"""Listening together over HTTP. What plays is heard on the channel `session:ID`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from functions.social import sessions
from functions.social.feeds import Feeds
from functions.social.sessions import Command, Control, Session
from functions.social.together import Together, state_of
from shared.errors import Forbidden, Invalid
from shared.ids import derived_id, parse_id
from shared.web.answers import answer
from shared.web.principal import Principal, requires

Listener = Annotated[Principal, Depends(requires("streaming"))]
UserId = Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
Epoch = Annotated[str | None, Query(max_length=64)]
Since = Annotated[int | None, Query(ge=0, le=2**53)]
Position = Annotated[int, Field(ge=0, le=sessions.MAX_POSITION_MS)]
Op = Literal[
    "leave", "remove", "hand-over", "claim", "here", "control", "invite", "add", "take", "vote",
    "play", "pause", "seek", "skip", "end",
]  # fmt: skip
_FRESH = {"cache-control": "private, no-store"}


class NewSession(BaseModel):
    """Who may play, pause and skip: the host alone, or everyone."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(max_length=100)] = ""
    control: Control = "everyone"


class Joining(BaseModel):
    """The code of an invite."""

    model_config = ConfigDict(extra="ignore")

    invite: Annotated[str, Field(max_length=64)]


class Inviting(BaseModel):
    """Whom to tell of the session."""

    model_config = ConfigDict(extra="ignore")

    to: Annotated[list[UserId], Field(min_length=1, max_length=sessions.MAX_MEMBERS)]


class Asked(BaseModel):
    """A command; which of the fields it takes is in the operation's description. `nonce`: the
    same command sent again does nothing more."""

    model_config = ConfigDict(extra="ignore")

    op: Op
    user_id: UserId | None = None
    control: Control | None = None
    track_id: Annotated[str, Field(max_length=64)] | None = None
    item_id: Annotated[str, Field(max_length=64)] | None = None
    up: bool = True
    position_ms: Position | None = None
    if_v: Annotated[int, Field(ge=0, le=2**53)] | None = None
    nonce: Annotated[str, Field(min_length=8, max_length=64)] | None = None


def command_of(asked: Asked, new_id: Callable[[], str]) -> Command:
    """The command that a request's body says.

    Raises:
        Invalid: a field that it needs is missing (code INVALID).
    """

    def need(name: str) -> Any:
        value = getattr(asked, name)
        if value is None:
            raise Invalid(f"{asked.op} needs {name}", code="INVALID")
        return value

    match asked.op:
        case "leave":
            return sessions.Leave()
        case "remove":
            return sessions.Remove(need("user_id"))
        case "hand-over":
            return sessions.HandOver(need("user_id"))
        case "claim":
            return sessions.Claim()
        case "here":
            return sessions.Here()
        case "control":
            return sessions.SetControl(need("control"))
        case "invite":
            return sessions.NewInvite(new_id())
        case "add":
            # From the nonce, so that the same request twice is the same item.
            item_id = derived_id(asked.nonce) if asked.nonce else new_id()
            return sessions.Add(item_id, parse_id(need("track_id"), "track_id"))
        case "take":
            return sessions.Take(need("item_id"))
        case "vote":
            return sessions.Vote(need("item_id"), asked.up)
        case "play":
            track_id = None if asked.track_id is None else parse_id(asked.track_id, "track_id")
            return sessions.Play(track_id, asked.position_ms)
        case "pause":
            return sessions.Pause()
        case "seek":
            return sessions.Seek(need("position_ms"))
        case "skip":
            return sessions.Skip(asked.if_v)
        case "end":
            return sessions.End()


def routes(
    together: Together,
    feeds: Feeds,
    public_url: str,
    *,
    new_id: Callable[[], str],
    now: Callable[[], datetime],
) -> APIRouter:
    """`/v1/sessions`."""
    router = APIRouter()

    def whole(session: Session) -> dict[str, Any]:
        code = f"{session.session_id}{session.invite}"
        until = datetime.fromtimestamp(session.invite_until_ms / 1000, UTC)
        invite = {
            "code": code,
            "url": f"{public_url}/#/together/{code}",
            "expires_at": until.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        return {
            "id": session.session_id,
            "epoch": session.epoch,
            "invite": None if session.ended else invite,
            "state": state_of(session),
        }

    @router.post("/v1/sessions")
    async def begin(asked: NewSession, user: Listener) -> Response:
        session = await together.begin(user.user_id, asked.name, asked.control)
        return answer(whole(session), 201, _FRESH)

    @router.post("/v1/sessions/join")
    async def join(asked: Joining, user: Listener) -> Response:
        code = asked.invite
        if len(code) != 44 or not code.isalnum() or not code.isascii():
            raise Forbidden("the invite is not, or no longer, good", code="BAD_INVITE")
        session = await together.join(code[:22], user.user_id, code[22:])
        return answer(whole(session), headers=_FRESH)

    @router.get("/v1/sessions/{session_id}")
    async def get(session_id: str, user: Listener) -> Response:
        session = await together.get(parse_id(session_id, "session_id"), user.user_id)
        return answer(whole(session), headers=_FRESH)

    @router.get("/v1/sessions/{session_id}/changes")
    async def changes(
        session_id: str, user: Listener, epoch: Epoch = None, since: Since = None
    ) -> Response:
        id = parse_id(session_id, "session_id")
        return answer(await together.changes(id, user.user_id, epoch, since), headers=_FRESH)

    @router.post("/v1/sessions/{session_id}/commands")
    async def command(session_id: str, asked: Asked, user: Listener) -> Response:
        id = parse_id(session_id, "session_id")
        session = await together.do(id, user.user_id, command_of(asked, new_id), asked.nonce)
        return answer(whole(session), headers=_FRESH)

    @router.post("/v1/sessions/{session_id}/invitations")
    async def invite(session_id: str, asked: Inviting, user: Listener) -> Response:
        id = parse_id(session_id, "session_id")
        session = await together.get(id, user.user_id)
        data = {"session_id": id, "invite": f"{id}{session.invite}", "name": session.name}
        item_id = derived_id("invite", id, session.invite, user.user_id)
        told = await feeds.tell(asked.to, item_id, "invite", user.user_id, now(), data)
        return answer({"told": told})

    return router
