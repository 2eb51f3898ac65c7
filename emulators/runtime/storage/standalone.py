"""The server as a process of its own, for contract tests and benchmarks."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from emulators.tree import ROOT

_STOP_S = 10


class Standalone:
    """A stand-alone server on `data`; after `kill` it may be started again on the same port.

    >>> with Standalone(tmp_path, buckets=["music"]) as server:
    ...     storage.Client(client_options={"api_endpoint": server.url})
    """

    def __init__(self, data: Path, buckets: Sequence[str] = (), port: int = 0) -> None:
        self._data = data
        self._buckets = buckets
        self._port = port
        self._process: subprocess.Popen | None = None
        self.url = ""

    def start(self) -> Self:
        """Start, and wait until it answers."""
        command = [sys.executable, "-m", "emulators.runtime.storage", "--data", str(self._data)]
        command += ["--no-iam", "--port", str(self._port)]
        command += [part for bucket in self._buckets for part in ("--bucket", bucket)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"the storage server did not start: exit {self._process.wait()}")
        self._port = int(self.url.rpartition(":")[2])
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL: no chance to put anything in order."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        os.kill(self._process.pid, how)
        status = self._process.wait(_STOP_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        return status

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
