"""The metadata of everything, in SQLite: what a commit here names exists, all else does not.

One connection, used on the event loop's thread only, so every method is atomic against the others.
WAL without a sync per commit: survives the death of the process, not of the machine.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from emulators.runtime.storage.records import Blob, Bucket, StoredObject

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
  name TEXT PRIMARY KEY, location TEXT, created_us INTEGER, metageneration INTEGER, settings TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
  bucket TEXT, name TEXT, generation INTEGER, metageneration INTEGER,
  file TEXT, size_bytes INTEGER, crc32c TEXT, md5 TEXT, component_count INTEGER,
  created_us INTEGER, updated_us INTEGER, fields TEXT,
  PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY, file TEXT, created_us INTEGER, request TEXT, outcome TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT, headers TEXT, body TEXT, created_us INTEGER,
  attempts INTEGER DEFAULT 0, next_at_us INTEGER DEFAULT 0, last_error TEXT
);
CREATE INDEX IF NOT EXISTS due ON deliveries (target, next_at_us);
CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), last_us INTEGER);
"""
_OBJECT = (
    "bucket, name, generation, metageneration, file, size_bytes, crc32c, md5, component_count, "
    "created_us, updated_us, fields"
)
_WAL_PAGES = 4000


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A resumable upload: `request` says what it will become, `outcome` what became of it."""

    id: str
    file: str
    created_us: int
    request: Mapping[str, Any]
    outcome: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to `target`, a function. `next_at_us` is when to try (again)."""

    id: int
    target: str
    headers: Mapping[str, str]
    body: str
    created_us: int
    attempts: int
    next_at_us: int
    last_error: str | None


class Index:
    """Buckets, objects, sessions and pending deliveries under one file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000;"
            f"PRAGMA wal_autocheckpoint={_WAL_PAGES}; PRAGMA temp_store=MEMORY;" + _SCHEMA
        )
        # Every request asks for its bucket, and they are few: they are kept in memory as well.
        found = map(_bucket, self._db.execute("SELECT * FROM buckets"))
        self._buckets = {bucket.name: bucket for bucket in found}
        row = self._db.execute("SELECT last_us FROM clock").fetchone()
        newest = self._db.execute("SELECT max(generation) FROM objects").fetchone()[0]
        self._last_us: int = max(row[0] if row else 0, newest or 0)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside become visible and lasting together, or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def tick(self, now_us: int) -> int:
        """A generation: the time, and above every generation given before, in any earlier life.

        To be called inside a `transaction`.
        """
        self._last_us = max(self._last_us + 1, now_us)
        self._db.execute("INSERT OR REPLACE INTO clock VALUES (1, ?)", (self._last_us,))
        return self._last_us

    # Buckets

    def bucket(self, name: str) -> Bucket | None:
        return self._buckets.get(name)

    def buckets(self) -> list[Bucket]:
        return sorted(self._buckets.values(), key=lambda bucket: bucket.name)

    def put_bucket(self, bucket: Bucket) -> None:
        settings = _text(bucket.settings)
        self._db.execute(
            "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?)",
            (bucket.name, bucket.location, bucket.created_us, bucket.metageneration, settings),
        )
        self._buckets[bucket.name] = bucket

    def delete_bucket(self, name: str) -> None:
        self._db.execute("DELETE FROM buckets WHERE name = ?", (name,))
        self._buckets.pop(name, None)

    # Objects

    def object(self, bucket: str, name: str) -> StoredObject | None:
        row = self._db.execute(
            f"SELECT {_OBJECT} FROM objects WHERE bucket = ? AND name = ?",  # noqa: S608
            (bucket, name),
        ).fetchone()
        return _object(row) if row else None

    def objects(self, bucket: str, start: str, end: str | None, limit: int) -> list[StoredObject]:
        """Up to `limit` objects with `start` <= name < `end`, in order of the names' UTF-8."""
        until, more = ("AND name < ?", (end,)) if end is not None else ("", ())
        rows = self._db.execute(
            f"SELECT {_OBJECT} FROM objects WHERE bucket = ? AND name >= ? {until} "  # noqa: S608
            "ORDER BY name LIMIT ?",
            (bucket, start, *more, limit),
        )
        return [_object(row) for row in rows]

    def put_object(self, stored: StoredObject) -> None:
        blob = stored.blob
        self._db.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                stored.bucket,
                stored.name,
                stored.generation,
                stored.metageneration,
                blob.file,
                blob.size_bytes,
                blob.crc32c,
                blob.md5,
                blob.component_count,
                stored.created_us,
                stored.updated_us,
                _text(stored.fields),
            ),
        )

    def delete_object(self, bucket: str, name: str) -> None:
        self._db.execute("DELETE FROM objects WHERE bucket = ? AND name = ?", (bucket, name))

    # Resumable sessions

    def session(self, id: str) -> SessionRow | None:
        row = self._db.execute("SELECT * FROM sessions WHERE id = ?", (id,)).fetchone()
        return _session(row) if row else None

    def put_session(self, session: SessionRow) -> None:
        outcome = None if session.outcome is None else _text(session.outcome)
        self._db.execute(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)",
            (session.id, session.file, session.created_us, _text(session.request), outcome),
        )

    def expire_sessions(self, before_us: int) -> None:
        self._db.execute("DELETE FROM sessions WHERE created_us < ?", (before_us,))

    def files(self) -> set[str]:
        """Every file that an object or an open session refers to."""
        rows = self._db.execute(
            "SELECT file FROM objects UNION SELECT file FROM sessions WHERE outcome IS NULL"
        )
        return {row[0] for row in rows}

    # Deliveries

    def add_delivery(self, target: str, headers: Mapping[str, str], body: str, now_us: int) -> None:
        self._db.execute(
            "INSERT INTO deliveries (target, headers, body, created_us) VALUES (?, ?, ?, ?)",
            (target, _text(headers), body, now_us),
        )

    def deliveries(self, target: str | None = None, limit: int = 1000) -> list[Delivery]:
        """Pending ones, the next due first."""
        where, values = ("WHERE target = ?", (target,)) if target is not None else ("", ())
        rows = self._db.execute(
            f"SELECT * FROM deliveries {where} ORDER BY next_at_us, id LIMIT ?",  # noqa: S608
            (*values, limit),
        )
        return [_delivery(row) for row in rows]

    def postpone_delivery(self, id: int, attempts: int, next_at_us: int, error: str) -> None:
        self._db.execute(
            "UPDATE deliveries SET attempts = ?, next_at_us = ?, last_error = ? WHERE id = ?",
            (attempts, next_at_us, error, id),
        )

    def remove_delivery(self, id: int) -> None:
        self._db.execute("DELETE FROM deliveries WHERE id = ?", (id,))


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _bucket(row: Sequence[Any]) -> Bucket:
    name, location, created_us, metageneration, settings = row
    return Bucket(name, location, created_us, metageneration, msgspec.json.decode(settings))


def _object(row: Sequence[Any]) -> StoredObject:
    bucket, name, generation, metageneration, file, size, crc32c, md5, components, *rest = row
    created_us, updated_us, fields = rest
    return StoredObject(
        bucket,
        name,
        generation,
        metageneration,
        Blob(file, size, crc32c, md5, components),
        created_us,
        updated_us,
        msgspec.json.decode(fields),
    )


def _session(row: Sequence[Any]) -> SessionRow:
    id, file, created_us, request, outcome = row
    done = msgspec.json.decode(outcome) if outcome else None
    return SessionRow(id, file, created_us, msgspec.json.decode(request), done)


def _delivery(row: Sequence[Any]) -> Delivery:
    id, target, headers, body, created_us, attempts, next_at_us, last_error = row
    decoded = msgspec.json.decode(headers)
    return Delivery(id, target, decoded, body, created_us, attempts, next_at_us, last_error)
