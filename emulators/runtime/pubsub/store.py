"""The backlogs on disk: one row for each message that a subscription has not yet acknowledged."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from emulators.runtime.group_commit import GroupCommit
from emulators.runtime.pubsub.backlog import Message

SCHEMA = """
CREATE TABLE IF NOT EXISTS pending (
    subscription TEXT NOT NULL, id INTEGER NOT NULL, published_us INTEGER NOT NULL,
    data BLOB NOT NULL, attributes TEXT NOT NULL, ordering_key TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (subscription, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead (
    subscription TEXT NOT NULL, topic TEXT NOT NULL, id INTEGER NOT NULL,
    at_us INTEGER NOT NULL, attempts INTEGER NOT NULL, error TEXT NOT NULL,
    PRIMARY KEY (subscription, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS extra (kind TEXT, name TEXT, body BLOB, PRIMARY KEY (kind, name));
"""

Row = tuple[str, int, int, bytes, str, str]
"""subscription, id, published_us, data, attributes as JSON, ordering key"""


def row(subscription: str, message: Message) -> Row:
    return (
        subscription,
        message.id,
        message.published_us,
        message.data,
        json.dumps(message.attributes, ensure_ascii=False),
        message.ordering_key,
    )


class Store:
    """Every change returns a future that resolves once it is on the way to the disk."""

    def __init__(self, path: Path) -> None:
        self._file = GroupCommit(path, SCHEMA)

    def add(self, rows: Sequence[Row]) -> "asyncio.Future[None]":
        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_INSERT, rows)

        return self._file.submit(work)

    def settle(self, subscription: str, ids: Sequence[int]) -> "asyncio.Future[None]":
        """Those messages are delivered."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_DELETE, [(subscription, id) for id in ids])

        return self._file.submit(work)

    def attempted(self, subscription: str, id: int, attempts: int) -> "asyncio.Future[None]":
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE pending SET attempts = ? WHERE subscription = ? AND id = ?",
                (attempts, subscription, id),
            )

        return self._file.submit(work)

    def bury(
        self, subscription: str, message: Message, topic: str, rows: Sequence[Row], at_us: int
    ) -> "asyncio.Future[None]":
        """Move a message to its dead-letter topic's subscriptions, in one transaction."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_INSERT, rows)
            connection.execute(_DELETE, (subscription, message.id))
            connection.execute(
                "INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?, ?)",
                (subscription, topic, message.id, at_us, message.attempts, message.error[:1000]),
            )

        return self._file.submit(work)

    def page(self, subscription: str, after: int, limit: int) -> "asyncio.Future[list[Message]]":
        """The first `limit` messages with an id greater than `after`."""

        def work(connection: sqlite3.Connection) -> list[Message]:
            found = connection.execute(
                "SELECT id, published_us, data, attributes, ordering_key, attempts FROM pending "
                "WHERE subscription = ? AND id > ? ORDER BY id LIMIT ?",
                (subscription, after, limit),
            )
            return [
                Message(id, us, data, json.loads(attributes), key, attempts)
                for id, us, data, attributes, key, attempts in found
            ]

        return self._file.submit(work)

    def counts(self) -> "asyncio.Future[dict[str, tuple[int, int]]]":
        """For each subscription with a backlog: (messages, oldest publish time in µs)."""

        def work(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
            found = connection.execute(
                "SELECT subscription, COUNT(*), MIN(published_us) FROM pending GROUP BY 1"
            )
            return {name: (count, oldest) for name, count, oldest in found}

        return self._file.submit(work)

    def dead(self, limit: int = 100) -> "asyncio.Future[tuple[dict[str, int], list[dict]]]":
        """(dead letters so far for each subscription, the newest of them)."""

        def work(connection: sqlite3.Connection) -> tuple[dict[str, int], list[dict]]:
            counts = dict(
                connection.execute("SELECT subscription, COUNT(*) FROM dead GROUP BY 1").fetchall()
            )
            keys = ("subscription", "topic", "message_id", "at_us", "attempts", "error")
            newest = connection.execute(
                "SELECT subscription, topic, id, at_us, attempts, error FROM dead "
                "ORDER BY at_us DESC LIMIT ?",
                (limit,),
            )
            return counts, [dict(zip(keys, found, strict=True)) for found in newest]

        return self._file.submit(work)

    def last_id(self) -> "asyncio.Future[int]":
        """The greatest id in use, 0 if there is none."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute("SELECT COALESCE(MAX(id), 0) FROM pending").fetchone()[0]

        return self._file.submit(work)

    def put_extra(self, kind: str, name: str, body: bytes) -> "asyncio.Future[None]":
        """Keep a topic or subscription that an operator made beside the graph."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO extra VALUES (?, ?, ?)", (kind, name, body))

        return self._file.submit(work)

    def drop_extra(self, kind: str, name: str) -> "asyncio.Future[None]":
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM extra WHERE kind = ? AND name = ?", (kind, name))
            if kind == "subscription":
                connection.execute("DELETE FROM pending WHERE subscription = ?", (name,))

        return self._file.submit(work)

    def extras(self, kind: str) -> "asyncio.Future[list[bytes]]":
        def work(connection: sqlite3.Connection) -> list[bytes]:
            found = connection.execute("SELECT body FROM extra WHERE kind = ?", (kind,))
            return [body for (body,) in found]

        return self._file.submit(work)

    def forget(self, known: Sequence[str], before_us: int) -> "asyncio.Future[None]":
        """Drop what no subscription of `known` waits for, or was published before `before_us`."""

        def work(connection: sqlite3.Connection) -> None:
            marks = ",".join("?" * len(known))
            connection.execute(
                f"DELETE FROM pending WHERE subscription NOT IN ({marks}) OR published_us < ?",  # noqa: S608
                (*known, before_us),
            )

        return self._file.submit(work)

    async def close(self) -> None:
        await self._file.close()


_INSERT = (
    "INSERT OR REPLACE INTO pending "
    "(subscription, id, published_us, data, attributes, ordering_key) VALUES (?, ?, ?, ?, ?, ?)"
)
_DELETE = "DELETE FROM pending WHERE subscription = ? AND id = ?"
