"""Tokens, retries and typed errors against a real host."""

import pytest
from segue.client import Client, Retry
from segue.errors import (
    NotFound,
    NotLicensed,
    RateLimited,
    ServerError,
    Unauthorized,
    Unreachable,
    from_answer,
)

from tests.clients.fake import FakeSegue


def test_token_is_asked_for_once_and_kept(client: Client, fake: FakeSegue) -> None:
    client.get("/v1/tracks")
    client.get("/v1/tracks")
    assert fake.calls["token"] == 1


def test_token_that_is_refused_is_renewed_once(client: Client, fake: FakeSegue) -> None:
    fake.trouble.token_refusals = 1
    assert client.get("/v1/tracks")["total"] == 0
    assert fake.calls["token"] == 2


def test_token_that_stays_refused_is_an_error(client: Client, fake: FakeSegue) -> None:
    fake.trouble.token_refusals = 9
    with pytest.raises(Unauthorized) as caught:
        client.get("/v1/tracks")
    assert caught.value.code == "UNAUTHENTICATED"


def test_token_is_renewed_before_it_ends(fake: FakeSegue) -> None:
    at = 0.0
    with Client(fake.host, "operator", "secret", now=lambda: at) as client:
        client.token()
        at = 3600.0 - 61
        client.token()
        assert fake.calls["token"] == 1
        at = 3600.0 - 59
        client.token()
    assert fake.calls["token"] == 2


def test_wrong_secret_has_the_oauth_code(fake: FakeSegue) -> None:
    with Client(fake.host, "operator", "wrong") as client, pytest.raises(Unauthorized) as caught:
        client.token()
    assert caught.value.code == "INVALID_CLIENT"
    assert "unknown client" in caught.value.message


def test_rate_limit_is_waited_out_as_told(fake: FakeSegue) -> None:
    waits: list[float] = []
    fake.trouble.rate_limits = 2
    retry = Retry(base_s=5.0)
    with Client(fake.host, "operator", "secret", retry=retry, sleep=waits.append) as client:
        client.get("/v1/tracks")
    assert waits == [0.0, 0.0]  # Retry-After: 0 goes before the 5 s of the schedule


def test_rate_limit_that_stays_is_an_error(client: Client, fake: FakeSegue) -> None:
    fake.trouble.rate_limits = 99
    with pytest.raises(RateLimited):
        client.get("/v1/tracks")


def test_unavailable_is_tried_again_even_for_a_post(client: Client, fake: FakeSegue) -> None:
    fake.trouble.api_errors = 2
    assert client.post("/v1/clients", {"name": "a"})["client_id"] == "id-a"


def test_nobody_there_is_unreachable() -> None:
    retry = Retry(attempts=2, base_s=0.0)
    with (
        Client("http://127.0.0.1:9", "a", "b", retry=retry) as client,
        pytest.raises(Unreachable, match="does not answer"),
    ):
        client.token()


def test_pages_gives_every_item_in_order(client: Client, fake: FakeSegue) -> None:
    ids = [fake.add_track(f"track {n}") for n in range(7)]
    assert [track["id"] for track in client.pages("/v1/tracks", limit=3)] == ids


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        ("3", 3.0),
        ("-1", 0.0),
        ("999", 60.0),
        ("nonsense", 0.5),
        (None, 0.5),
        ("Thu, 01 Jan 1970 00:00:07 GMT", 2.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(retry_after: str | None, expected: float) -> None:
    assert Retry(base_s=0.5).wait_s(0, retry_after, now_s=5.0) == expected


def test_waits_double_up_to_the_cap() -> None:
    assert [Retry(base_s=1, cap_s=4).wait_s(n) for n in range(4)] == [1, 2, 4, 4]


def test_answers_become_typed_errors() -> None:
    body = b'{"error":{"status":403,"message":"no","reason":"NOT_LICENSED"}}'
    assert type(from_answer(403, body)) is NotLicensed
    assert type(from_answer(404, b"{}")) is NotFound
    page = from_answer(502, b"<html>bad gateway</html>")
    assert (type(page), page.code) == (ServerError, "SERVER_ERROR")
