"""What several contracts stand on: one BigQuery for the session, Google's emulators a module."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from emulators import java
from emulators.ports import free_port
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
    port = free_port()
    try:
        argv = argv_of(port)
    except java.MissingEmulator as error:
        pytest.skip(str(error))
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
