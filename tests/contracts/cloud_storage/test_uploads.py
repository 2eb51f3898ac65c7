"""Ways in: media, multipart and resumable, cut off, gone wrong, and gone on with."""

import contextlib
import http.client
import io
import os
import socket
import struct
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

KIB, MIB = 1024, 1024 * 1024


def _put(
    url: str, data: bytes = b"", content_range: str | None = None, **headers: str
) -> requests.Response:
    if content_range:
        headers["content-range"] = content_range
    return requests.put(url, data=data, headers=headers, timeout=30)


def _cut(url: str, data: bytes, send_bytes: int, content_range: str | None = None) -> None:
    """PUT `data`, but break the connection after `send_bytes` of it."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=30)
    connection.putrequest("PUT", f"{parts.path}?{parts.query}")
    connection.putheader("content-length", str(len(data)))
    if content_range:
        connection.putheader("content-range", content_range)
    connection.endheaders()
    connection.send(data[:send_bytes])
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_WR)
    connection.close()


def _received(url: str) -> int:
    """How many bytes the session says it has."""
    status = _put(url, content_range="bytes */*")
    assert status.status_code == 308
    return int(status.headers.get("range", "bytes=0--1").removeprefix("bytes=0-")) + 1


@pytest.fixture
def session(endpoint: str, blob: storage.Blob) -> Callable[..., str]:
    if endpoint.startswith("https://"):
        pytest.skip("plain HTTP needs an endpoint without authentication")

    def start(**arguments: object) -> str:
        return blob.create_resumable_upload_session(**arguments)  # pyright: ignore

    return start


@pytest.mark.parametrize("size", [0, 1, 255 * KIB, 256 * KIB, 256 * KIB + 1, 3 * MIB])
def test_client_resumable_upload_is_exact_at_every_size(blob: storage.Blob, size: int) -> None:
    data = os.urandom(size)
    blob.chunk_size = 256 * KIB
    blob.upload_from_file(io.BytesIO(data), size=size, content_type="audio/wav")
    blob.reload()
    assert (blob.size, blob.content_type) == (size, "audio/wav")
    assert blob.download_as_bytes() == data


def test_client_upload_of_unknown_size(blob: storage.Blob) -> None:
    data = os.urandom(700 * KIB)
    blob.chunk_size = 256 * KIB
    with blob.open("wb", content_type="audio/wav", ignore_flush=True) as out:
        for at in range(0, len(data), 10_000):
            out.write(data[at : at + 10_000])
    assert blob.download_as_bytes() == data


def test_media_upload(endpoint: str, blob: storage.Blob, session: Callable[..., str]) -> None:
    url = f"{endpoint}/upload/storage/v1/b/{blob.bucket.name}/o"
    query = {"uploadType": "media", "name": blob.name}
    answer = requests.post(
        url, params=query, data=b"data", headers={"content-type": "text/x-lrc"}, timeout=10
    )
    assert answer.status_code == 200
    assert answer.json()["name"] == blob.name
    assert (blob.download_as_bytes(), blob.content_type) == (b"data", "text/x-lrc")


@pytest.mark.parametrize("data", [b"", b"\r\n", b"--x--\r\n--", b"\r\n--====" * 50_000])
def test_multipart_media_may_hold_anything(blob: storage.Blob, data: bytes) -> None:
    blob.upload_from_string(data)
    assert blob.download_as_bytes() == data


def test_a_multipart_upload_cut_off_leaves_nothing(
    endpoint: str, blob: storage.Blob, session: Callable[..., str]
) -> None:
    body = (
        b'--b\r\ncontent-type: application/json\r\n\r\n{"name": "'
        + blob.name.encode()
        + b'"}\r\n--b\r\ncontent-type: audio/wav\r\n\r\nhalf of the da'
    )
    answer = requests.post(
        f"{endpoint}/upload/storage/v1/b/{blob.bucket.name}/o?uploadType=multipart",
        data=body,
        headers={"content-type": "multipart/related; boundary=b"},
        timeout=10,
    )
    assert answer.status_code == 400
    assert not blob.exists()


def test_session_status_starts_at_nothing(session: Callable[..., str]) -> None:
    url = session(size=MIB)
    for total in ("*", str(MIB)):
        answer = _put(url, content_range=f"bytes */{total}")
        assert answer.status_code == 308
        assert "range" not in answer.headers


def test_session_takes_everything_in_one_request(
    blob: storage.Blob, session: Callable[..., str]
) -> None:
    data = os.urandom(MIB + 17)
    blob.metadata = {"upload_id": "7"}
    url = session(size=len(data), content_type="audio/flac", if_generation_match=0)
    answer = _put(url, data)
    assert answer.status_code == 200
    assert answer.json()["size"] == str(len(data))
    blob.reload()
    assert (blob.content_type, blob.metadata) == ("audio/flac", {"upload_id": "7"})
    assert blob.download_as_bytes() == data


def test_nothing_is_visible_before_the_last_byte(
    blob: storage.Blob, session: Callable[..., str]
) -> None:
    url = session(size=512 * KIB)
    answer = _put(url, b"x" * 256 * KIB, f"bytes 0-{256 * KIB - 1}/{512 * KIB}")
    assert (answer.status_code, answer.headers["range"]) == (308, f"bytes=0-{256 * KIB - 1}")
    assert not blob.exists()
    assert list(blob.bucket.list_blobs(prefix=blob.name)) == []
    last = _put(url, b"y" * 256 * KIB, f"bytes {256 * KIB}-{512 * KIB - 1}/{512 * KIB}")
    assert last.status_code == 200
    assert blob.exists()


def test_an_upload_resumes_after_a_cut(blob: storage.Blob, session: Callable[..., str]) -> None:
    data = os.urandom(5 * MIB + 12_345)
    url = session(size=len(data))
    _cut(url, data, send_bytes=len(data) // 2)
    have = _received(url)
    assert 0 < have <= len(data) // 2
    assert have % (256 * KIB) == 0
    answer = _put(url, data[have:], f"bytes {have}-{len(data) - 1}/{len(data)}")
    assert answer.status_code == 200
    assert blob.download_as_bytes() == data


def test_an_upload_survives_many_cuts(blob: storage.Blob, session: Callable[..., str]) -> None:
    data = os.urandom(4 * MIB + 1)
    url = session(size=len(data))
    at = 0
    for cut_bytes in (700_000, 300, 1_500_000, 262_144):
        rest = data[at:]
        _cut(url, rest, cut_bytes, f"bytes {at}-{len(data) - 1}/{len(data)}")
        at = _received(url)
    answer = _put(url, data[at:], f"bytes {at}-{len(data) - 1}/{len(data)}")
    assert answer.status_code == 200
    assert blob.download_as_bytes() == data


def test_the_client_itself_recovers_from_a_cut(endpoint: str, blob: storage.Blob) -> None:
    if endpoint.startswith("https://"):
        pytest.skip("the cutting proxy forwards plain HTTP only")
    data = os.urandom(3 * MIB)
    with _CuttingProxy(endpoint, cut_after_bytes=1_700_000) as proxy:
        client = storage.Client(
            project="contract",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": proxy.url},
        )
        through = client.bucket(blob.bucket.name).blob(blob.name, chunk_size=MIB)
        through.upload_from_file(io.BytesIO(data), size=len(data), if_generation_match=0)
        client.close()
        assert proxy.cuts == 1
    assert blob.download_as_bytes() == data


def test_bytes_already_here_may_be_sent_again(
    blob: storage.Blob, session: Callable[..., str]
) -> None:
    data = os.urandom(MIB)
    url = session(size=len(data))
    assert _put(url, data[: 512 * KIB], f"bytes 0-{512 * KIB - 1}/{MIB}").status_code == 308
    answer = _put(url, data[256 * KIB :], f"bytes {256 * KIB}-{MIB - 1}/{MIB}")
    assert answer.status_code == 200
    assert blob.download_as_bytes() == data


def test_a_gap_is_refused(session: Callable[..., str]) -> None:
    url = session(size=MIB)
    answer = _put(url, b"x" * 256 * KIB, f"bytes {256 * KIB}-{512 * KIB - 1}/{MIB}")
    assert answer.status_code == 503
    assert "range" not in _put(url, content_range=f"bytes */{MIB}").headers


@pytest.mark.parametrize(
    ("content_range", "data"),
    [
        ("bytes 0-9/5", b"0123456789"),
        ("bytes 9-0/10", b"x"),
        ("octets 0-1/2", b"xx"),
        ("bytes 0-4/10", b"longer than five"),
        ("bytes 0-9/99", b"0123456789"),
    ],
)
def test_nonsense_ranges_are_refused(
    blob: storage.Blob, session: Callable[..., str], content_range: str, data: bytes
) -> None:
    url = session(size=10)
    assert _put(url, data, content_range).status_code == 400
    assert not blob.exists()


def test_more_or_less_than_announced_is_refused(
    blob: storage.Blob, session: Callable[..., str]
) -> None:
    assert _put(session(size=10), b"12345").status_code == 400
    assert _put(session(size=10), b"12345678901").status_code == 400
    assert not blob.exists()


def test_the_last_request_may_be_repeated(blob: storage.Blob, session: Callable[..., str]) -> None:
    url = session(size=4)
    first = _put(url, b"data")
    again = _put(url, b"data")
    status = _put(url, content_range="bytes */4")
    assert [answer.status_code for answer in (first, again, status)] == [200, 200, 200]
    assert first.json()["generation"] == again.json()["generation"]
    assert status.json()["generation"] == first.json()["generation"]


def test_a_cancelled_session_is_gone(blob: storage.Blob, session: Callable[..., str]) -> None:
    url = session(size=MIB)
    _put(url, b"x" * 256 * KIB, f"bytes 0-{256 * KIB - 1}/{MIB}")
    assert requests.delete(url, timeout=10).status_code == 499
    assert _put(url, content_range="bytes */*").status_code in (404, 410, 499)
    assert not blob.exists()


def test_an_unknown_session_is_not_found(session: Callable[..., str]) -> None:
    url = session(size=1)
    assert _put(url[:-6] + "aaaaaa", b"x").status_code in (400, 404, 410)


def test_preconditions_hold_at_the_start_and_at_the_end(
    blob: storage.Blob, session: Callable[..., str]
) -> None:
    url = session(size=4, if_generation_match=0)
    blob.upload_from_string(b"came first")
    assert _put(url, b"late").status_code == 412
    assert blob.download_as_bytes() == b"came first"
    with pytest.raises(exceptions.PreconditionFailed):
        session(size=4, if_generation_match=0)


def test_a_wrong_checksum_at_the_end_is_refused(
    blob: storage.Blob, session: Callable[..., str]
) -> None:
    answer = _put(session(size=4), b"data", **{"x-goog-hash": "crc32c=AAAAAA=="})
    assert answer.status_code == 400
    assert not blob.exists()


def test_two_sessions_for_one_name_give_one_whole_object(
    blob: storage.Blob, session: Callable[..., str]
) -> None:
    one, two = b"1" * MIB, b"2" * MIB
    urls = [session(size=MIB, if_generation_match=0) for _ in range(2)]
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda u=url, d=data: statuses.append(_put(u, d).status_code))
        for url, data in zip(urls, (one, two), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 412]
    assert blob.download_as_bytes() in (one, two)


class _CuttingProxy:
    """Forwards TCP to an endpoint; breaks one connection, once, after so many bytes upwards."""

    def __init__(self, endpoint: str, cut_after_bytes: int) -> None:
        parts = urlsplit(endpoint)
        self._target = (parts.hostname, parts.port)
        self._left = cut_after_bytes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0

    def __enter__(self) -> "_CuttingProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        try:
            while data := source.recv(65536):
                if upwards and not self.cuts:
                    self._left -= len(data)
                    if self._left < 0:
                        self.cuts += 1
                        for end in (source, sink):  # reset, as a lost network does
                            linger = struct.pack("ii", 1, 0)
                            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        break
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
