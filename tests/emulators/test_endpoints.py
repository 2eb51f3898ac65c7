"""Where things listen, and what a URL of the graph means on this machine."""

from pathlib import Path

import pytest

from emulators.endpoints import CallerPorts, Endpoints

ENDPOINTS = Endpoints(
    public_url="http://127.0.0.1:1",
    control_url="http://127.0.0.1:2",
    storage_public=3,
    firestore_emulator=4,
    pubsub_emulator=5,
    bigquery=6,
    bigquery_grpc=7,
    callers={"serviceAccount:a": CallerPorts(10, 11, 12, 13)},
    services={"catalog": 20, "transcode-long": 21},
    health={"edge": 30},
)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        (
            "https://catalog-42.europe-west1.run.app/_events/a?b=c",
            "http://127.0.0.1:20/_events/a?b=c",
        ),
        ("https://catalog-42.europe-west1.run.app", "http://127.0.0.1:20"),
        ("https://transcode-long-42.europe-west1.run.app/", "http://127.0.0.1:21/"),
        ("https://example.com/x", "https://example.com/x"),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x"),
        ("http://catalog-42.europe-west1.run.app/", "http://catalog-42.europe-west1.run.app/"),
    ],
)
def test_service_url_means_its_gate(url: str, local: str) -> None:
    assert ENDPOINTS.local(url) == local


def test_service_that_nobody_declares_is_an_error() -> None:
    with pytest.raises(KeyError, match="other"):
        ENDPOINTS.local("https://other-42.europe-west1.run.app/")


def test_endpoints_come_back_as_they_were_written(tmp_path: Path) -> None:
    ENDPOINTS.dump(tmp_path / "endpoints.json")
    assert Endpoints.load(tmp_path / "endpoints.json") == ENDPOINTS
