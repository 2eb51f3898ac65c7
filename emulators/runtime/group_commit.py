"""A SQLite file with one writing thread: all that is asked for meanwhile shares one commit.

What `submit` gave back is on the way to the disk and survives kill -9 of this process (WAL,
synchronous=NORMAL: a power cut may take the last moments, a killed process takes nothing).
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_LARGEST_GROUP = 512


class GroupCommit:
    """Runs pieces of work in the order they were submitted, many to a transaction.

    A piece that raises is undone alone, and only its own future fails. Submit from the event
    loop's thread; futures resolve, in order, once the transaction is committed.
    """

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._schema = schema
        self._work: queue.SimpleQueue[tuple[Work[Any], asyncio.Future[Any]] | None]
        self._work = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        opened = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(opened,), daemon=True)
        self._thread.start()
        opened.wait()
        if self._failure is not None:
            raise self._failure

    def submit(self, work: Work[T]) -> "asyncio.Future[T]":
        """Run `work(connection)` in the next transaction; awaiting it means it is committed."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._work.put((work, future))
        return future

    async def close(self) -> None:
        """Commit what was submitted, and close the file."""
        self._work.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self, opened: threading.Event) -> None:
        try:
            connection = sqlite3.connect(self._path, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.executescript(self._schema)
        except sqlite3.Error as error:
            self._failure = error
            return
        finally:
            opened.set()
        while (group := self._next_group()) is not None:
            self._settle(_commit(connection, group))
        connection.close()

    def _next_group(self) -> list[tuple[Work[Any], "asyncio.Future[Any]"]] | None:
        first = self._work.get()
        if first is None:
            return None
        group = [first]
        while len(group) < _LARGEST_GROUP:
            try:
                item = self._work.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._work.put(None)  # close after this group
                break
            group.append(item)
        return group

    def _settle(self, done: list[tuple["asyncio.Future[Any]", Any, Exception | None]]) -> None:
        def settle() -> None:
            for future, result, error in done:
                if future.cancelled():
                    continue
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(error)

        # A loop that is gone has nobody left who waits.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(settle)


def _commit(
    connection: sqlite3.Connection, group: list[tuple[Work[Any], "asyncio.Future[Any]"]]
) -> list[tuple["asyncio.Future[Any]", Any, Exception | None]]:
    done: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for work, future in group:
            connection.execute("SAVEPOINT piece")
            try:
                done.append((future, work(connection), None))
            except Exception as error:  # the caller's to handle, through its future
                connection.execute("ROLLBACK TO piece")
                done.append((future, None, error))
            connection.execute("RELEASE piece")
        connection.execute("COMMIT")
    except sqlite3.Error as error:  # the disk is full, say: nothing of the group happened
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        done = [(future, None, error) for _, future in group]
    return done
