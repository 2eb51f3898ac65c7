"""Mail that people asked for, until the relay has it: nothing is lost, nobody waits.

What is kept is the errand, never the letter: letters, with the secrets in their links, are written
when they are sent and kept nowhere. An errand that is put is told of by an event, which is pushed
back to this service at once; a task sends what a push did not. Whoever sends takes the errand for
a while first, so no two do.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from functions.accounts.mail import Letter, Mail, RelayDown, Undeliverable
from functions.accounts.surroundings import Surroundings
from shared.errors import Unavailable
from shared.events import MailQueued
from shared.gcp.documents import Documents

log = logging.getLogger(__name__)

Kind = Literal["confirm", "reset", "password-changed", "address-changed"]
FIRST_WAIT = timedelta(minutes=2)
"""Longer than a slow relay takes over one letter: nobody else tries meanwhile."""
LAST_WAIT = timedelta(hours=1)
PATIENCE = timedelta(days=3)
"""A relay that is down for longer loses what was asked before."""
GRACE = timedelta(seconds=30)
"""An errand younger than this is the push's."""


@dataclass(frozen=True, slots=True)
class Errand:
    """A letter to write. `whose`: the user's id, or nothing where it is found out when it is sent
    who has the address.

    `due_at`: not tried before. `forget_at` is its TTL.
    """

    mail_id: str
    kind: str
    to: str
    whose: tuple[str, ...]
    asked_at: datetime
    due_at: datetime
    forget_at: datetime
    attempts: int = 0


def taken(errand: Errand, at: datetime) -> Errand:
    """The errand while someone tries, and if that fails: the wait doubles."""
    wait = min(LAST_WAIT, FIRST_WAIT * 2**errand.attempts) if errand.attempts < 10 else LAST_WAIT
    return replace(errand, attempts=errand.attempts + 1, due_at=at + wait)


class Outbox:
    """Keeps errands. `is_on`: False where there is no relay; then nothing is kept."""

    def __init__(
        self,
        errands: Documents[Errand],
        publish: Callable[[MailQueued], Awaitable[None]],
        around: Surroundings,
        *,
        is_on: bool,
    ) -> None:
        self.is_on = is_on
        self._errands = errands
        self._publish = publish
        self._around = around

    async def put(self, kind: Kind, to: str, user_id: str | None) -> None:
        """See to it that a letter is sent. A failure to tell of it is logged: the task finds it.

        Raises:
            Unavailable: it could not be kept.
        """
        if not self.is_on:
            return
        at, mail_id = self._around.now(), self._around.new_id()
        whose = () if user_id is None else (user_id,)
        errand = Errand(mail_id, kind, to, whose, at, at, at + PATIENCE)
        await self._errands.create(mail_id, errand)
        try:
            await self._publish(MailQueued(mail_id, at, mail_id, kind))
        except Unavailable as error:
            log.warning("mail %s waits for the task", mail_id, exc_info=error)

    async def forget(self, user_id: str) -> None:
        """Write to the user no more."""
        found = await self._errands.scan(("whose", [user_id]))
        await self._errands.delete_many([it.mail_id for it in found])


class Postman:
    """Sends what the outbox keeps. `write` makes the letter, or None when it is called for no
    more."""

    def __init__(
        self,
        errands: Documents[Errand],
        write: Callable[[Errand], Awaitable[Letter | None]],
        mail: Mail,
        around: Surroundings,
    ) -> None:
        self._errands = errands
        self._write = write
        self._mail = mail
        self._around = around

    async def on_mail_queued(self, event: MailQueued) -> None:
        """Send it now. What the relay does not take now is the task's: no use in pushing again."""
        try:
            await self._send(event.mail_id)
        except RelayDown as error:
            log.warning("mail %s waits: %s", event.mail_id, error.message)

    async def sweep(self) -> int:
        """Send what is due and was asked for a while ago; how many were seen to. Ends early when
        the relay is down."""
        now = self._around.now()
        seen = 0
        for errand in await self._errands.until("due_at", now - GRACE):
            if errand.forget_at <= now:
                await self._errands.delete_many([errand.mail_id])
                continue
            try:
                await self._send(errand.mail_id)
            except RelayDown as error:
                log.error("mail waits: %s", error.message)
                return seen
            seen += 1
        return seen

    async def _send(self, mail_id: str) -> None:
        now = self._around.now()
        mine: list[Errand] = []

        def take(found: Errand | None) -> Errand | None:
            mine.clear()
            if found is None or found.due_at > now:
                return None
            mine.append(found)
            return taken(found, now)

        await self._errands.update(mail_id, take)
        if not mine:
            return  # sent, or being sent
        letter = await self._write(mine[0])
        if letter is not None:
            try:
                await self._mail.send(letter)
            except Undeliverable as error:
                log.warning("mail %s: %s", mail_id, error.message)
            except RelayDown:
                raise
            except Unavailable as error:
                log.warning("mail %s waits: %s", mail_id, error.message)
                return
        await self._errands.delete_many([mail_id])
