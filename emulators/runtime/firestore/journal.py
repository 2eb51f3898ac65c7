"""The durable Firestore: acknowledged commits as they came, folded bit by bit into documents.

A commit is kept raw (request, response, commit time) before its caller hears of it. Commits old
enough for no earlier one to be still on its way are folded, in the order of the server's commit
times, into the documents as they stand. So the file is a table of documents and a short tail,
and needs no other compaction.
"""

import asyncio
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.runtime.firestore import fold
from emulators.runtime.group_commit import GroupCommit

SCHEMA = """
CREATE TABLE IF NOT EXISTS commits (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, request BLOB NOT NULL, response BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS commits_at ON commits (at, seq);
CREATE TABLE IF NOT EXISTS documents (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
"""

SETTLED_S = 30.0
"""No answer takes longer than this from the emulator to here: what was committed before is all
known, and may be folded."""

LARGEST_FOLD = 500


@dataclass(frozen=True, slots=True)
class Commit:
    """One acknowledged commit: `at` microseconds since the epoch by the server's clock, and the
    bytes of its CommitRequest and CommitResponse."""

    at: int
    request: bytes
    response: bytes


class Journal:
    """Durable state of one project's Firestore, in the SQLite file at `path`."""

    def __init__(self, path: Path) -> None:
        self._file = GroupCommit(path, SCHEMA)

    def keep(self, commits: list[Commit]) -> "asyncio.Future[None]":
        """Remember acknowledged commits; resolves once they are on the way to the disk."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO commits (at, request, response) VALUES (?, ?, ?)",
                [(commit.at, commit.request, commit.response) for commit in commits],
            )

        return self._file.submit(work)

    async def fold_settled(self) -> int:
        """Fold what was committed more than `SETTLED_S` ago. Gives how many commits."""
        return await self._fold_before(int((time.time() - SETTLED_S) * 1e6))

    async def fold_all(self) -> int:
        """Fold every commit. Only while no call is under way to the emulator."""
        return await self._fold_before(2**62)

    async def _fold_before(self, at: int) -> int:
        folded = 0
        while (some := await self._file.submit(lambda connection: _fold(connection, at))) > 0:
            folded += some
        return folded

    def page(self, after: str, limit: int) -> "asyncio.Future[list[tuple[str, bytes]]]":
        """The first `limit` folded documents, by name, with a name greater than `after`."""

        def work(connection: sqlite3.Connection) -> list[tuple[str, bytes]]:
            return connection.execute(
                "SELECT name, body FROM documents WHERE name > ? ORDER BY name LIMIT ?",
                (after, limit),
            ).fetchall()

        return self._file.submit(work)

    def counts(self) -> "asyncio.Future[tuple[int, int]]":
        """(commits not yet folded, documents folded)."""

        def work(connection: sqlite3.Connection) -> tuple[int, int]:
            return connection.execute(
                "SELECT (SELECT COUNT(*) FROM commits), (SELECT COUNT(*) FROM documents)"
            ).fetchone()

        return self._file.submit(work)

    async def close(self) -> None:
        await self._file.close()


def _fold(connection: sqlite3.Connection, before: int) -> int:
    """Fold the earliest commits before `before`. Gives how many."""
    rows = connection.execute(
        "SELECT seq, request, response FROM commits WHERE at < ? ORDER BY at, seq LIMIT ?",
        (before, LARGEST_FOLD),
    ).fetchall()
    documents: dict[str, Any] = {}
    for _, request, response in rows:
        for entry in fold.entries(request, response):
            name = entry.document
            if name not in documents:
                documents[name] = _load(connection, name)
            documents[name] = fold.apply(documents[name], entry)
    for name, document in documents.items():
        if document is None:
            connection.execute("DELETE FROM documents WHERE name = ?", (name,))
        else:
            connection.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?)",
                (name, document.SerializeToString()),
            )
    connection.executemany("DELETE FROM commits WHERE seq = ?", [row[:1] for row in rows])
    return len(rows)


def _load(connection: sqlite3.Connection, name: str) -> Any:
    row = connection.execute("SELECT body FROM documents WHERE name = ?", (name,)).fetchone()
    return None if row is None else fold.Document.FromString(row[0])
