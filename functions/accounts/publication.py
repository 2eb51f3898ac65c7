"""User changes reach others at least once, whatever crashes between write and publish."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from functions.accounts import users
from functions.accounts.store import Users
from functions.accounts.users import User
from shared.errors import Unavailable
from shared.events import UserChanged

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=30)
"""A change younger than this is still on its way."""


class Publication:
    """Publishes a user's state, then notes on the document that it did."""

    def __init__(
        self,
        store: Users,
        publish: Callable[[UserChanged], Awaitable[None]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._users = store
        self._publish = publish
        self._now = now

    async def of(self, user: User) -> None:
        """Publish `user` as it stands. A failure is logged: it is written, the sweep publishes."""
        try:
            await self._tell(user)
        except Unavailable as error:
            log.warning("user %s waits for the sweep", user.user_id, exc_info=error)

    async def sweep(self) -> int:
        """Publish plans that changed by themselves, and what was perhaps never published."""
        now = self._now()
        turning = await self._users.turning(now)
        for user in turning:
            turned = await self._users.change(user.user_id, lambda it: users.turn_plan(it, now))
            await self._tell(turned)
        overdue = await self._users.unpublished(now - GRACE)
        for user in overdue:
            await self._tell(user)
        return len(turning) + len(overdue)

    async def _tell(self, user: User) -> None:
        await self._publish(users.changed(user, self._now()))
        await self._users.mark_published(user.user_id, user.revision)
