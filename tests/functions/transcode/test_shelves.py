"""Buckets through the official client, against the local Cloud Storage."""

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from emulators.runtime.storage.standalone import Standalone
from functions.transcode.shelves import IMMUTABLE, File, StoredMasters, StoredShelf
from shared.errors import NotFound


@pytest.fixture(scope="module")
def buckets(tmp_path_factory):
    with Standalone(tmp_path_factory.mktemp("storage"), buckets=["masters", "audio"]) as server:
        client = storage.Client(
            project="p",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": server.url},
        )
        yield client.bucket("masters"), client.bucket("audio")
        client.close()


def test_a_master_comes_down_as_it_went_up_in_its_generation(buckets, tmp_path):
    masters, _ = buckets
    blob = masters.blob("masters/one")
    blob.metadata = {"track_id": "t"}
    blob.upload_from_string(b"\x1f\x8b not gzip")
    first = blob.generation
    here = StoredMasters(masters)
    assert here.describe("masters/one", first) == (11, {"track_id": "t"})
    here.download("masters/one", first, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"\x1f\x8b not gzip"
    blob.upload_from_string(b"another")
    with pytest.raises(NotFound):
        here.describe("masters/one", first)
    with pytest.raises(NotFound):
        here.download("masters/none", None, tmp_path / "y")


def test_files_are_immutable_objects_and_putting_again_changes_nothing(buckets, tmp_path):
    _, audio = buckets
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x" * 300_000)
    shelf = StoredShelf(audio)
    files = [File(path, f"audio/id/{number}.mp4", "audio/mp4") for number in range(8)]
    shelf.put(files)
    first = {blob.name: blob.generation for blob in audio.list_blobs(prefix="audio/id/")}
    assert len(first) == 8
    blob = audio.get_blob("audio/id/0.mp4")
    assert (blob.cache_control, blob.content_type) == (IMMUTABLE, "audio/mp4")
    shelf.put(files)
    assert {b.name: b.generation for b in audio.list_blobs(prefix="audio/id/")} == first


def test_what_a_dead_attempt_left_is_replaced(buckets, tmp_path):
    _, audio = buckets
    audio.blob("audio/left/a.mp4").upload_from_string(b"other bytes")
    path = tmp_path / "a.mp4"
    path.write_bytes(b"our bytes")
    StoredShelf(audio).put([File(path, "audio/left/a.mp4", "audio/mp4")])
    blob = audio.get_blob("audio/left/a.mp4")
    assert blob.download_as_bytes() == b"our bytes"
    assert blob.cache_control == IMMUTABLE
