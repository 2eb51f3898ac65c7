"""Reading: ranges, validators and headers, through the client and as plain HTTP."""

import io

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage

DATA = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def url(endpoint: str, blob: storage.Blob) -> str:
    if endpoint.startswith("https://"):
        pytest.skip("plain HTTP needs an endpoint without authentication")
    return f"{endpoint}/{blob.bucket.name}/{blob.name}"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 0, DATA[:1]),
        (1000, 70_000, DATA[1000:70_001]),
        (len(DATA) - 5, None, DATA[-5:]),
        (10, len(DATA) * 2, DATA[10:]),
        (-7, None, DATA[-7:]),
        (-len(DATA) * 2, None, DATA),
        (0, None, DATA),
    ],
    ids=["first byte", "middle", "tail", "past the end", "suffix", "long suffix", "everything"],
)
def test_client_reads_a_range(
    blob: storage.Blob, start: int, end: int | None, expected: bytes
) -> None:
    blob.upload_from_string(DATA)
    assert blob.download_as_bytes(start=start, end=end) == expected


def test_a_range_beyond_the_end_is_not_satisfiable(blob: storage.Blob) -> None:
    blob.upload_from_string(b"12345")
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=5)


def test_chunked_download_is_exact(blob: storage.Blob) -> None:
    blob.upload_from_string(DATA)
    blob.chunk_size = 256 * 1024
    out = io.BytesIO()
    blob.download_to_file(out)
    assert out.getvalue() == DATA


def test_file_like_reading_seeks(blob: storage.Blob) -> None:
    blob.upload_from_string(DATA)
    with blob.open("rb", chunk_size=256 * 1024) as file:
        file.seek(500_000)
        assert file.read(10) == DATA[500_000:500_010]


def test_an_empty_object_reads_as_nothing(blob: storage.Blob) -> None:
    blob.upload_from_string(b"")
    assert blob.download_as_bytes() == b""


@pytest.mark.parametrize(
    ("header", "status", "length", "content_range"),
    [
        ("bytes=0-9", 206, 10, "bytes 0-9/100"),
        ("bytes=90-", 206, 10, "bytes 90-99/100"),
        ("bytes=-10", 206, 10, "bytes 90-99/100"),
        ("bytes=-1000", 206, 100, "bytes 0-99/100"),
        ("bytes=95-1000", 206, 5, "bytes 95-99/100"),
        ("bytes=100-", 416, None, "bytes */100"),
        ("bytes=-0", 416, None, "bytes */100"),
        ("bytes=9-3", 200, 100, None),
        ("lines=1-2", 200, 100, None),
    ],
)
def test_range_header(
    blob: storage.Blob,
    url: str,
    header: str,
    status: int,
    length: int | None,
    content_range: str | None,
) -> None:
    blob.upload_from_string(bytes(range(100)))
    answer = requests.get(url, headers={"range": header}, timeout=10)
    assert answer.status_code == status
    assert answer.headers.get("content-range") == content_range
    if length is not None:
        assert len(answer.content) == length
        assert answer.headers["content-length"] == str(length)


def test_plain_reads_carry_the_object_headers(blob: storage.Blob, url: str) -> None:
    blob.cache_control = "public, max-age=31536000, immutable"
    blob.content_disposition = "attachment"
    blob.metadata = {"colour": "blue"}
    blob.upload_from_string(DATA, content_type="audio/mp4")
    answer = requests.get(url, timeout=10)
    assert answer.content == DATA
    headers = answer.headers
    assert headers["content-type"] == "audio/mp4"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-disposition"] == "attachment"
    assert headers["x-goog-meta-colour"] == "blue"
    assert headers["x-goog-generation"] == str(blob.generation)
    assert headers["x-goog-metageneration"] == "1"
    assert headers["x-goog-stored-content-length"] == str(len(DATA))
    assert f"crc32c={blob.crc32c}" in headers["x-goog-hash"]
    assert f"md5={blob.md5_hash}" in headers["x-goog-hash"]
    assert headers["accept-ranges"] == "bytes"
    head = requests.head(url, timeout=10)
    assert head.content == b""
    assert head.headers["content-length"] == str(len(DATA))


def test_validators_answer_not_modified(blob: storage.Blob, url: str) -> None:
    blob.upload_from_string(b"data")
    first = requests.get(url, timeout=10)
    tag, modified = first.headers["etag"], first.headers["last-modified"]
    for headers in (
        {"if-none-match": tag},
        {"if-none-match": f'"other", W/{tag}'},
        {"if-none-match": "*"},
        {"if-modified-since": modified},
    ):
        again = requests.get(url, headers=headers, timeout=10)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert requests.get(url, headers={"if-none-match": '"x"'}, timeout=10).status_code == 200
    assert requests.get(url, headers={"if-match": '"x"'}, timeout=10).status_code == 412
    ranged = {"range": "bytes=0-0", "if-range": tag}
    assert requests.get(url, headers=ranged, timeout=10).status_code == 206
    stale = {"range": "bytes=0-0", "if-range": '"stale"'}
    assert requests.get(url, headers=stale, timeout=10).status_code == 200


def test_a_missing_key_answers_as_xml(blob: storage.Blob, url: str) -> None:
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 404
    assert "<Code>NoSuchKey</Code>" in answer.text


def test_a_reader_sees_one_version_while_it_is_overwritten(blob: storage.Blob, url: str) -> None:
    old, new = b"o" * (32 << 20), b"n" * (32 << 20)
    blob.upload_from_string(old)
    with requests.get(url, stream=True, timeout=30) as answer:
        chunks = answer.iter_content(65536)
        seen = [next(chunks)]
        blob.upload_from_string(new)
        seen.extend(chunks)
    assert b"".join(seen) == old
    assert blob.download_as_bytes() == new
