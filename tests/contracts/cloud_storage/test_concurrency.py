"""Fifty threads at once: nothing fails, nothing is lost, and one of many racing writers wins."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core import exceptions
from google.cloud import storage

THREADS = 50


@pytest.fixture
def many(bucket: storage.Bucket) -> storage.Bucket:
    """The bucket through a client whose connection pool is as large as the crowd."""
    adapter = bucket.client._http.get_adapter("http://")
    adapter.init_poolmanager(THREADS, THREADS)  # pyright: ignore[reportAttributeAccessIssue]
    return bucket


def test_small_uploads_from_many_threads_all_arrive(many: storage.Bucket, prefix: str) -> None:
    expected = {f"{prefix}{number}": os.urandom(2000) for number in range(500)}

    def upload(name: str) -> None:
        many.blob(name).upload_from_string(expected[name])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(upload, expected))
        got = dict(
            zip(
                expected,
                pool.map(lambda n: many.blob(n).download_as_bytes(), expected),
                strict=True,
            )
        )
    assert got == expected
    assert {blob.name for blob in many.list_blobs(prefix=prefix)} == set(expected)


def test_one_of_many_creators_wins(many: storage.Bucket, blob: storage.Blob) -> None:
    def create(number: int) -> int | None:
        try:
            many.blob(blob.name).upload_from_string(str(number), if_generation_match=0)
        except exceptions.PreconditionFailed:
            return None
        return number

    with ThreadPoolExecutor(THREADS) as pool:
        winners = [n for n in pool.map(create, range(THREADS)) if n is not None]
    assert len(winners) == 1
    assert blob.download_as_bytes() == str(winners[0]).encode()


def test_generations_never_repeat(many: storage.Bucket, blob: storage.Blob) -> None:
    def overwrite(number: int) -> int:
        mine = many.blob(blob.name)
        mine.upload_from_string(str(number))
        return mine.generation or 0

    with ThreadPoolExecutor(THREADS) as pool:
        generations = list(pool.map(overwrite, range(200)))
    assert len(set(generations)) == 200
    blob.reload()
    assert blob.generation == max(generations)
