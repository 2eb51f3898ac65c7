"""Memory stays flat, whatever the size of an object and the pace of its readers."""

import http.client
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from emulators.runtime.storage.standalone import Standalone

MIB = 1024 * 1024
SIZE = 160 * MIB
GROWTH_BYTES = 48 * MIB


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Standalone]:
    with Standalone(tmp_path, ["music"]) as server:
        yield server


def _pieces(block: bytes) -> Iterator[bytes]:
    for _ in range(SIZE // len(block)):
        yield block


def _rss(server: Standalone) -> int:
    return psutil.Process(server.pid).memory_info().rss


def test_a_large_object_streams_in_and_out(server: Standalone) -> None:
    before = _rss(server)
    peak = 0
    answer = requests.post(
        f"{server.url}/upload/storage/v1/b/music/o?uploadType=media&name=a",
        data=_pieces(os.urandom(MIB)),
        timeout=60,
    )
    assert answer.json()["size"] == str(SIZE)
    peak = max(peak, _rss(server))
    with requests.get(f"{server.url}/music/a", stream=True, timeout=60) as download:
        got = 0
        for piece in download.iter_content(MIB):
            got += len(piece)
            peak = max(peak, _rss(server))
    assert got == SIZE
    assert peak - before < GROWTH_BYTES


def test_readers_that_do_not_read_cost_little_and_leave_no_file_open(server: Standalone) -> None:
    process = psutil.Process(server.pid)
    requests.post(
        f"{server.url}/upload/storage/v1/b/music/o?uploadType=media&name=a",
        data=_pieces(os.urandom(MIB)),
        timeout=60,
    )
    before, files = _rss(server), process.num_fds()
    parts = urlsplit(server.url)
    readers = []
    for _ in range(20):
        reader = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=10)
        reader.request("GET", "/music/a")
        assert reader.getresponse().status == 200
        readers.append(reader)
    assert _rss(server) - before < GROWTH_BYTES
    for reader in readers:
        reader.close()
    for _ in range(5):
        requests.head(f"{server.url}/music/a", timeout=10)
    for _ in range(200):
        if process.num_fds() <= files + 1:
            return
        requests.get(f"{server.url}/_health", timeout=10)
    assert process.num_fds() <= files + 1
