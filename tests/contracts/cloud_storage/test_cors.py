"""CORS: what the bucket's configuration lets a browser do, and nothing else."""

from collections.abc import Iterator

import pytest
import requests
from google.cloud import storage

ORIGIN = "https://player.example"


@pytest.fixture
def url(endpoint: str, bucket: storage.Bucket, blob: storage.Blob) -> Iterator[str]:
    if endpoint.startswith("https://"):
        pytest.skip("plain HTTP needs an endpoint without authentication")
    bucket.cors = [
        {
            "origin": [ORIGIN],
            "method": ["GET", "PUT"],
            "responseHeader": ["Content-Type", "x-goog-hash"],
            "maxAgeSeconds": 1800,
        }
    ]
    bucket.patch()
    blob.upload_from_string(b"data")
    yield f"{endpoint}/{bucket.name}/{blob.name}"
    bucket.cors = []
    bucket.patch()


def _preflight(url: str, origin: str, method: str, headers: str = "") -> requests.Response:
    asked = {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": headers,
    }
    return requests.options(url, headers=asked, timeout=10)


def test_preflight_allows_what_the_bucket_declares(url: str) -> None:
    answer = _preflight(url, ORIGIN, "PUT", "content-type")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()
    assert answer.headers["access-control-max-age"] == "1800"


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("https://other.example", "PUT", ""),
        (ORIGIN, "DELETE", ""),
        (ORIGIN, "PUT", "x-other"),
    ],
)
def test_preflight_grants_nothing_else(url: str, origin: str, method: str, headers: str) -> None:
    answer = _preflight(url, origin, method, headers)
    assert "access-control-allow-origin" not in answer.headers


def test_answers_carry_the_origin_and_expose_headers(url: str) -> None:
    answer = requests.get(url, headers={"origin": ORIGIN}, timeout=10)
    assert answer.content == b"data"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "x-goog-hash" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"
    other = requests.get(url, headers={"origin": "https://other.example"}, timeout=10)
    assert "access-control-allow-origin" not in other.headers


def test_a_browser_may_put_to_a_resumable_session(url: str, blob: storage.Blob) -> None:
    session = blob.create_resumable_upload_session(size=5)
    assert "access-control-allow-origin" in _preflight(session, ORIGIN, "PUT").headers
    answer = requests.put(session, data=b"hello", headers={"origin": ORIGIN}, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_a_session_serves_the_page_that_had_it_opened(url: str, blob: storage.Blob) -> None:
    other = "https://uploads.example"
    session = blob.create_resumable_upload_session(size=512 * 1024, origin=other)
    preflight = _preflight(session, other, "PUT", "content-range,content-type")
    assert preflight.headers["access-control-allow-origin"] == other
    headers = {"origin": other, "content-range": f"bytes 0-{256 * 1024 - 1}/{512 * 1024}"}
    answer = requests.put(session, data=bytes(256 * 1024), headers=headers, timeout=10)
    assert answer.status_code == 308
    assert answer.headers["access-control-allow-origin"] == other
    assert "Range" in answer.headers["access-control-expose-headers"]
    stranger = _preflight(session, "https://stranger.example", "PUT")
    assert "access-control-allow-origin" not in stranger.headers
