"""The function as deployed, against Google's emulators and the local Cloud Storage."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import pubsub_v1, storage

from emulators import java
from emulators.ports import free_port
from emulators.runtime.storage.standalone import Standalone
from shared.events import TrackTranscoded, decode, topic_of
from shared.ids import base62

ROOT = Path(__file__).resolve().parents[3]
PROJECT = "segue-transcode"
UPLOAD, TRACK = base62(b"cloud upload"), base62(b"cloud track")
TOPIC = f"projects/{PROJECT}/topics/{topic_of(TrackTranscoded)}"
SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/heard"


def started(argv: list[str], port: int, environ: dict[str, str] | None = None) -> subprocess.Popen:
    process = subprocess.Popen(
        argv, cwd=ROOT, env={**os.environ, **(environ or {})}, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"{argv[0]} did not start")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a function, and everything it names running."""
    firestore, pubsub = free_port(), free_port()
    try:
        commands = [(java.firestore_argv(firestore), firestore), (java.pubsub_argv(pubsub), pubsub)]
    except java.MissingEmulator as error:
        pytest.skip(str(error))
    buckets = ["masters", "audio", "images"]
    with Standalone(tmp_path_factory.mktemp("storage"), buckets=buckets) as server:
        processes = [started(list(argv), port) for argv, port in commands]
        yield {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "MASTERS_BUCKET": "masters",
            "AUDIO_BUCKET": "audio",
            "IMAGES_BUCKET": "images",
            "STORAGE_EMULATOR_HOST": server.url,
            "FIRESTORE_EMULATOR_HOST": f"127.0.0.1:{firestore}",
            "PUBSUB_EMULATOR_HOST": f"127.0.0.1:{pubsub}",
        }
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def function(environ: dict[str, str]) -> tuple[subprocess.Popen, str]:
    port = free_port()
    argv = [
        sys.executable, "-W", "ignore", "-m", "functions_framework", "--target", "transcode",
        "--source", "functions/transcode/main.py", "--signature-type", "cloudevent",
        "--port", str(port), "--host", "127.0.0.1",
    ]  # fmt: skip
    return started(argv, port, {**environ, "PYTHONPATH": str(ROOT)}), f"http://127.0.0.1:{port}/"


def deliver(url: str, size: int) -> int:
    request = urllib.request.Request(
        url,
        data=f'{{"bucket": "masters", "name": "masters/{UPLOAD}", "size": "{size}"}}'.encode(),
        headers={
            "Content-Type": "application/json", "ce-id": "1", "ce-source": "//storage",
            "ce-specversion": "1.0", "ce-type": "google.cloud.storage.object.v1.finalized",
        },
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


@pytest.mark.slow
def test_killed_half_way_and_delivered_again_it_is_one_whole_track(cloud, make, monkeypatch):
    import threading

    for name, value in cloud.items():
        monkeypatch.setenv(name, value)
    client = storage.Client(
        project=PROJECT,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": cloud["STORAGE_EMULATOR_HOST"]},
    )
    master = make("cloud.flac", seconds=60)
    blob = client.bucket("masters").blob(f"masters/{UPLOAD}")
    blob.metadata = {"upload_id": UPLOAD, "track_id": TRACK}
    blob.upload_from_filename(str(master))
    with pubsub_v1.PublisherClient() as publisher, pubsub_v1.SubscriberClient() as subscriber:
        publisher.create_topic(name=TOPIC)
        subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)

        process, url = function(cloud)
        first = threading.Thread(target=deliver, args=(url, master.stat().st_size))
        first.start()
        time.sleep(4)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        first.join()
        names = [blob.name for blob in client.list_blobs("audio")]
        assert not [name for name in names if name.endswith((".m3u8", ".mpd"))]

        process, url = function(cloud)
        end = time.monotonic() + 200
        while (status := deliver(url, master.stat().st_size)) != 200:
            assert status == 500, status
            assert time.monotonic() < end
            time.sleep(2)
        assert deliver(url, master.stat().st_size) == 200
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

        pulled = subscriber.pull(subscription=SUBSCRIPTION, max_messages=10, timeout=10)
        events = [decode(TrackTranscoded, it.message.data) for it in pulled.received_messages]
    assert len(events) >= 1
    assert len({event.event_id for event in events}) == 1
    assert (events[0].upload_id, events[0].track_id) == (UPLOAD, TRACK)
    names = {blob.name for blob in client.list_blobs("audio")}
    assert {rendition.path for rendition in events[0].renditions} <= names
    assert {manifest.path for manifest in events[0].manifests} <= names
    client.close()
