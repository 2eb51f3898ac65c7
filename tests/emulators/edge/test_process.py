"""The edge as the supervisor starts it: a process of its own over a data directory."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from emulators.endpoints import CallerPorts, Endpoints
from emulators.runtime.edge.server import listen
from emulators.tree import ROOT
from tests.emulators.edge.rig import FILL_AGENT, graph


@pytest.fixture
def data(tmp_path):
    """A data directory with a graph and free ports, and nothing behind the edge."""
    sockets = [listen(0) for _ in range(6)]
    front, health, catalog, transcode, fill, public = (it.getsockname()[1] for it in sockets)
    for one in sockets:
        one.close()
    (tmp_path / "run").mkdir()
    graph().dump(tmp_path / "run" / "graph.json")
    Endpoints(
        public_url=f"http://127.0.0.1:{front}",
        control_url="http://127.0.0.1:1",
        storage_public=public,
        firestore_emulator=1,
        pubsub_emulator=1,
        bigquery=1,
        bigquery_grpc=1,
        callers={FILL_AGENT: CallerPorts(fill, 1, 1, 1)},
        services={"catalog": catalog, "transcode": transcode},
        health={"edge": health},
    ).dump(tmp_path / "run" / "endpoints.json")
    return tmp_path


def start(data: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "emulators.runtime.edge", "--data", str(data)], cwd=ROOT
    )


def healthy(data: Path, patience_s: float = 30.0) -> None:
    port = Endpoints.load(data / "run" / "endpoints.json").health["edge"]
    deadline = time.monotonic() + patience_s
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_health", timeout=2) as answer:
                assert answer.status == 200
                return
        except urllib.error.URLError:
            assert time.monotonic() < deadline, "the edge did not become healthy"
            time.sleep(0.05)


def test_starts_stops_clean_and_survives_a_kill_on_the_same_ports(data):
    first = start(data)
    try:
        healthy(data)
        os.kill(first.pid, signal.SIGKILL)
        first.wait(10)
        second = start(data)
        try:
            healthy(data)
            gate = Endpoints.load(data / "run" / "endpoints.json").services["catalog"]
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"http://127.0.0.1:{gate}/", timeout=5)
            with refused.value as answer:
                assert answer.code == 403
                assert "roles/run.invoker" in json.load(answer)["error"]["message"]
            os.kill(second.pid, signal.SIGTERM)
            assert second.wait(10) == 0
        finally:
            second.kill()
            second.wait()
    finally:
        first.kill()
        first.wait()
