"""What several contracts stand on: one BigQuery for the session."""

from collections.abc import Iterator

import pytest

from tests import bigquery
from tests.infra.graphs import evaluated


@pytest.fixture(scope="session")
def bigquery_running(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[bigquery.Warehouse]:
    with bigquery.running(tmp_path_factory.mktemp("bigquery"), evaluated("dev")) as warehouse:
        yield warehouse


@pytest.fixture
def warehouse(
    bigquery_running: bigquery.Warehouse, monkeypatch: pytest.MonkeyPatch
) -> bigquery.Warehouse:
    """BigQuery with empty tables."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", bigquery_running.url)
    bigquery_running.empty()
    return bigquery_running
