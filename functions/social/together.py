"""Sessions of listening together, in documents: every change is a compare-and-set, then said."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.social import sessions
from functions.social.documents import SessionDocument
from functions.social.live import Live, changes
from functions.social.people import People
from functions.social.sessions import Command, Control, Join, Member, Session
from shared.errors import Forbidden, NotFound
from shared.gcp.documents import Documents

FORGOTTEN_AFTER = timedelta(days=1)
_NO_LONGER = (sessions.Leave, sessions.Remove, sessions.End)


class Together:
    """`now_ms` is the server's clock, in Unix milliseconds."""

    def __init__(
        self,
        documents: Documents[SessionDocument],
        people: People,
        live: Live,
        *,
        now_ms: Callable[[], int],
        new_id: Callable[[], str],
    ) -> None:
        self._documents, self._people, self._live = documents, people, live
        self._now_ms, self._new_id = now_ms, new_id

    async def begin(self, user_id: str, name: str, control: Control) -> Session:
        """A new session with `user_id` as its host."""
        names = await self._people.names([user_id])
        host = Member(user_id, names[user_id], self._now_ms())
        session = sessions.begin(
            self._new_id(), self._new_id(), host, name=name, control=control, secret=self._new_id()
        )
        await self._documents.create(session.session_id, self._document(session))
        return session

    async def get(self, session_id: str, user_id: str) -> Session:
        """The session, for one of its members.

        Raises:
            NotFound: no such session. Forbidden: not a member (code NOT_A_MEMBER).
        """
        session = (await self._documents.get(session_id)).session
        if session.ended:
            raise NotFound("the session has ended", code="SESSION_ENDED")
        if session.member(user_id) is None:
            raise Forbidden("not a member of the session", code="NOT_A_MEMBER")
        return session

    async def join(self, session_id: str, user_id: str, secret: str) -> Session:
        """Let a user in who shows the invite.

        Raises:
            NotFound: no such session. Conflict: full.
            Forbidden: the invite is not good, or a block is between the user and the host; which
                of them is not said (code BAD_INVITE).
        """
        session = (await self._documents.get(session_id)).session
        if await self._people.blocked_between(user_id, [it.user_id for it in session.members]):
            raise Forbidden("the invite is not, or no longer, good", code="BAD_INVITE")
        names = await self._people.names([user_id])
        return await self.do(session_id, user_id, Join(secret, names[user_id]))

    async def do(
        self, session_id: str, user_id: str, command: Command, nonce: str | None = None
    ) -> Session:
        """Carry out a command, and tell the others. Raises as `sessions.decide`."""
        before: list[Session] = []

        def change(known: SessionDocument | None) -> SessionDocument | None:
            if known is None:
                raise NotFound(f"no session {session_id}", code="SESSION_NOT_FOUND")
            before[:] = [known.session]
            after = sessions.decide(known.session, user_id, command, self._now_ms(), nonce)
            return None if after is known.session else self._document(after)

        found = await self._documents.update(session_id, change)
        assert found is not None
        session = found.session
        if session.v > before[0].v:
            await self._live.say(
                f"session:{session_id}",
                session.epoch,
                session.v,
                state_of(session),
                recheck=isinstance(command, _NO_LONGER),
            )
        return session

    async def changes(
        self, session_id: str, user_id: str, epoch: str | None, since: int | None
    ) -> dict[str, Any]:
        """What a gateway asks for. Each number is the whole state, so the last is enough."""
        session = await self.get(session_id, user_id)
        if epoch == session.epoch and since == session.v:
            return changes(session.epoch, session.v, [], None)
        if epoch == session.epoch and since == session.v - 1:
            return changes(session.epoch, session.v, [(session.v, state_of(session))], None)
        return changes(session.epoch, session.v, None, state_of(session))

    def _document(self, session: Session) -> SessionDocument:
        at = datetime.fromtimestamp(self._now_ms() / 1000, UTC)
        return SessionDocument(session, at + FORGOTTEN_AFTER)


def state_of(session: Session) -> dict[str, Any]:
    """What members see: `track` is at `pos` at the server's time `at`, in milliseconds."""
    now = session.now
    return {
        "id": session.session_id,
        "v": session.v,
        "name": session.name,
        "host": session.host_id,
        "control": session.control,
        "members": [{"id": it.user_id, "display_name": it.name} for it in session.members],
        "queue": [
            {"id": it.item_id, "track": it.track_id, "by": it.by, "votes": list(it.votes)}
            for it in sessions.in_order(session.queue)
        ],
        "track": now.track_id if now else None,
        "pos": now.position_ms if now else 0,
        "at": now.at_ms if now else 0,
        "playing": bool(now and now.playing),
        "ended": session.ended,
    }
