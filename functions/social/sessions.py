"""Listening together: one session, and what its members do to it. Pure.

    decide(session, by, command, at_ms) -> session with v + 1, or the very same: nothing changed

What everybody plays is `now`: at server time `at_ms` the track is at `position_ms`, and runs on if
`playing`. A start lies `LEAD_MS` ahead, so that everyone hears of it before it is due. Instants
are Unix time in milliseconds by the server's clock; clients measure how far theirs is off.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from shared.errors import Conflict, Forbidden, Invalid, NotFound, Stale

MAX_MEMBERS = 32
MAX_QUEUE = 200
LEAD_MS = 1000
INVITE_LASTS_MS = 24 * 3600 * 1000
HOST_MISSED_MS = 60_000
"""When the host has not been there for this long, another may take over."""
KEPT_NONCES = 64
MAX_POSITION_MS = 24 * 3600 * 1000

Control = Literal["host", "everyone"]


@dataclass(frozen=True, slots=True)
class Member:
    user_id: str
    name: str
    joined_ms: int


@dataclass(frozen=True, slots=True)
class Queued:
    """A track that waits. `votes` are user ids; most votes first, then first come."""

    item_id: str
    track_id: str
    by: str
    votes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Now:
    """What plays: at `at_ms` it is, or will be, at `position_ms`."""

    track_id: str
    position_ms: int
    at_ms: int
    playing: bool

    def position_at(self, at_ms: int) -> int:
        """Where the track is at another instant; before a start it waits."""
        moved = max(0, at_ms - self.at_ms) if self.playing else 0
        return self.position_ms + moved


@dataclass(frozen=True, slots=True)
class Session:
    """`v` rises with every change; `host_id` is "" once it has ended. `invite` is the secret part
    of the code; `banned` may not come back; `host_seen_ms` when the host last was there."""

    session_id: str
    epoch: str
    v: int
    name: str
    host_id: str
    control: Control
    members: tuple[Member, ...]
    queue: tuple[Queued, ...]
    now: Now | None
    invite: str
    invite_until_ms: int
    banned: tuple[str, ...]
    nonces: tuple[str, ...]
    host_seen_ms: int

    @property
    def ended(self) -> bool:
        return not self.members

    def member(self, user_id: str) -> Member | None:
        return next((it for it in self.members if it.user_id == user_id), None)


# What may be asked. `if_v`, where it stands, is the version that the asker saw.


@dataclass(frozen=True, slots=True)
class Join:
    invite: str
    name: str


@dataclass(frozen=True, slots=True)
class Leave:
    pass


@dataclass(frozen=True, slots=True)
class Remove:
    """Send somebody out for good."""

    user_id: str


@dataclass(frozen=True, slots=True)
class HandOver:
    user_id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Take over from a host who is not there."""


@dataclass(frozen=True, slots=True)
class Here:
    """The host is there. Changes nothing that others see."""


@dataclass(frozen=True, slots=True)
class SetControl:
    control: Control


@dataclass(frozen=True, slots=True)
class NewInvite:
    """The old one no longer lets anybody in."""

    secret: str


@dataclass(frozen=True, slots=True)
class Add:
    item_id: str
    track_id: str


@dataclass(frozen=True, slots=True)
class Take:
    """Take a track out of the queue."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Vote:
    item_id: str
    up: bool


@dataclass(frozen=True, slots=True)
class Play:
    """Play a track, or go on with the one there is (`track_id` None)."""

    track_id: str | None = None
    position_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    pass


@dataclass(frozen=True, slots=True)
class Seek:
    position_ms: int


@dataclass(frozen=True, slots=True)
class Skip:
    """On to the next of the queue. `if_v`: only if nobody did so since; a track that ends is
    noticed by all at once."""

    if_v: int | None = None


@dataclass(frozen=True, slots=True)
class End:
    pass


Command = (
    Join | Leave | Remove | HandOver | Claim | Here | SetControl | NewInvite | Add | Take | Vote
    | Play | Pause | Seek | Skip | End
)  # fmt: skip


def begin(
    session_id: str, epoch: str, host: Member, *, name: str, control: Control, secret: str
) -> Session:
    """A new session with its host alone in it."""
    at = host.joined_ms
    return Session(
        session_id=session_id,
        epoch=epoch,
        v=1,
        name=name,
        host_id=host.user_id,
        control=control,
        members=(host,),
        queue=(),
        now=None,
        invite=secret,
        invite_until_ms=at + INVITE_LASTS_MS,
        banned=(),
        nonces=(),
        host_seen_ms=at,
    )


def decide(
    session: Session, by: str, command: Command, at_ms: int, nonce: str | None = None
) -> Session:
    """What `command` of user `by` makes of the session. A `nonce` that was seen changes nothing:
    the answer was lost, and the command came again.

    Raises:
        NotFound: the session has ended (SESSION_ENDED), or there is no such member or item.
        Forbidden: not a member (NOT_A_MEMBER), not the host (NOT_THE_HOST), a bad or old invite
            (BAD_INVITE).
        Conflict: full (SESSION_FULL, QUEUE_FULL), nothing to play (NOTHING_TO_PLAY), or the host
            is there (HOST_IS_HERE).
        Stale: `if_v` is not the session's version (code STALE).
    """
    if session.ended:
        raise NotFound("the session has ended", code="SESSION_ENDED")
    if nonce is not None and nonce in session.nonces:
        return session
    if isinstance(command, Join):
        after = _join(session, by, command, at_ms)
    elif session.member(by) is None:
        raise Forbidden("not a member of the session", code="NOT_A_MEMBER")
    elif isinstance(command, Here):
        return replace(session, host_seen_ms=at_ms) if by == session.host_id else session
    else:
        after = _RULES[type(command)](session, by, command, at_ms)
    if after is session:
        return session
    seen = at_ms if by == after.host_id else after.host_seen_ms
    nonces = session.nonces if nonce is None else (*session.nonces, nonce)[-KEPT_NONCES:]
    return replace(after, v=session.v + 1, nonces=nonces, host_seen_ms=seen)


def _join(session: Session, by: str, command: Join, at_ms: int) -> Session:
    good = hmac.compare_digest(command.invite.encode(), session.invite.encode())
    if not good or at_ms >= session.invite_until_ms or by in session.banned:
        raise Forbidden("the invite is not, or no longer, good", code="BAD_INVITE")
    if session.member(by) is not None:
        return session
    if len(session.members) >= MAX_MEMBERS:
        raise Conflict(f"a session holds {MAX_MEMBERS}", code="SESSION_FULL")
    return replace(session, members=(*session.members, Member(by, command.name, at_ms)))


def _leave(session: Session, by: str, command: Leave, at_ms: int) -> Session:
    return without(session, by, at_ms)


def without(session: Session, user_id: str, at_ms: int) -> Session:
    """The session after a member went: the one who has been there longest is host then."""
    left = tuple(it for it in session.members if it.user_id != user_id)
    queue = tuple(
        replace(it, votes=tuple(v for v in it.votes if v != user_id)) for it in session.queue
    )
    if not left:
        return _end(session)
    if user_id != session.host_id:
        return replace(session, members=left, queue=queue)
    return replace(session, members=left, queue=queue, host_id=left[0].user_id, host_seen_ms=at_ms)


def _end(session: Session) -> Session:
    return replace(session, members=(), queue=(), now=None, host_id="", invite="")


def _remove(session: Session, by: str, command: Remove, at_ms: int) -> Session:
    _host(session, by)
    _present(session, command.user_id)
    if command.user_id == by:
        raise Invalid("to go yourself, leave", code="INVALID")
    banned = (*session.banned, command.user_id)[-1000:]
    return replace(without(session, command.user_id, at_ms), banned=banned)


def _hand_over(session: Session, by: str, command: HandOver, at_ms: int) -> Session:
    _host(session, by)
    _present(session, command.user_id)
    if command.user_id == by:
        return session
    return replace(session, host_id=command.user_id, host_seen_ms=at_ms)


def _claim(session: Session, by: str, command: Claim, at_ms: int) -> Session:
    if by == session.host_id:
        return session
    if at_ms - session.host_seen_ms < HOST_MISSED_MS:
        raise Conflict("the host is there", code="HOST_IS_HERE")
    return replace(session, host_id=by, host_seen_ms=at_ms)


def _set_control(session: Session, by: str, command: SetControl, at_ms: int) -> Session:
    _host(session, by)
    return session if session.control == command.control else replace(
        session, control=command.control
    )  # fmt: skip


def _new_invite(session: Session, by: str, command: NewInvite, at_ms: int) -> Session:
    _host(session, by)
    return replace(session, invite=command.secret, invite_until_ms=at_ms + INVITE_LASTS_MS)


def _add(session: Session, by: str, command: Add, at_ms: int) -> Session:
    if any(it.item_id == command.item_id for it in session.queue):
        return session
    if len(session.queue) >= MAX_QUEUE:
        raise Conflict(f"a queue holds {MAX_QUEUE}", code="QUEUE_FULL")
    return replace(session, queue=(*session.queue, Queued(command.item_id, command.track_id, by)))


def _take(session: Session, by: str, command: Take, at_ms: int) -> Session:
    item = _item(session, command.item_id)
    if by not in (item.by, session.host_id):
        raise Forbidden("another's track: ask the host", code="NOT_THE_HOST")
    return replace(session, queue=tuple(it for it in session.queue if it is not item))


def _vote(session: Session, by: str, command: Vote, at_ms: int) -> Session:
    item = _item(session, command.item_id)
    if command.up == (by in item.votes):
        return session
    votes = (*item.votes, by) if command.up else tuple(it for it in item.votes if it != by)
    changed = replace(item, votes=votes)
    return replace(session, queue=tuple(changed if it is item else it for it in session.queue))


def _play(session: Session, by: str, command: Play, at_ms: int) -> Session:
    _may_control(session, by)
    position = _bounded(command.position_ms)
    if command.track_id is not None:
        return replace(session, now=Now(command.track_id, position or 0, at_ms + LEAD_MS, True))
    now = session.now
    if now is None:
        return _next(session, at_ms)
    if now.playing and position is None:
        return session
    start = now.position_at(at_ms) if position is None else position
    return replace(session, now=Now(now.track_id, start, at_ms + LEAD_MS, True))


def _pause(session: Session, by: str, command: Pause, at_ms: int) -> Session:
    _may_control(session, by)
    now = session.now
    if now is None or not now.playing:
        return session
    return replace(session, now=Now(now.track_id, now.position_at(at_ms), at_ms, False))


def _seek(session: Session, by: str, command: Seek, at_ms: int) -> Session:
    _may_control(session, by)
    now, position = session.now, _bounded(command.position_ms)
    if now is None or position is None:
        raise Conflict("nothing plays", code="NOTHING_TO_PLAY")
    at = at_ms + LEAD_MS if now.playing else at_ms
    return replace(session, now=Now(now.track_id, position, at, now.playing))


def _skip(session: Session, by: str, command: Skip, at_ms: int) -> Session:
    if command.if_v is None:
        _may_control(session, by)
    elif command.if_v != session.v:
        raise Stale(f"the session is at {session.v}", code="STALE")
    return _next(session, at_ms)


def _next(session: Session, at_ms: int) -> Session:
    waiting = in_order(session.queue)
    if not waiting:
        if session.now is None:
            raise Conflict("nothing waits", code="NOTHING_TO_PLAY")
        return replace(session, now=None)
    first = waiting[0]
    return replace(
        session,
        queue=tuple(it for it in session.queue if it is not first),
        now=Now(first.track_id, 0, at_ms + LEAD_MS, True),
    )


def _ended(session: Session, by: str, command: End, at_ms: int) -> Session:
    _host(session, by)
    return _end(session)


_RULES: dict[type, Callable[..., Session]] = {
    Leave: _leave,
    Remove: _remove,
    HandOver: _hand_over,
    Claim: _claim,
    SetControl: _set_control,
    NewInvite: _new_invite,
    Add: _add,
    Take: _take,
    Vote: _vote,
    Play: _play,
    Pause: _pause,
    Seek: _seek,
    Skip: _skip,
    End: _ended,
}


def in_order(queue: tuple[Queued, ...]) -> list[Queued]:
    """The queue as it will be played."""
    return sorted(queue, key=lambda it: -len(it.votes))


def _bounded(position_ms: int | None) -> int | None:
    if position_ms is not None and not 0 <= position_ms <= MAX_POSITION_MS:
        raise Invalid("the position is out of range", code="INVALID")
    return position_ms


def _host(session: Session, by: str) -> None:
    if by != session.host_id:
        raise Forbidden("only the host may", code="NOT_THE_HOST")


def _may_control(session: Session, by: str) -> None:
    if session.control == "host":
        _host(session, by)


def _present(session: Session, user_id: str) -> None:
    if session.member(user_id) is None:
        raise NotFound("no such member", code="MEMBER_NOT_FOUND")


def _item(session: Session, item_id: str) -> Queued:
    for it in session.queue:
        if it.item_id == item_id:
            return it
    raise NotFound("no such track in the queue", code="ITEM_NOT_FOUND")
