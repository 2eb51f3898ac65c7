"""BigQuery, through the official client: statements with named parameters in, rows out.

Nothing of the client is loaded before the first statement. It honours BIGQUERY_EMULATOR_HOST.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from shared.errors import Unavailable

TIMEOUT_S = 600.0
PATIENCE_S = 30.0
"""How long transient failures are retried: an endless retry would hide a broken statement."""

Value = str | int | bool | date | datetime | Sequence[str]
Row = dict[str, Any]


class Statements(Protocol):
    """What runs GoogleSQL. Blocks: call it from a job, or from a thread."""

    def rows(self, sql: str, values: Mapping[str, Value] | None = None) -> list[Row]:
        """The rows that `sql` gives; `values` are its `@name` parameters.

        Raises:
            Unavailable: BigQuery refused, failed or did not answer (code QUERY_FAILED).
        """
        ...


class BigQuery:
    """Statements in one project."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._client: Any = None

    def rows(self, sql: str, values: Mapping[str, Value] | None = None) -> list[Row]:
        from google.api_core import exceptions
        from google.cloud.bigquery import QueryJobConfig
        from google.cloud.bigquery.retry import DEFAULT_RETRY

        retry = DEFAULT_RETRY.with_timeout(PATIENCE_S)
        config = QueryJobConfig(
            query_parameters=[_parameter(name, it) for name, it in (values or {}).items()]
        )
        try:
            job = self._connected().query(
                sql, job_config=config, retry=retry, job_retry=None, timeout=TIMEOUT_S
            )
            found = [dict(row) for row in job.result(retry=retry, timeout=TIMEOUT_S)]
        except (exceptions.GoogleAPIError, OSError, TimeoutError) as error:
            raise Unavailable(f"{_first_line(sql)}: {error}", code="QUERY_FAILED") from error
        if job.error_result:
            # An emulator answers failed statements as it does good ones.
            raise Unavailable(f"{_first_line(sql)}: {job.error_result}", code="QUERY_FAILED")
        return found

    def range(
        self, table: str, columns: Mapping[str, str], start: int, count: int
    ) -> Iterator[Row]:
        """Rows `start` to `start + count` of `table` (`project.data set.table`), in the order in
        which they are stored; `columns` are names and types ("INTEGER").

        Raises:
            Unavailable: BigQuery refused or did not answer (code QUERY_FAILED).
        """
        from google.api_core import exceptions
        from google.cloud.bigquery import SchemaField
        from google.cloud.bigquery.retry import DEFAULT_RETRY

        fields = [SchemaField(name, kind) for name, kind in columns.items()]
        retry = DEFAULT_RETRY.with_timeout(PATIENCE_S)
        try:
            found = self._connected().list_rows(
                table, selected_fields=fields, start_index=start, max_results=count,
                retry=retry, timeout=PATIENCE_S,
            )  # fmt: skip
            for row in found:
                yield dict(row)
        except (exceptions.GoogleAPIError, OSError, TimeoutError) as error:
            raise Unavailable(f"{table}: {error}", code="QUERY_FAILED") from error

    async def ask(self, sql: str, values: Mapping[str, Value] | None = None) -> list[Row]:
        """As `rows`, for those who must not block."""
        return await asyncio.to_thread(self.rows, sql, values)

    def _connected(self) -> Any:
        if self._client is None:
            from google.auth.credentials import AnonymousCredentials
            from google.cloud.bigquery import Client

            local = "BIGQUERY_EMULATOR_HOST" in os.environ
            self._client = Client(
                project=self._project, credentials=AnonymousCredentials() if local else None
            )
        return self._client


def _parameter(name: str, value: Value) -> Any:
    from google.cloud.bigquery import ArrayQueryParameter, ScalarQueryParameter

    if isinstance(value, str):
        return ScalarQueryParameter(name, "STRING", value)
    if isinstance(value, bool):
        return ScalarQueryParameter(name, "BOOL", value)
    if isinstance(value, int):
        return ScalarQueryParameter(name, "INT64", value)
    if isinstance(value, datetime):
        return ScalarQueryParameter(name, "TIMESTAMP", value)
    if isinstance(value, date):
        return ScalarQueryParameter(name, "DATE", value)
    return ArrayQueryParameter(name, "STRING", list(value))


def _first_line(sql: str) -> str:
    return next((line.strip() for line in sql.splitlines() if line.strip()), "")[:120]
