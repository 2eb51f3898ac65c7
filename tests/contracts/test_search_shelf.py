"""The bucket of generations: the fake, and Cloud Storage's client on the local server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from emulators.runtime.storage.standalone import Standalone
from functions.search.generation import Manifest, newest, publish
from functions.search.shelf import BucketShelf, Shelf
from shared.errors import NotFound
from tests.functions.search.fakes import MemoryShelf
from tests.web import NOW


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Standalone(tmp_path_factory.mktemp("storage")) as server:
        yield server.url


@pytest.fixture(params=["memory", "bucket"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    if request.param == "memory":
        return MemoryShelf()
    client = Client(
        project="contract",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": request.getfixturevalue("endpoint")},
    )
    return BucketShelf(client.create_bucket(f"search-{abs(hash(request.node.name))}"))


def manifest(number: int) -> Manifest:
    return Manifest(number, number * 10, f"generations/{number}/", NOW, {"track": ["a"]}, {})


def test_what_is_not_there_is_none(shelf: Shelf):
    assert shelf.read("manifest") is None
    assert newest(shelf)[0].number == 0


def test_the_first_manifest_is_published_once(shelf: Shelf):
    _, version = newest(shelf)
    assert publish(shelf, manifest(1), version)
    assert not publish(shelf, manifest(9), version)
    assert newest(shelf)[0] == manifest(1)


def test_of_two_that_swap_the_same_version_one_wins(shelf: Shelf):
    publish(shelf, manifest(1), 0)
    _, version = newest(shelf)
    assert publish(shelf, manifest(2), version)
    assert not publish(shelf, manifest(3), version)
    assert newest(shelf)[0] == manifest(2)


def test_files_go_up_come_down_and_go(shelf: Shelf, tmp_path: Path):
    data = bytes(range(256)) * 1000
    (tmp_path / "up").write_bytes(data)
    shelf.upload("generations/1/track/x.store", tmp_path / "up")
    shelf.upload("generations/2/track/x.store", tmp_path / "up")
    shelf.download("generations/1/track/x.store", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == data
    assert shelf.names("generations/1/") == ["generations/1/track/x.store"]
    shelf.delete("generations/1/track/x.store")
    shelf.delete("generations/1/track/x.store")
    assert shelf.names("generations/") == ["generations/2/track/x.store"]
    with pytest.raises(NotFound):
        shelf.download("generations/1/track/x.store", tmp_path / "gone")
