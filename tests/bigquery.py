"""A BigQuery of a test's own: bqemulator with the tables and views that the program declares."""

import contextlib
import json
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from emulators.graph import Graph
from emulators.java import MissingEmulator
from emulators.ports import free_ports
from emulators.runtime import bigquery
from shared.events import ALL, table_of
from shared.gcp.bigquery import BigQuery
from shared.warehouse import DATASETS, TABLES


@contextlib.contextmanager
def running(data: Path, graph: Graph) -> Iterator["Warehouse"]:
    """BigQuery with what `graph` declares, until the block ends."""
    rest, grpc = free_ports(2)
    try:
        command = bigquery.prepare(data, graph.project, rest, grpc)
    except MissingEmulator as missing:
        pytest.skip(str(missing))
    process = subprocess.Popen(
        command.argv, env=dict(command.env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{rest}"
        bigquery.wait(url)
        bigquery.apply(graph, url)
        yield Warehouse(graph.project, url, process.pid)
    finally:
        process.terminate()
        process.wait(30)


class Warehouse:
    """Tables to fill, empty and ask."""

    def __init__(self, project: str, url: str, pid: int) -> None:
        self.project, self.url, self.pid = project, url, pid
        self.statements = BigQuery(project)

    def name(self, dataset: str) -> str:
        """`project.dataset`, of our short name."""
        return f"{self.project}.{DATASETS[dataset]}"

    def empty(self) -> None:
        """No row in any table of events, nor of those that jobs fill."""
        tables = [f"{self.name(it.dataset)}.{it.name}" for it in TABLES]
        filled = ("track_played", "track_changed", "licence_changed", "recommendations_shown")
        tables += [f"{self.name('events')}.{event}" for event in filled]
        for table in tables:
            self.statements.rows(f"DELETE FROM `{table}` WHERE TRUE")

    def insert(self, rows: Iterable[Any]) -> None:
        """Events, each into its table, as Pub/Sub would."""
        by_table: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            assert type(row) in ALL
            by_table.setdefault(table_of(row), []).append({"json": _plain(asdict(row))})
        base = f"{self.url}/bigquery/v2/projects/{self.project}/datasets/{DATASETS['events']}"
        for table, some in by_table.items():
            for start in range(0, len(some), 1000):
                body = {"rows": some[start : start + 1000]}
                answer = requests.post(
                    f"{base}/tables/{table}/insertAll",
                    data=json.dumps(body),
                    headers={"content-type": "application/json"},
                    timeout=60,
                )
                answer.raise_for_status()
                assert not answer.json().get("insertErrors"), answer.text[:500]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(it) for key, it in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(it) for it in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
