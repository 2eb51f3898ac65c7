"""Shelves in Firestore: read in two round trips, changed by one append, folded now and then.

Append is a create of the log's next number: of two at once, one finds the number taken and looks
again. No document is written twice by it, so there is none to fight over.
"""

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from functions.library import domain, folding, windows
from functions.library.documents import (
    EntryDocument,
    RunDocument,
    ShelfDocument,
    entry_document,
    entry_of,
    items_of,
    run_document,
    shelf_document,
    shelf_of,
    stub_of,
)
from functions.library.domain import Entry, Gap, Item, Op, Shelf, View, entry_id
from functions.library.windows import Window
from shared.errors import Conflict, Forbidden, Unavailable
from shared.gcp.documents import Documents

log = logging.getLogger(__name__)

ATTEMPTS = 12
MAX_LOG = 1000
MAX_CACHED_RUNS = 400
"""Decoded runs in memory: about 60 KB each."""

FOLD_WHEN_READ = 2
FOLD_WHEN_WRITTEN = 16
"""Entries that make a fold worth its three writes. A read pays for each entry that is left."""

STRAGGLERS = timedelta(minutes=1)
"""After this an append that began before an erasure has succeeded or failed."""

STUBS_LAST = timedelta(days=1)
"""Any append that began before its number was taken has long ended by then."""

FORGOTTEN = timedelta(days=2)
"""Access tokens of a user who is gone have long expired by then."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A run as it is kept in memory."""

    items: tuple[Item, ...]
    keys: Mapping[str, int]


class Shelves:
    """Every user's shelves. `runs` of the cache never change, so they are never stale."""

    def __init__(
        self,
        shelves: Documents[ShelfDocument],
        runs: Documents[RunDocument],
        entries: Documents[EntryDocument],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._shelves = shelves
        self._runs = runs
        self._log = entries
        self._now = now
        self._cache: OrderedDict[str, Sealed] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # Reading.

    async def window(
        self, shelf_id: str, *, offset: int = 0, before: int | None = None, limit: int
    ) -> tuple[Window, int]:
        """A page from number `offset`, or of what is older than key `before`; and the total."""
        view = await self.read(shelf_id)
        for attempt in range(ATTEMPTS):
            try:
                return await self._window(view, offset, before, limit), view.total
            except Gap:  # a run that was just replaced
                await _pause(attempt)
                view = await self._view(shelf_id)
        raise Unavailable(f"{shelf_id} changes too quickly", code="CONTENDED")

    async def keys(self, shelf_id: str, ids: Iterable[str]) -> dict[str, int]:
        """The keys of those of `ids` that are on the shelf."""
        view = await self.read(shelf_id)
        for attempt in range(ATTEMPTS):
            try:
                return await self._keys(view, ids)
            except Gap:
                await _pause(attempt)
                view = await self._view(shelf_id)
        raise Unavailable(f"{shelf_id} changes too quickly", code="CONTENDED")

    async def read(self, shelf_id: str) -> View:
        """The shelf as it is now, folded first if much has gathered in its log."""
        view = await self._view(shelf_id)
        if folding.is_due(view, FOLD_WHEN_READ, self._now()):
            try:
                return await self.fold(view) or view
            except (Unavailable, Gap) as error:  # what was read stands nevertheless
                log.warning("%s was not folded: %r", shelf_id, error)
        return view

    async def _window(self, view: View, offset: int, before: int | None, limit: int) -> Window:
        start = offset
        if before is not None:
            index = windows.anchor_run(view, before)
            run = () if index is None else (await self._sealed(view, [index]))[index].items
            start = windows.start_of(view, before, run)
        needed = await self._sealed(view, windows.runs_under(view, start, limit))
        runs = {index: run.items for index, run in needed.items()}
        return windows.window(view, runs, start, limit)

    async def _keys(self, view: View, ids: Iterable[str]) -> dict[str, int]:
        wanted = set(ids)
        found = {item.item_id: item.key for item in view.front if item.item_id in wanted}
        if len(found) < len(wanted):
            for run in (await self._sealed(view, range(len(view.shelf.runs)))).values():
                for id in wanted - found.keys():
                    key = run.keys.get(id)
                    if key is not None and key not in view.gone:
                        found[id] = key
        return {id: found[id] for id in dict.fromkeys(ids) if id in found}

    async def _view(self, shelf_id: str) -> View:
        for attempt in range(ATTEMPTS):
            document, entries = await asyncio.gather(
                self._shelves.find(shelf_id), self._entries(shelf_id)
            )
            shelf = Shelf(shelf_id) if document is None else shelf_of(document)
            if shelf.erased_at is not None:
                raise Forbidden("the account is gone", code="USER_GONE")
            try:
                return domain.view_of(shelf, [entry_of(it) for it in entries])
            except Gap:  # folded between the two reads
                await _pause(attempt)
        raise Unavailable(f"the log of {shelf_id} has a gap", code="CONTENDED")

    async def _entries(self, shelf_id: str) -> list[EntryDocument]:
        """The log. All of it: what could not be published yet may have gathered there."""
        found = part = await self._log.scan(("shelf", [shelf_id]), limit=MAX_LOG)
        while len(part) == MAX_LOG:
            last = entry_id(shelf_id, part[-1].seq)
            part = await self._log.scan(("shelf", [shelf_id]), after=last, limit=MAX_LOG)
            found = [*found, *part]
        return found

    async def _sealed(self, view: View, indices: Iterable[int]) -> dict[int, Sealed]:
        """Runs by index, those not in memory in one round trip. Raises Gap: one was replaced."""
        wanted = {index: view.shelf.runs[index].run_id for index in indices}
        found = {id: self._cache[id] for id in wanted.values() if id in self._cache}
        missing = [id for id in wanted.values() if id not in found]
        if missing:
            for id, document in (await self._runs.find_many(missing)).items():
                items = items_of(document)
                found[id] = Sealed(items, dict(items))
                self._cache[id] = found[id]
            if len(found) < len(wanted):
                raise Gap(view.shelf.shelf_id)
        for id in found:
            self._cache.move_to_end(id)
        while len(self._cache) > max(MAX_CACHED_RUNS, len(found)):
            self._cache.popitem(last=False)
        return {index: found[id] for index, id in wanted.items()}

    # Writing.

    async def save(self, shelf_id: str, ids: Sequence[str]) -> Entry | None:
        """Put `ids` on the shelf, the first as the newest; None when all of them were there.

        Raises:
            Conflict: the shelf is full (code LIBRARY_FULL).
            Unavailable: others were quicker too many times (code CONTENDED).
        """
        return await self._append(
            shelf_id, ids, lambda view, present: domain.save(view, present, ids, self._now())
        )

    async def let_go(self, shelf_id: str, ids: Sequence[str]) -> Entry | None:
        """Take `ids` off the shelf; None when none of them was there."""
        return await self._append(shelf_id, ids, lambda _, present: domain.let_go(present))

    async def _append(
        self,
        shelf_id: str,
        ids: Sequence[str],
        decide: Callable[[View, Mapping[str, int]], tuple[Op, ...]],
    ) -> Entry | None:
        lock = self._locks.setdefault(shelf_id, asyncio.Lock())
        async with lock:  # writers in one instance take turns rather than collide
            for attempt in range(ATTEMPTS):
                view = await self._view(shelf_id)
                if folding.is_due(view, FOLD_WHEN_WRITTEN, self._now()):
                    view = await self.fold(view) or view
                try:
                    ops = decide(view, await self._keys(view, ids))
                except Gap:
                    await _pause(attempt)
                    continue
                if not ops:
                    return None
                entry = Entry(shelf_id, view.seq + 1, ops, self._now(), published=False)
                try:
                    await self._log.create(entry_id(shelf_id, entry.seq), entry_document(entry))
                except Conflict:  # another instance's entry
                    await _pause(attempt)
                    continue
                return entry
        raise Unavailable(f"{shelf_id} is written by many at once", code="CONTENDED")

    async def mark_published(self, entry: Entry) -> None:
        """Note that others were told of `entry`."""
        await self._log.update(
            entry_id(entry.shelf_id, entry.seq),
            lambda known: known and replace(known, unpublished_at=None),
        )

    async def unpublished(self, since: datetime) -> list[Entry]:
        """Entries written at or before `since` of which others may not have heard."""
        return [entry_of(it) for it in await self._log.until("unpublished_at", since)]

    # Folding.

    async def fold(self, view: View) -> View | None:
        """Take the log into the shelf; the view then, or None when another did so first.

        Runs are written before the shelf that names them, and what is no longer named is removed
        after: a crash anywhere leaves a shelf that is whole.
        """
        shelf_id = view.shelf.shelf_id
        if view.seq > view.shelf.upto:
            runs = await self._sealed(view, folding.touched(view))
            folded = folding.fold(
                view, {index: run.items for index, run in runs.items()}, self._now()
            )
            await self._runs.create_many(
                {id: run_document(id, items) for id, items in folded.written.items()}
            )
            document = shelf_document(folded.shelf)

            def change(known: ShelfDocument | None) -> ShelfDocument | None:
                if known is not None and known.erased_at is not None:
                    return None
                upto = 0 if known is None else known.upto
                return document if upto == view.shelf.upto else None

            if await self._shelves.update(shelf_id, change) is not document:
                return None
            await self._runs.delete_many(folded.replaced)
            shelf = folded.shelf
        else:
            shelf = view.shelf
        # An entry that is not published yet stays: the sweep reads it from the log.
        until = self._now() + STUBS_LAST
        await self._log.put_many(
            {
                entry_id(shelf_id, entry.seq): stub_of(entry, until)
                for entry in view.entries
                if entry.published
            }
        )
        return domain.view_of(shelf, [entry for entry in view.entries if not entry.published])

    # Forgetting.

    async def erase(self, shelf_id: str) -> None:
        """Remove everything of the shelf, and refuse to hold anything more for `FORGOTTEN`."""
        now = self._now()
        empty = shelf_document(Shelf(shelf_id, erased_at=now))
        await self._shelves.put(
            shelf_id, replace(empty, due_at=now + STRAGGLERS, expires_at=now + FORGOTTEN)
        )
        await self._remove_contents(shelf_id)

    async def finish_erasures(self) -> int:
        """Look again at erased shelves, for what was under way; how many there were."""
        finished = 0
        while due := await self._shelves.until("due_at", self._now()):
            for shelf in due:
                await self._remove_contents(shelf.shelf_id)
                await self._shelves.update(
                    shelf.shelf_id, lambda known: known and replace(known, due_at=None)
                )
            finished += len(due)
        return finished

    async def _remove_contents(self, shelf_id: str) -> None:
        while entries := await self._log.scan(("shelf", [shelf_id]), limit=MAX_LOG):
            await self._log.delete_many(entry_id(shelf_id, it.seq) for it in entries)
        while runs := await self._runs.scan(("shelf", [shelf_id])):
            await self._runs.delete_many(it.run_id for it in runs)
            for run in runs:
                self._cache.pop(run.run_id, None)


async def _pause(attempt: int) -> None:
    """Full jitter: those that met once should not meet again."""
    await asyncio.sleep(random.uniform(0, min(0.5, 0.01 * 2**attempt)))  # noqa: S311
