"""`kill -9` of every process of the cloud, one after another, while 50 files are ingested."""

import json
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
import wave
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.cloud import ROOT, Cloud, running_cloud
from tests.journeys.test_upload_to_ear import Api

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

FILES = 50
PATIENCE_S = 900


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_cloud(tmp_path_factory.mktemp("kills") / "data") as started:
        yield started


def _noise(path: Path, seed: int) -> None:
    """Three seconds that no other file has: 50 different recordings."""
    dice = random.Random(seed)
    step = [dice.randint(-3000, 3000) for _ in range(200 + seed)]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 44_100, 0, "NONE", ""))
        samples = [step[at // 7 % len(step)] for at in range(3 * 44_100)]
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def test_all_fifty_end_playable_and_none_twice(own_cloud: Cloud, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    for number in range(FILES):
        _noise(library / f"piece {number:02}.wav", number)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "clients" / "python"),
        "SEGUE_PROFILE": str(own_cloud.data_dir / "run" / "client.json"),
    }
    command = [sys.executable, "-m", "segue", "ingest", str(library)]
    output = (tmp_path / "ingest.log").open("wb")

    finished = threading.Event()
    killed: list[str] = []
    killer = threading.Thread(target=_kill_each, args=(own_cloud, finished, killed))
    killer.start()
    # A person whose upload failed runs the same command again: it goes on where it was.
    deadline = time.monotonic() + PATIENCE_S
    while True:
        left = max(deadline - time.monotonic(), 1)
        done = subprocess.run(
            command, env=environment, stdout=output, stderr=output, timeout=left, check=False
        )
        if done.returncode == 0 and not killer.is_alive():
            break
        assert time.monotonic() < deadline, (tmp_path / "ingest.log").read_text()[-3000:]
        time.sleep(1)
    finished.set()
    killer.join()
    assert len(set(killed)) >= 13, f"every process was killed: {killed}"

    api = Api(own_cloud)
    names = Counter(track["name"] for track in api.all_tracks())
    assert names == Counter(f"piece {number:02}" for number in range(FILES))
    for track in api.tracks().values():
        _is_playable(api, track["id"])


def _is_playable(api: Api, track: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        status, body = api("POST", "/v1/plays", {"track_id": track})
        if status == 201:
            return
        assert time.monotonic() < deadline, (track, status, json.dumps(body))
        time.sleep(0.5)


def _kill_each(cloud: Cloud, finished: threading.Event, killed: list[str]) -> None:
    """SIGKILL to each process once, in an order that is the same every time."""
    names = sorted(process["name"] for process in cloud.state()["processes"])
    random.Random(7).shuffle(names)
    for name in names:
        time.sleep(4)
        if finished.is_set():
            return
        for process in cloud.state()["processes"]:
            if process["name"] == name and process["state"] == "up":
                os.kill(process["pid"], signal.SIGKILL)
                killed.append(name)
