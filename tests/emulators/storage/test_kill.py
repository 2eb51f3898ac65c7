"""kill -9 at any moment: what was acknowledged is there, whole; what was not is not half there."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from emulators.runtime.storage.standalone import Standalone

BUCKET = "music"
MIB = 1024 * 1024


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder in a folder: what climbs out of it is seen."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def _client(server: Standalone) -> storage.Client:
    return storage.Client(
        project="p",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": server.url},
    )


def _stored_files(data: Path) -> int:
    return sum(path.is_file() for path in (data / "storage" / "data").rglob("*"))


def test_no_acknowledged_object_is_lost_and_none_is_half_there(data: Path) -> None:
    server = Standalone(data, [BUCKET]).start()
    acknowledged: dict[str, bytes] = {}
    attempted: dict[str, bytes] = {}
    over = threading.Event()

    def writer(worker: int) -> None:
        session = requests.Session()
        for number in range(100_000):
            name = f"{worker}-{number}"
            body = os.urandom(1000 if number % 5 else 1_500_000)
            attempted[name] = body
            try:
                answer = session.post(
                    f"{server.url}/upload/storage/v1/b/{BUCKET}/o",
                    params={"uploadType": "media", "name": name},
                    data=body,
                    timeout=10,
                )
            except requests.RequestException:
                return
            if answer.status_code == 200:
                acknowledged[name] = body
            if over.is_set():
                return

    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(writer, worker) for worker in range(8)]
        deadline = time.monotonic() + 60
        while len(acknowledged) < 100 and time.monotonic() < deadline:
            time.sleep(0.01)
        server.kill()
        over.set()
        for future in writers:
            future.result()
    assert len(acknowledged) >= 100

    with server:
        client = _client(server)
        present = {blob.name for blob in client.list_blobs(BUCKET)}
        assert set(acknowledged) <= present
        for name in present:
            assert client.bucket(BUCKET).blob(name).download_as_bytes() == attempted[name]
        assert _stored_files(data) == len(present)
        client.close()


def test_a_resumable_upload_goes_on_after_a_kill(data: Path) -> None:
    body = os.urandom(6 * MIB + 99)
    server = Standalone(data, [BUCKET]).start()
    client = _client(server)
    url = client.bucket(BUCKET).blob("a").create_resumable_upload_session(size=len(body))
    half = 3 * MIB
    headers = {"content-range": f"bytes 0-{half - 1}/{len(body)}"}
    answer = requests.put(url, data=body[:half], headers=headers, timeout=10)
    assert answer.headers["range"] == f"bytes=0-{half - 1}"
    server.kill()
    with server:
        status = requests.put(url, headers={"content-range": "bytes */*"}, timeout=10)
        assert (status.status_code, status.headers["range"]) == (308, f"bytes=0-{half - 1}")
        headers = {"content-range": f"bytes {half}-{len(body) - 1}/{len(body)}"}
        assert requests.put(url, data=body[half:], headers=headers, timeout=10).status_code == 200
        blob = client.bucket(BUCKET).blob("a")
        assert blob.download_as_bytes() == body  # the client compares the checksum as well
        client.close()


def test_everything_survives_a_clean_restart_and_generations_go_on(data: Path) -> None:
    with Standalone(data, [BUCKET]) as server:
        client = _client(server)
        bucket = client.create_bucket("other")
        bucket.cors = [{"origin": ["*"], "method": ["GET"]}]
        bucket.patch()
        blob = bucket.blob("a")
        blob.metadata = {"k": "v"}
        blob.upload_from_string(b"one", content_type="audio/wav")
        gone = bucket.blob("gone")
        gone.upload_from_string(b"x")
        last = gone.generation or 0
        gone.delete()
        assert server.stop() == 0
        with server:
            again = client.get_bucket("other")
            assert again.cors == [{"origin": ["*"], "method": ["GET"]}]
            found = again.get_blob("a")
            assert found is not None
            assert (found.generation, found.metadata) == (blob.generation, {"k": "v"})
            assert (found.content_type, found.download_as_bytes()) == ("audio/wav", b"one")
            gone.upload_from_string(b"y")
            assert (gone.generation or 0) > last
        client.close()


def test_names_never_become_paths(data: Path) -> None:
    with Standalone(data, [BUCKET]) as server:
        client = _client(server)
        for name in ("../../../escape", "/etc/escape", "a/../../escape", "nul\0escape", "e" * 1024):
            client.bucket(BUCKET).blob(name).upload_from_string(b"x")
        client.close()
    names = [path.name for path in data.parent.rglob("*") if path.is_file()]
    assert not any("escape" in name or len(name) > 40 for name in names)
    assert _stored_files(data) == 5
