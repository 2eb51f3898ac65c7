"""Plays as the pipeline reads them: blocks of columns, out of BigQuery or of an Avro export."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, runtime_checkable

import apache_beam as beam
import numpy as np

from functions.recommendations.listening import Plays
from functions.recommendations.plan import Plan
from shared.gcp.bigquery import BigQuery

ROWS = 50_000
"""Plays in a block."""
HISTORY = timedelta(days=730)


@runtime_checkable
class Source(Protocol):
    """Where plays come from. `prepare` is called once, where the pipeline is launched."""

    def prepare(self, plan: Plan) -> int:
        """Make the plays ready to be read; how many there are."""
        ...

    def read(self, pipeline: Any) -> Any:
        """Blocks of plays (`Plays`)."""
        ...


def block(rows: Iterable[Mapping[str, Any]]) -> Plays:
    """Rows with `user_id`, `track_id`, `at_ms`, `ms_played`, `duration_ms` and `territory`.

    What is null or no number counts as nought: a play that says little is still a play.
    """
    users: dict[str, int] = {}
    tracks: dict[str, int] = {}
    markets: dict[str, tuple[int, str]] = {}
    columns: list[tuple[int, int, int, int, int]] = []
    for row in rows:
        user, track = row["user_id"], row["track_id"]
        if not user or not track:
            continue
        at = _number(row["at_ms"])
        columns.append(
            (
                users.setdefault(user, len(users)),
                tracks.setdefault(track, len(tracks)),
                at,
                _number(row["ms_played"]),
                _number(row.get("duration_ms")),
            )
        )
        markets[user] = max(markets.get(user, (-1, "")), (at, row.get("territory") or ""))
    table = np.array(columns, dtype=np.int64).reshape(-1, 5)
    return Plays(
        tuple(users),
        tuple(markets[it][1] for it in users),
        tuple(tracks),
        table[:, 0].astype(np.int32),
        table[:, 1].astype(np.int32),
        table[:, 2],
        table[:, 3],
        table[:, 4],
    )


def _number(value: Any) -> int:
    try:
        return max(0, min(int(value), 1 << 52))
    except (TypeError, ValueError, OverflowError):  # None, text, not a number, infinite
        return 0


def blocks(rows: Iterable[Mapping[str, Any]], size: int = ROWS) -> Iterator[Plays]:
    """Rows in blocks of `size`."""
    part: list[Mapping[str, Any]] = []
    for row in rows:
        part.append(row)
        if len(part) == size:
            yield block(part)
            part = []
    if part:
        yield block(part)


@dataclass(frozen=True, slots=True)
class AvroSource:
    """An export of plays: Avro files, `pattern` as Beam's file systems take it (`/data/*.avro`,
    `gs://bucket/plays-*.avro`). Fields as `block` takes them, or those of TrackPlayed."""

    pattern: str

    def prepare(self, plan: Plan) -> int:
        from apache_beam.io.filesystems import FileSystems

        found = FileSystems.match([self.pattern])[0].metadata_list
        if not found:
            raise LookupError(f"no plays at {self.pattern}")
        # Some 40 bytes a play: near enough for how many shards there shall be.
        return max(1, sum(it.size_in_bytes for it in found) // 40)

    def read(self, pipeline: Any) -> Any:
        return (
            pipeline
            | "files" >> beam.Create([self.pattern])
            | "match" >> beam.FlatMap(_matching)
            | "spread files" >> beam.Reshuffle()
            | "read files" >> beam.FlatMap(_avro)
        )


def _matching(pattern: str) -> list[str]:
    from apache_beam.io.filesystems import FileSystems

    return sorted(it.path for it in FileSystems.match([pattern])[0].metadata_list)


def _avro(path: str) -> Iterator[Plays]:
    import fastavro
    from apache_beam.io.filesystems import FileSystems

    with FileSystems.open(path, mime_type="application/octet-stream") as file:
        yield from blocks(_as_row(record) for record in fastavro.reader(file))


def _as_row(record: Any) -> Mapping[str, Any]:
    if "at_ms" in record:
        return record
    started = record["started_at"]
    return {**record, "at_ms": int(started.timestamp() * 1000) if started else 0}


@dataclass(frozen=True, slots=True)
class BigQuerySource:
    """Plays of the events' data set, put into a table of the batch's own: so that all workers read
    the same, and read it in ranges of rows. Data sets as `project.name`."""

    project: str
    events: str
    own: str
    table: str

    def prepare(self, plan: Plan) -> int:
        since = int((plan.cut - HISTORY).timestamp())
        table = f"{self.own}.{self.table}"
        BigQuery(self.project).rows(STATEMENT.format(table=table, events=self.events, since=since))
        return _size(table, self.project)

    def read(self, pipeline: Any) -> Any:
        return (
            pipeline
            | "table" >> beam.Create([f"{self.own}.{self.table}"])
            | "ranges of rows" >> beam.FlatMap(_ranges, self.project)
            | "spread rows" >> beam.Reshuffle()
            | "read rows" >> beam.FlatMap(_rows, self.project)
        )


STATEMENT = """
CREATE OR REPLACE TABLE `{table}` AS
SELECT user_id, track_id, UNIX_MILLIS(started_at) AS at_ms, ms_played, duration_ms, territory
FROM `{events}.track_played_unique`
WHERE started_at >= TIMESTAMP_SECONDS({since})
AND user_id NOT IN (SELECT user_id FROM `{events}.user_changed_unique` WHERE removed)
"""
"""Removed users are nobody's neighbours any more."""


_COLUMNS = {
    "user_id": "STRING",
    "track_id": "STRING",
    "at_ms": "INTEGER",
    "ms_played": "INTEGER",
    "duration_ms": "INTEGER",
    "territory": "STRING",
}


def _size(table: str, project: str) -> int:
    sql = f"SELECT COUNT(*) AS plays FROM `{table}`"  # noqa: S608 - a name of our own
    return int(BigQuery(project).rows(sql)[0]["plays"])


def _ranges(table: str, project: str) -> Iterator[tuple[str, int, int]]:
    for start in range(0, _size(table, project), ROWS):
        yield table, start, ROWS


def _rows(element: tuple[str, int, int], project: str) -> Iterator[Plays]:
    table, start, count = element
    yield from blocks(BigQuery(project).range(table, _COLUMNS, start, count))
