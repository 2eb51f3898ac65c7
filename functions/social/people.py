"""Users and what is between them, in documents: names, follows, blocks, privacy."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from functions.social import circle
from functions.social.circle import Block, Edge, Privacy, Relation, pair
from functions.social.documents import Person
from shared.errors import Conflict, Invalid
from shared.events import LibraryChanged, UserChanged
from shared.gcp.documents import Documents

MAX_FOLLOWED = 500
"""Friends whose activity is shown at once."""
MAX_FOLLOWERS = 1000
"""Followers who are told at once; the others see it when they look."""
MAX_BLOCKS = 1000


class People:
    """`now` gives the time, UTC."""

    def __init__(
        self,
        edges: Documents[Edge],
        blocks: Documents[Block],
        privacy: Documents[Privacy],
        people: Documents[Person],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._edges, self._blocks, self._privacy, self._people = edges, blocks, privacy, people
        self._now = now

    # Names.

    async def names(self, ids: Iterable[str]) -> dict[str, str]:
        """What users are called; an id, of whom nothing is known yet."""
        wanted = list(dict.fromkeys(ids))
        known = await self._people.find_many(wanted)
        return {id: known[id].name if id in known else id for id in wanted}

    async def exists(self, user_id: str) -> bool:
        """Whether the user may be there: nothing says that they are gone."""
        person = await self._people.find(user_id)
        return person is None or not person.removed

    async def apply_user(self, event: UserChanged) -> None:
        """Take in what accounts says of a user."""
        person = Person(event.user_id, event.revision, event.display_name, event.removed)
        await self._people.update(
            event.user_id,
            lambda known: person if known is None or known.revision < event.revision else None,
        )

    # Follows.

    async def apply_follow(self, event: LibraryChanged) -> bool:
        """Take in what the library says. Whether somebody is followed who was not."""
        after = circle.edge(event.user_id, event.item_id, event.saved, event.occurred_at)
        before: list[Edge | None] = []

        def change(known: Edge | None) -> Edge | None:
            before[:] = [known]
            return circle.newer(known, after)

        found = await self._edges.update(pair(event.user_id, event.item_id), change)
        was = before[0] is not None and before[0].saved
        return found == after and after.saved and not was

    async def followed(self, user_id: str) -> list[str]:
        """Whom the user follows."""
        found = await self._edges.scan(("ends", [circle.follows(user_id)]), limit=MAX_FOLLOWED)
        return [it.followed for it in found]

    async def followers(self, user_id: str, limit: int = MAX_FOLLOWERS) -> list[str]:
        """Who follows the user."""
        found = await self._edges.scan(("ends", [circle.followed_by(user_id)]), limit=limit)
        return [it.follower for it in found]

    async def counts(self, user_id: str) -> tuple[int, int]:
        """How many follow the user, and how many the user follows."""
        return (
            await self._edges.count(("ends", [circle.followed_by(user_id)])),
            await self._edges.count(("ends", [circle.follows(user_id)])),
        )

    # Blocks.

    async def block(self, blocker: str, blocked: str) -> bool:
        """Block somebody. Whether that is new.

        Raises:
            Invalid: oneself (code INVALID). Conflict: too many (code TOO_MANY_BLOCKS).
        """
        if blocker == blocked:
            raise Invalid("nobody can block themselves", code="INVALID")
        if await self._blocks.count(("ends", [circle.follows(blocker)])) >= MAX_BLOCKS:
            raise Conflict(f"{MAX_BLOCKS} blocks at most", code="TOO_MANY_BLOCKS")
        made = circle.block(blocker, blocked, self._now())
        return await self._blocks.claim(pair(blocker, blocked), made) == made

    async def unblock(self, blocker: str, blocked: str) -> None:
        await self._blocks.delete_many([pair(blocker, blocked)])

    async def blocked(self, blocker: str) -> list[str]:
        """Whom the user has blocked."""
        found = await self._blocks.scan(("ends", [circle.follows(blocker)]), limit=MAX_BLOCKS)
        return [it.blocked for it in found]

    async def blocked_between(self, user_id: str, others: Sequence[str]) -> set[str]:
        """Those of `others` who have blocked the user, or whom the user has."""
        ids = {pair(user_id, it): it for it in others} | {pair(it, user_id): it for it in others}
        return {ids[id] for id in await self._blocks.find_many(ids)}

    # Privacy.

    async def privacy(self, user_id: str) -> Privacy:
        return await self._privacy.find(user_id) or Privacy(user_id)

    async def set_privacy(
        self, user_id: str, change: Callable[[Privacy], Privacy]
    ) -> tuple[Privacy, Privacy]:
        """Change what a user shows; how it was and how it is."""
        before: list[Privacy] = [Privacy(user_id)]

        def apply(known: Privacy | None) -> Privacy:
            before[0] = known or Privacy(user_id)
            return change(before[0])

        after = await self._privacy.update(user_id, apply)
        assert after is not None
        return before[0], after

    async def relations(self, viewer: str, owners: Sequence[str]) -> dict[str, Relation]:
        """What stands between the viewer and each of `owners`."""
        blocked = await self.blocked_between(viewer, owners)
        there = await self._edges.find_many(pair(viewer, it) for it in owners)
        back = await self._edges.find_many(pair(it, viewer) for it in owners)
        return {
            it: Relation(
                it in blocked,
                pair(viewer, it) in there and there[pair(viewer, it)].saved,
                pair(it, viewer) in back and back[pair(it, viewer)].saved,
            )
            for it in owners
        }

    async def visible(self, viewer: str, owners: Sequence[str]) -> set[str]:
        """Those of `owners` whose activity the viewer may see now."""
        relations = await self.relations(viewer, owners)
        shown = await self._privacy.find_many(owners)
        at = self._now()
        return {
            it
            for it in owners
            if circle.shows_activity(shown.get(it) or Privacy(it), relations[it], at)
        }

    async def audience(self, owner: str, viewers: Sequence[str]) -> set[str]:
        """Those of `viewers`, who follow the owner, that may see the owner's activity now."""
        privacy = await self.privacy(owner)
        if privacy.hides(self._now()) or privacy.activity == "nobody":
            return set()
        relations = await self.relations(owner, viewers)
        at = self._now()
        return {
            it
            for it, found in relations.items()
            if circle.shows_activity(privacy, replace(found, follows=found.followed,
                                                      followed=found.follows), at)
        }  # fmt: skip

    async def hiding(self, ids: Iterable[str]) -> set[str]:
        """Those who are in a private session."""
        at = self._now()
        found = await self._privacy.find_many(ids)
        return {id for id, it in found.items() if it.hides(at)}

    async def forget(self, user_id: str) -> None:
        """Remove what was kept of a user who is gone, but for the fact itself."""
        marks = [circle.follows(user_id), circle.followed_by(user_id)]
        while edges := await self._edges.scan(("ends", marks), limit=500):
            await self._edges.delete_many(pair(it.follower, it.followed) for it in edges)
        while blocks := await self._blocks.scan(("ends", marks), limit=500):
            await self._blocks.delete_many(pair(it.blocker, it.blocked) for it in blocks)
        await self._privacy.delete_many([user_id])
