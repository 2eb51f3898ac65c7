"""BigQuery's statements on DuckDB in this process: names and parameters are spelt its way, no more.

For what is measured, or tried many times, without the local BigQuery around it; `tests/contracts`
hold the same statements against that.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, get_type_hints

import duckdb

from shared.events.schema import unwrap
from shared.gcp.bigquery import Row, Value

_START = """
SET TimeZone = 'UTC'; SET threads = 2;
CREATE MACRO unix_millis(t) AS epoch_ms(t);
CREATE MACRO format_timestamp(f, t) AS strftime(t, f);
CREATE MACRO div(a, b) AS a // b;
"""
_TYPES = {
    str: "VARCHAR", int: "BIGINT", bool: "BOOLEAN", date: "DATE", datetime: "TIMESTAMPTZ",
}  # fmt: skip


class Duck:
    """`shared.gcp.bigquery.Statements` over tables of its own."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute(_START)

    def table(self, name: str, row: type) -> None:
        """Make the table `name` ("schema.table") of `row`s; of a dataclass, columns of plain types
        and lists of them."""
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
        columns: list[str] = []
        for field, hint in get_type_hints(row).items():
            kind, _, repeated = unwrap(hint)
            if kind in _TYPES:
                columns.append(f"{field} {_TYPES[kind]}{'[]' if repeated else ''}")
        self.connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")

    def insert(self, name: str, some: Iterable[Any]) -> None:
        """Put dataclasses into `name`, as far as it has columns for them."""
        rows = [asdict(it) for it in some]
        there = self.connection.execute(f"SELECT * FROM {name} LIMIT 0").description or ()
        names = [column[0] for column in there]
        if rows:
            places = ", ".join("?" * len(names))
            values = [[_plain(row[each]) for each in names] for row in rows]
            self.connection.executemany(f"INSERT INTO {name} VALUES ({places})", values)

    def rows(self, sql: str, values: Mapping[str, Value] | None = None) -> list[Row]:
        text = re.sub(r"IN UNNEST\(@(\w+)\)", r"IN (SELECT UNNEST($\1))", sql.replace("`", ""))
        text = text.replace("UNNEST(l.track_ids) AS track_id", "UNNEST(l.track_ids) AS u(track_id)")
        text = re.sub(r"@(\w+)", r"$\1", text.replace("MERGE ", "MERGE INTO "))
        text = text.replace("UNION DISTINCT", "UNION")
        wanted = set(re.findall(r"\$(\w+)", text))
        given = {name: it for name, it in (values or {}).items() if name in wanted}
        cursor = self.connection.execute(text, given)
        names = [it[0] for it in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
