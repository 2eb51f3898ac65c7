"""A fake host with one real track, for the clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from segue.client import Client, Retry

from tests.clients import media
from tests.clients.fake import FakeSegue, Serving

DIST = Path(__file__).resolve().parents[2] / "clients" / "web" / "dist"


@pytest.fixture(scope="session")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audio")
    media.make(folder)
    return folder


@pytest.fixture
def fake(audio: Path) -> Iterator[FakeSegue]:
    host = FakeSegue(audio, DIST)
    serving = Serving(host)
    yield host
    serving.close()


@pytest.fixture
def client(fake: FakeSegue) -> Iterator[Client]:
    retry = Retry(base_s=0.01, cap_s=0.02)
    with Client(fake.host, "operator", "secret", retry=retry) as made:
        yield made
