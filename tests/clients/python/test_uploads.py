"""The resumable protocol against a server that cuts lines and loses sessions."""

import random
from pathlib import Path

import httpx
import pytest
from segue.client import Client, Retry
from segue.errors import UploadError
from segue.uploads import GRAIN_BYTES, Session

from tests.clients.fake import FakeSegue, Upload

QUICK = Retry(attempts=4, base_s=0.0)


@pytest.fixture
def master(tmp_path: Path) -> Path:
    path = tmp_path / "master.bin"
    path.write_bytes(random.Random(1).randbytes(5 * GRAIN_BYTES + 123))
    return path


def begin(fake: FakeSegue, path: Path) -> tuple[Upload, str]:
    upload = Upload("u" * 22, "t" * 22, path.name, path.stat().st_size, None)
    fake.uploads[upload.id] = upload
    return upload, f"{fake.host}/session/{upload.id}"


def session(client: Client, url: str, path: Path, **more: object) -> Session:
    size = path.stat().st_size
    return Session(client.http, url, size, retry=QUICK, chunk_bytes=2 * GRAIN_BYTES, **more)  # type: ignore[arg-type]


def test_file_arrives_whole_in_chunks(client: Client, fake: FakeSegue, master: Path) -> None:
    upload, url = begin(fake, master)
    held: list[int] = []
    session(client, url, master).send(master, held.append)
    assert bytes(upload.data) == master.read_bytes()
    assert held == [2 * GRAIN_BYTES, 4 * GRAIN_BYTES, len(upload.data)]


def test_cut_line_is_resumed_where_the_server_is(
    client: Client, fake: FakeSegue, master: Path
) -> None:
    upload, url = begin(fake, master)
    fake.trouble.cut_uploads = 2
    session(client, url, master).send(master)
    assert bytes(upload.data) == master.read_bytes()
    assert fake.trouble.cut_uploads == 0


def test_earlier_session_goes_on_from_what_is_held(
    client: Client, fake: FakeSegue, master: Path
) -> None:
    upload, url = begin(fake, master)
    upload.data += master.read_bytes()[: 3 * GRAIN_BYTES]
    held: list[int] = []
    session(client, url, master).send(master, held.append, held=-1)
    assert bytes(upload.data) == master.read_bytes()
    assert held[0] == 3 * GRAIN_BYTES


def test_finished_session_is_not_sent_again(client: Client, fake: FakeSegue, master: Path) -> None:
    upload, url = begin(fake, master)
    upload.data += master.read_bytes()
    session(client, url, master).send(master, held=-1)
    assert len(upload.data) == master.stat().st_size


def test_ended_session_says_so(client: Client, fake: FakeSegue, master: Path) -> None:
    _, url = begin(fake, master)
    fake.trouble.lose_sessions = 1
    with pytest.raises(UploadError) as caught:
        session(client, url, master).send(master)
    assert caught.value.code == "SESSION_GONE"


def test_line_that_never_comes_back_is_given_up(
    client: Client, fake: FakeSegue, master: Path
) -> None:
    begin(fake, master)
    with pytest.raises(UploadError) as caught:
        session(client, "http://127.0.0.1:9/session/x", master).send(master)
    assert caught.value.code == "UPLOAD_STALLED"


def test_file_that_shrank_is_refused(client: Client, fake: FakeSegue, master: Path) -> None:
    _, url = begin(fake, master)
    upload = session(client, url, master)
    master.write_bytes(b"short")
    with pytest.raises(UploadError) as caught:
        upload.send(master)
    assert caught.value.code == "FILE_CHANGED"


def test_file_that_grew_is_refused(client: Client, fake: FakeSegue, master: Path) -> None:
    _, url = begin(fake, master)
    upload = session(client, url, master)
    with master.open("ab") as file:
        file.write(b"more")
    with pytest.raises(UploadError) as caught:
        upload.send(master)
    assert caught.value.code == "FILE_CHANGED"


def test_refusal_is_not_repeated(client: Client, master: Path) -> None:
    calls = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        return httpx.Response(412, text="conditionNotMet")

    http = httpx.Client(transport=httpx.MockTransport(answer))
    upload = Session(http, "http://storage/x", master.stat().st_size, retry=QUICK)
    with pytest.raises(UploadError, match="412 conditionNotMet") as caught:
        upload.send(master)
    assert (caught.value.code, calls) == ("UPLOAD_REFUSED", 1)


def test_server_that_keeps_nothing_is_given_up(master: Path) -> None:
    http = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(308)))
    upload = Session(http, "http://s/x", master.stat().st_size, retry=QUICK)
    with pytest.raises(UploadError) as caught:
        upload.send(master)
    assert caught.value.code == "UPLOAD_STALLED"


def test_chunks_are_multiples_of_the_grain(client: Client) -> None:
    with pytest.raises(ValueError, match="multiple"):
        Session(client.http, "http://s/x", 1, chunk_bytes=1000)
