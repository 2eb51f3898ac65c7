"""V4 signed URLs: what was signed works, anything else is refused with the service's XML error."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import requests
from google.cloud import storage

Sign = Callable[..., str]


def _code(answer: requests.Response) -> str:
    assert answer.headers["content-type"].startswith("application/xml")
    return answer.text.partition("<Code>")[2].partition("</Code>")[0]


def test_signed_get_reads_with_ranges(blob: storage.Blob, sign: Sign) -> None:
    blob.upload_from_string(b"0123456789", content_type="audio/mp4")
    answer = requests.get(sign(), timeout=10)
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    assert answer.headers["content-type"] == "audio/mp4"
    part = requests.get(sign(), headers={"range": "bytes=2-4"}, timeout=10)
    assert (part.status_code, part.content) == (206, b"234")
    assert requests.head(sign(method="HEAD"), timeout=10).status_code == 200


def test_signed_put_writes(blob: storage.Blob, sign: Sign) -> None:
    url = sign(method="PUT", content_type="audio/flac", headers={"x-goog-meta-a": "b"})
    headers = {"content-type": "audio/flac", "x-goog-meta-a": "b"}
    assert requests.put(url, data=b"data", headers=headers, timeout=10).status_code == 200
    blob.reload()
    assert (blob.content_type, blob.metadata) == ("audio/flac", {"a": "b"})
    assert blob.download_as_bytes() == b"data"


def test_signed_put_keeps_its_limits(blob: storage.Blob, sign: Sign) -> None:
    headers = {"x-goog-content-length-range": "2,4"}
    url = sign(method="PUT", headers=headers)
    for data, code in ((b"12345", "EntityTooLarge"), (b"1", "EntityTooSmall")):
        answer = requests.put(url, data=data, headers=headers, timeout=10)
        assert (answer.status_code, _code(answer)) == (400, code)
    assert not blob.exists()
    assert requests.put(url, data=b"123", headers=headers, timeout=10).status_code == 200


def test_signed_put_keeps_preconditions(blob: storage.Blob, sign: Sign) -> None:
    headers = {"x-goog-if-generation-match": "0"}
    url = sign(method="PUT", headers=headers)
    assert requests.put(url, data=b"one", headers=headers, timeout=10).status_code == 200
    again = requests.put(url, data=b"two", headers=headers, timeout=10)
    assert (again.status_code, _code(again)) == (412, "PreconditionFailed")
    assert blob.download_as_bytes() == b"one"


def test_signed_resumable_opens_a_session(blob: storage.Blob, sign: Sign) -> None:
    headers = {"x-goog-resumable": "start", "content-type": "audio/wav"}
    url = sign(method="RESUMABLE", content_type="audio/wav")
    opened = requests.post(url, headers=headers, timeout=10)
    assert opened.status_code == 201
    session = opened.headers["location"]
    status = requests.put(session, headers={"content-range": "bytes */*"}, timeout=10)
    assert status.status_code == 308
    assert requests.put(session, data=b"data", timeout=10).status_code == 200
    blob.reload()
    assert (blob.content_type, blob.size) == ("audio/wav", 4)


def test_signed_delete_deletes(blob: storage.Blob, sign: Sign) -> None:
    blob.upload_from_string(b"x")
    assert requests.delete(sign(method="DELETE"), timeout=10).status_code == 204
    assert not blob.exists()


def test_odd_names_and_query_parameters_are_signed_too(
    bucket: storage.Bucket, blob: storage.Blob, sign: Sign
) -> None:
    blob.name = f"{blob.name} ü+%2F?&=#~'*"
    blob.upload_from_string(b"odd")
    url = sign(response_disposition='attachment; filename="a b.mp3"', response_type="text/odd")
    answer = requests.get(url, timeout=10)
    assert answer.content == b"odd"
    assert answer.headers["content-disposition"] == 'attachment; filename="a b.mp3"'
    assert answer.headers["content-type"] == "text/odd"


@pytest.mark.parametrize(
    "tamper",
    [
        lambda url: url[:-4] + ("0000" if not url.endswith("0000") else "1111"),
        lambda url: url.replace("/object?", "/object2?"),
        lambda url: url.replace("X-Goog-Expires=600", "X-Goog-Expires=6000"),
        lambda url: url + "&response-content-type=text/html",
        lambda url: url.partition("X-Goog-Signature=")[0] + "X-Goog-Signature=zz",
    ],
    ids=["signature", "object", "expiry", "added parameter", "not hexadecimal"],
)
def test_a_tampered_url_is_refused(
    blob: storage.Blob, sign: Sign, tamper: Callable[[str], str]
) -> None:
    blob.upload_from_string(b"classified")
    url = tamper(sign())
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, _code(answer)) == (403, "SignatureDoesNotMatch")
    assert b"classified" not in answer.content


def test_a_url_for_one_method_does_not_serve_another(blob: storage.Blob, sign: Sign) -> None:
    blob.upload_from_string(b"kept")
    for act in (requests.put, requests.delete):
        answer = act(sign(), timeout=10)
        assert (answer.status_code, _code(answer)) == (403, "SignatureDoesNotMatch")
    assert blob.download_as_bytes() == b"kept"


def test_a_changed_signed_header_is_refused(blob: storage.Blob, sign: Sign) -> None:
    url = sign(method="PUT", content_type="audio/flac")
    answer = requests.put(url, data=b"x", headers={"content-type": "text/html"}, timeout=10)
    assert (answer.status_code, _code(answer)) == (403, "SignatureDoesNotMatch")
    assert not blob.exists()


def test_an_expired_url_is_refused(blob: storage.Blob, sign: Sign) -> None:
    blob.upload_from_string(b"classified")
    url = sign(expiration=datetime.now(UTC) + timedelta(seconds=2))
    time.sleep(3.1)
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, _code(answer)) == (400, "ExpiredToken")
    assert b"classified" not in answer.content


def test_a_foreign_signer_is_refused(blob: storage.Blob, sign: Sign) -> None:
    blob.upload_from_string(b"classified")
    url = sign().replace("signer%40contract", "stranger%40contract")
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 403
    assert b"classified" not in answer.content
