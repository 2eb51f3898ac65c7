"""What a user may do with a library: save, let go, ask. Merged artists are who they are now."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from functions.library.domain import Item, Kind, added_at, shelf_id_of
from functions.library.projections import Projections
from functions.library.publication import Publication
from functions.library.store import Shelves

Named = tuple[Kind, str]
"""A thing that can be saved: its kind and id."""


class Library:
    """The libraries of all users. Every call is safe to repeat."""

    def __init__(
        self, shelves: Shelves, projections: Projections, publication: Publication
    ) -> None:
        self._shelves = shelves
        self._projections = projections
        self._publication = publication

    async def save(self, user_id: str, things: Sequence[Named]) -> None:
        """Save or follow; what was there already keeps its date."""
        for kind, ids in _by_kind(things).items():
            shelf_id = shelf_id_of(user_id, kind)
            if kind == "artist":
                there = await self._contained(user_id, kind, ids)
                ids = [id for id in ids if not there[id]]
            if ids:
                await self._publication.of(await self._shelves.save(shelf_id, ids))

    async def let_go(self, user_id: str, things: Sequence[Named]) -> None:
        """Remove or unfollow; what is not there is no error."""
        for kind, ids in _by_kind(things).items():
            meant = [id for same in (await self._meaning(kind, ids)).values() for id in same]
            entry = await self._shelves.let_go(shelf_id_of(user_id, kind), meant)
            await self._publication.of(entry)

    async def contains(self, user_id: str, things: Sequence[Named]) -> list[bool]:
        """Whether each of `things` is there, in their order."""
        kinds = _by_kind(things)
        found = dict(
            zip(
                kinds,
                await asyncio.gather(
                    *(self._contained(user_id, kind, ids) for kind, ids in kinds.items())
                ),
                strict=True,
            )
        )
        return [found[kind][id] for kind, id in things]

    async def added(self, user_id: str, things: Sequence[Named]) -> list[datetime | None]:
        """Since when each of `things` is there, in their order; None for what is not."""
        found: dict[Named, datetime] = {}
        for kind, ids in _by_kind(things).items():
            meaning = await self._meaning(kind, ids)
            meant = [id for same in meaning.values() for id in same]
            keys = await self._shelves.keys(shelf_id_of(user_id, kind), meant)
            for id, same in meaning.items():
                there = [keys[it] for it in same if it in keys]
                if there:
                    found[kind, id] = added_at(Item(id, min(there)))
        return [found.get(it) for it in things]

    async def key_of(self, user_id: str, kind: Kind, id: str) -> int | None:
        """Where the thing is on its shelf."""
        meant = (await self._meaning(kind, [id]))[id]
        keys = await self._shelves.keys(shelf_id_of(user_id, kind), meant)
        return min(keys.values(), default=None)

    async def _contained(self, user_id: str, kind: Kind, ids: Sequence[str]) -> dict[str, bool]:
        meaning = await self._meaning(kind, ids)
        meant = [id for same in meaning.values() for id in same]
        keys = await self._shelves.keys(shelf_id_of(user_id, kind), meant)
        return {id: any(it in keys for it in same) for id, same in meaning.items()}

    async def _meaning(self, kind: Kind, ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """For each id, the ids under which it may have been saved."""
        if kind == "artist":
            return await self._projections.family(ids)
        return {id: (id,) for id in ids}


def _by_kind(things: Iterable[Named]) -> dict[Kind, list[str]]:
    found: dict[Kind, list[str]] = {}
    for kind, id in things:
        found.setdefault(kind, []).append(id)
    return found
