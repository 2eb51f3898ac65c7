"""BigQuery: how bqemulator is started on a durable folder, and the graph's tables put into it.

It lives in a virtual environment of its own, because its pins conflict with the project's:
`BQEMULATOR_VENV`, or `.venv-bigquery` at the project's root.
"""

import json
import logging
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from emulators.graph import Graph, Resource
from emulators.java import MissingEmulator
from emulators.tree import ROOT

log = logging.getLogger(__name__)

REQUIREMENTS = ("bqemulator==1.4.0", "duckdb==1.5.5", "duckdb-extension-spatial==1.5.5", "numpy")
SERVER = Path(__file__).with_name("bigquery_server.py")
TIMEOUT_S = 30

_TYPES = {
    "INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT",
}  # fmt: skip
"""The schema's legacy names as SQL spells them."""


class BigQueryFailed(Exception):
    """BigQuery refused what the graph declares; says which, and its words."""


@dataclass(frozen=True, slots=True)
class Command:
    argv: Sequence[str]
    env: Mapping[str, str]


def prepare(data: Path, project: str, rest_port: int, grpc_port: int) -> Command:
    """How to start bqemulator so that it keeps its tables under `data`/bigquery.

    The first time, DuckDB's spatial extension is imported into that folder's home; without it
    bqemulator tries a download, and does not start where there is none.

    Raises:
        MissingEmulator: its virtual environment is not there.
    """
    venv = Path(os.environ.get("BQEMULATOR_VENV") or ROOT / ".venv-bigquery")
    program = venv / "bin" / "bqemulator"
    if not program.exists():
        raise MissingEmulator(
            f"bqemulator is not in {venv}: uv venv {venv} && "
            f"uv pip install --python {venv} {' '.join(REQUIREMENTS)}"
        )
    home, state = data / "bigquery" / "home", data / "bigquery" / "data"
    state.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "HOME": str(home)}
    if not any(home.glob(".duckdb/extensions/*/*/spatial.duckdb_extension")):
        home.mkdir(parents=True, exist_ok=True)
        script = "from duckdb_extensions import import_extension as i; i('spatial')"
        # Its progress bar is not for who starts a cloud; its errors come back as they are.
        subprocess.run(
            [venv / "bin" / "python", "-c", script],
            env=env,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=120,
        )
    argv = [
        # -P: this folder's modules are the project's, not that environment's.
        str(venv / "bin" / "python"), "-P", str(SERVER), "start", "--persistent",
        f"--data-dir={state}", f"--project={project}",
        f"--rest-port={rest_port}", f"--grpc-port={grpc_port}", "--log-level=error",
    ]  # fmt: skip
    return Command(argv, env)


def wait(url: str, patience_s: float = 60) -> None:
    """Return once BigQuery at `url` answers.

    Raises:
        BigQueryFailed: it does not, within `patience_s`.
    """
    end = time.monotonic() + patience_s
    while True:
        try:
            if requests.get(f"{url}/healthz", timeout=2).ok:
                return
        except requests.RequestException as error:
            if time.monotonic() > end:
                raise BigQueryFailed(f"no answer at {url}: {error}") from error
        time.sleep(0.1)


def apply(graph: Graph, url: str) -> None:
    """Make the graph's data sets, tables and views; add columns to tables that lack them.

    Safe to repeat. Nothing is dropped.

    Raises:
        BigQueryFailed: a statement or a request was refused.
    """
    rest = _Rest(f"{url}/bigquery/v2/projects/{graph.project}")
    for dataset in graph.all("gcp:bigquery/dataset:Dataset"):
        reference = {"projectId": graph.project, "datasetId": dataset["datasetId"]}
        body = {"datasetReference": reference, "location": dataset.get("location", graph.region)}
        rest.create("/datasets", body)
    tables = graph.all("gcp:bigquery/table:Table")
    for table in tables:
        if not table.get("view"):
            _table(rest, graph.project, table)
    _views(rest, graph.project, [table for table in tables if table.get("view")])


def _table(rest: "_Rest", project: str, table: Resource) -> None:
    dataset, name = table["datasetId"], table["tableId"]
    fields = json.loads(table.get("schema") or "[]")
    body: dict[str, Any] = {
        "tableReference": {"projectId": project, "datasetId": dataset, "tableId": name},
        "schema": {"fields": fields},
    }
    if table.get("timePartitioning"):
        body["timePartitioning"] = dict(table["timePartitioning"])
    if table.get("clusterings"):
        body["clustering"] = {"fields": list(table["clusterings"])}
    path = f"/datasets/{dataset}/tables"
    if rest.create(path, body):
        return
    there = {field["name"] for field in rest.get(f"{path}/{name}")["schema"]["fields"]}
    missing = [field for field in fields if field["name"] not in there]
    for field in missing:
        column = f"`{field['name']}` {_sql_type(field)}"
        rest.query(f"ALTER TABLE `{project}.{dataset}.{name}` ADD COLUMN IF NOT EXISTS {column}")
    if missing:
        # The statement changes the table, the patch what the catalogue tells of it.
        rest.patch(f"{path}/{name}", {"schema": {"fields": fields}})


def _views(rest: "_Rest", project: str, views: Sequence[Resource]) -> None:
    """Make views, those that read other views last.

    By statement: a view made through tables.insert is a table with the rows of that moment.
    """
    left = list(views)
    while left:
        failures: list[tuple[Resource, BigQueryFailed]] = []
        for view in left:
            name = f"{project}.{view['datasetId']}.{view['tableId']}"
            try:
                rest.query(f"CREATE OR REPLACE VIEW `{name}` AS {view['view']['query']}")
            except BigQueryFailed as error:
                failures.append((view, error))
        if len(failures) == len(left):
            view, error = failures[0]
            raise BigQueryFailed(f"view {view['tableId']}: {error}") from error
        left = [view for view, _ in failures]


def _sql_type(field: Mapping[str, Any]) -> str:
    given: str = field["type"].upper()
    kind = _TYPES.get(given, given)
    if kind == "STRUCT":
        inner = ", ".join(f"`{f['name']}` {_sql_type(f)}" for f in field.get("fields", ()))
        kind = f"STRUCT<{inner}>"
    return f"ARRAY<{kind}>" if field.get("mode") == "REPEATED" else kind


class _Rest:
    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str) -> dict[str, Any]:
        return self._call("GET", path).json()

    def create(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether it was made; False if it is there already."""
        return self._call("POST", path, body, allowed=409).status_code != 409

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        self._call("PATCH", path, body)

    def query(self, sql: str) -> None:
        answer = self._call("POST", "/queries", {"query": sql, "useLegacySql": False}).json()
        if answer.get("errors"):  # a failed statement is answered with 200
            raise BigQueryFailed(f"{answer['errors'][0].get('message')} in: {sql}")

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, allowed: int = 200
    ) -> requests.Response:
        url = self._url + path
        answer = requests.request(method, url, json=body, timeout=TIMEOUT_S)
        if answer.status_code not in (200, 204, allowed):
            raise BigQueryFailed(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer
