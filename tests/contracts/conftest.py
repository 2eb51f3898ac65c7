"""What several contracts stand on: one BigQuery for the session, Google's emulators a module."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from emulators import java
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


@pytest.fixture(scope="module")
def firestore_emulator() -> Iterator[str]:
    """The address of a Firestore emulator started for this module."""
    with _running(java.firestore_argv) as address:
        yield address


@pytest.fixture(scope="module")
def pubsub_emulator() -> Iterator[str]:
    """The address of a Pub/Sub emulator started for this module."""
    with _running(java.pubsub_argv) as address:
        yield address


@contextlib.contextmanager
def _running(argv_of: Callable[[int], list[str]]) -> Iterator[str]:
    with contextlib.ExitStack() as stack:
        try:
            address = stack.enter_context(java.running(argv_of))
        except java.MissingEmulator as error:
            pytest.skip(str(error))
        yield address
