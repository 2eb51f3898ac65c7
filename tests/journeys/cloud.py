"""One whole local cloud, started from the graph as `make run` starts it, as journeys see it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulators.java import MissingEmulator, firestore_argv, pubsub_argv
from emulators.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 200


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running local cloud. `control` answers only to `operator_token`."""

    host: str
    client_id: str
    client_secret: str
    data_dir: Path
    process: subprocess.Popen[bytes]

    def state(self) -> dict[str, Any]:
        """Processes by name with pid, state and restarts, as the supervisor sees them now."""
        state = json.loads((self.data_dir / "run" / "state.json").read_text())
        request = urllib.request.Request(
            state["control"] + "/_control/state",
            headers={"Authorization": f"Bearer {state['operator_token']}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def fire(self, job: str) -> int:
        """Run a scheduled job now; the HTTP status that its target answered."""
        state = json.loads((self.data_dir / "run" / "state.json").read_text())
        request = urllib.request.Request(
            f"{state['control']}/_control/scheduler/{job}:run",
            headers={"Authorization": f"Bearer {state['operator_token']}"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["status"]

    def endpoints(self) -> dict[str, Any]:
        return json.loads((self.data_dir / "run" / "endpoints.json").read_text())

    def segue(self, *arguments: str, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
        """The command line, as a person would run it beside this cloud."""
        return subprocess.run(
            [sys.executable, "-m", "segue", *arguments],
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "clients" / "python"),
                "SEGUE_PROFILE": str(self.data_dir / "run" / "client.json"),
            },
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )


@contextlib.contextmanager
def running_cloud(data_dir: Path) -> Iterator[Cloud]:
    """Start a cloud on `data_dir`; stop it, and wait until it is gone, at the end."""
    try:
        firestore_argv(0), pubsub_argv(0)
    except MissingEmulator as missing:
        pytest.skip(str(missing))
    output, port = data_dir.with_name(data_dir.name + ".log"), str(free_port())
    with output.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "emulators", "--data", str(data_dir), "--port", port],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    profile = data_dir / "run" / "client.json"
    profile.unlink(missing_ok=True)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not profile.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the local cloud did not start:\n{output.read_text()[-4000:]}")
            time.sleep(0.1)
        yield Cloud(**json.loads(profile.read_text()), data_dir=data_dir, process=process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
