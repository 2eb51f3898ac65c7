"""The local Cloud Storage server against PyPI's gcp-storage-emulator and a bare byte mover.

`python -m benchmarks.storage`: all through the official client, each server in a process of its
own, rounds taking turns so that a busy machine slows all of them; the best round counts.
Measured: a 256 KiB range of a 100 MB object (the headline, ms), 2 kB uploads from 50 threads,
and 100 MB up (in 8 MiB pieces) and down. `--rounds N` for a quicker or a steadier look.
"""

import argparse
import contextlib
import io
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from requests.adapters import HTTPAdapter

from benchmarks.report import emit
from emulators.runtime.storage.standalone import Standalone

BUCKET, BIG = "bench", "big"
MIB, MB = 1024 * 1024, 1_000_000
BIG_BYTES, RANGE_BYTES, SMALL_BYTES = 100 * MB, 256 * 1024, 2000
THREADS, RANGES, SMALL_UPLOADS = 50, 60, 1000
PEER_SMALL_UPLOADS = 300
# The client's own checksums are left out: the floor has none to compare with.
PLAIN: dict[str, Any] = {"checksum": None}
ONCE: dict[str, Any] = {"checksum": None, "retry": None}
PEER = "gcp-storage-emulator"


@dataclass
class Rival:
    """A server under test and what it has shown so far."""

    client: storage.Client
    small_uploads: int
    range_ms: list[float] = field(default_factory=list)
    small_per_s: list[float] = field(default_factory=list)
    errors: int = 0
    up_mib_per_s: list[float] = field(default_factory=list)
    down_mib_per_s: list[float] = field(default_factory=list)

    def round(self, number: int, data: bytes) -> None:
        """Everything once."""
        bucket = self.client.bucket(BUCKET)
        big = bucket.blob(BIG, chunk_size=8 * MIB)
        source = io.BytesIO(data)
        took_s = _timed(lambda: big.upload_from_file(source, size=len(data), **PLAIN))
        self.up_mib_per_s.append(len(data) / MIB / took_s)
        # Chunked reading would ask for many ranges; one read is what "download" means here.
        whole = bucket.blob(BIG)
        took_s = _timed(lambda: whole.download_as_bytes(**PLAIN))
        self.down_mib_per_s.append(len(data) / MIB / took_s)
        self._ranges(whole, data)
        self._small(number)

    def _ranges(self, blob: storage.Blob, data: bytes) -> None:
        took_ms = []
        for _ in range(RANGES):
            start = random.randrange(len(data) - RANGE_BYTES)
            end = start + RANGE_BYTES - 1
            begun = time.perf_counter()
            got = blob.download_as_bytes(start=start, end=end, **PLAIN)
            took_ms.append((time.perf_counter() - begun) * 1000)
            assert len(got) == RANGE_BYTES
        self.range_ms.append(statistics.median(took_ms))

    def _small(self, round_number: int) -> None:
        bucket = self.client.bucket(BUCKET)
        body = os.urandom(SMALL_BYTES)

        def upload(number: int) -> bool:
            blob = bucket.blob(f"small/{round_number}/{number}")
            try:
                blob.upload_from_string(body, timeout=30, **ONCE)
            except Exception:
                return False
            return True

        begun = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            succeeded = sum(pool.map(upload, range(self.small_uploads)))
        self.small_per_s.append(succeeded / (time.perf_counter() - begun))
        self.errors += self.small_uploads - succeeded


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.storage", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    data = os.urandom(BIG_BYTES)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(Standalone(directory / "ours", [BUCKET]))
        ours = Rival(_client(server.url), SMALL_UPLOADS)
        peer = Rival(_client(stack.enter_context(_peer(directory))), PEER_SMALL_UPLOADS)
        floor = Rival(_client(stack.enter_context(_floor(directory))), SMALL_UPLOADS)
        for number in range(rounds):
            for rival in (ours, peer, floor):
                rival.round(number, data)

    shown = (("ours", ours), (PEER, peer), ("floor", floor))
    print(f"{'':22}{'range ms':>10}{'small/s':>10}{'errors':>10}{'up MiB/s':>10}{'down MiB/s':>12}")
    for name, rival in shown:
        print(
            f"{name:22}{min(rival.range_ms):10.2f}{max(rival.small_per_s):10.0f}"
            f"{rival.errors:10}{max(rival.up_mib_per_s):10.0f}{max(rival.down_mib_per_s):12.0f}"
        )
    emit(
        "storage",
        "ms per 256 KiB range of a 100 MB object",
        min(ours.range_ms),
        peers={PEER: min(peer.range_ms)},
        floor=min(floor.range_ms),
        higher_is_better=False,
        **{
            f"{measure}_{name}": round(max(getattr(rival, measure)), 1)
            for measure in ("small_per_s", "up_mib_per_s", "down_mib_per_s")
            for name, rival in (("ours", ours), ("peer", peer), ("floor", floor))
        },
        errors_ours=ours.errors,
        errors_peer=peer.errors,
    )


def _client(url: str) -> storage.Client:
    client = storage.Client(
        project="bench",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": url},
    )
    adapter = HTTPAdapter(pool_connections=THREADS, pool_maxsize=THREADS)
    client._http.mount("http://", adapter)
    return client


@contextlib.contextmanager
def _peer(directory: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    executable = Path(sys.executable).with_name(PEER)
    command = [str(executable), "start", "--host", "127.0.0.1", "--port", str(port), "-q"]
    command += ["--default-bucket", BUCKET]
    home = directory / "peer"
    home.mkdir()
    with _process(command, cwd=home, quiet=True):
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{url}/storage/v1/b/{BUCKET}", timeout=5)
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{PEER} does not answer")
            time.sleep(0.1)
        yield url


@contextlib.contextmanager
def _floor(directory: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.storage_floor", str(directory)]
    with _process(command, cwd=Path(__file__).parents[1]) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


@contextlib.contextmanager
def _process(command: list[str], cwd: Path, quiet: bool = False) -> Iterator[subprocess.Popen[str]]:
    error = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=error, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
