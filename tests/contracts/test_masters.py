"""The catalog's masters bucket, on the local Cloud Storage server through the official client."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Bucket, Client

from emulators.runtime.storage.standalone import Standalone
from functions.catalog import uploads
from functions.catalog.masters import BucketMasters, object_name
from functions.catalog.uploads import Description, Upload
from shared.errors import Unavailable
from shared.gcp import storage
from tests.web import NOW

DATA = b"RIFF" + bytes(996)
UPLOAD = uploads.new_upload(
    "u" * 22, "t" * 22, Description("a.wav", len(DATA)), max_bytes=1 << 20, by="label", at=NOW
)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Standalone(tmp_path_factory.mktemp("storage")) as server:
        yield server.url


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest) -> Bucket:
    client = Client(
        project="contract",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": endpoint},
    )
    name = f"masters-{abs(hash(request.node.name))}"
    return client.create_bucket(name)


async def test_a_session_takes_the_master_and_names_its_upload(bucket: Bucket):
    masters = BucketMasters(bucket)
    url = await masters.session(UPLOAD, "https://page.test")
    assert not await masters.has(UPLOAD.upload_id)
    async with httpx.AsyncClient() as client:
        sent = await client.put(url, content=DATA, headers={"origin": "https://page.test"})
    assert sent.status_code == 200
    assert await masters.has(UPLOAD.upload_id)
    blob = bucket.get_blob(object_name(UPLOAD.upload_id))
    assert blob is not None
    assert blob.metadata == {"upload_id": UPLOAD.upload_id, "track_id": UPLOAD.track_id}
    assert blob.download_as_bytes() == DATA


async def test_a_master_is_never_replaced_by_a_second_session(bucket: Bucket):
    masters = BucketMasters(bucket)
    first, second = [await masters.session(UPLOAD, None) for _ in range(2)]
    async with httpx.AsyncClient() as client:
        assert (await client.put(first, content=DATA)).status_code == 200
        refused = await client.put(second, content=bytes(len(DATA)))
    assert refused.status_code == 412
    assert bucket.blob(object_name(UPLOAD.upload_id)).download_as_bytes() == DATA


async def test_more_than_was_announced_is_refused(bucket: Bucket):
    masters = BucketMasters(bucket)
    url = await masters.session(UPLOAD, None)
    async with httpx.AsyncClient() as client:
        refused = await client.put(url, content=DATA + b"x")
    assert refused.status_code == 400
    assert not await masters.has(UPLOAD.upload_id)


async def test_finalizing_again_keeps_bytes_and_metadata_and_is_a_new_generation(bucket: Bucket):
    masters = BucketMasters(bucket)
    url = await masters.session(UPLOAD, None)
    async with httpx.AsyncClient() as client:
        await client.put(url, content=DATA)
    name = object_name(UPLOAD.upload_id)
    before = bucket.get_blob(name)
    assert await masters.finalize_again(UPLOAD.upload_id)
    after = bucket.get_blob(name)
    assert before is not None
    assert after is not None
    assert after.generation != before.generation
    assert after.metadata == before.metadata
    assert after.content_type == before.content_type
    assert after.download_as_bytes() == DATA


async def test_a_master_that_is_not_there_is_not_finalized(bucket: Bucket):
    assert not await BucketMasters(bucket).finalize_again("x" * 22)


async def test_a_bucket_that_is_not_there_is_unavailable(bucket: Bucket):
    masters = BucketMasters(bucket.client.bucket("nobody-made-this"))
    with pytest.raises(Unavailable):
        await masters.session(UPLOAD, None)
    other: Upload = replace(UPLOAD, upload_id="o" * 22)
    assert not await masters.has(other.upload_id)


def test_the_settings_name_the_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    assert storage.bucket("project", "masters").name == "masters"
