"""Only the open internet is fetched from, whatever names, redirects and sizes say."""

from collections.abc import Callable

import httpx
import pytest

from functions.recommendations.fetching import MOST_BYTES, Fetcher, is_global
from shared.errors import Invalid, SegueError, TooLarge, Unavailable

PUBLIC = "93.184.216.34"
HOSTS = {
    "open.test": [PUBLIC],
    "inside.test": ["10.0.0.5"],
    "both.test": [PUBLIC, "127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
}


async def resolve(host: str, port: int) -> list[str]:
    if host in HOSTS:
        return HOSTS[host]
    if host[0].isdigit() or ":" in host:
        return [host]
    raise OSError("no such name")


def fetcher(answer: Callable[[httpx.Request], httpx.Response]) -> Fetcher:
    return Fetcher(resolve, httpx.MockTransport(answer))


async def test_a_page_is_fetched_from_the_address_that_was_checked() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"words", headers={"content-type": "text/plain"})

    page = await fetcher(answer)("https://open.test/a?b=1")
    assert (page.data, page.content_type, page.url) == (
        b"words",
        "text/plain",
        "https://open.test/a?b=1",
    )
    (request,) = seen
    assert request.url.host == PUBLIC
    assert request.headers["host"] == "open.test"
    assert request.extensions["sni_hostname"] == "open.test"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://inside.test/", "ADDRESS_REFUSED"),
        ("http://both.test/", "ADDRESS_REFUSED"),
        ("http://metadata.google.internal/computeMetadata/v1/", "ADDRESS_REFUSED"),
        ("http://127.0.0.1/", "ADDRESS_REFUSED"),
        ("http://[::1]/", "ADDRESS_REFUSED"),
        ("http://[::ffff:10.0.0.1]/", "ADDRESS_REFUSED"),
        ("http://0.0.0.0/", "ADDRESS_REFUSED"),
        ("http://open.test:8080/", "ADDRESS_REFUSED"),
        ("http://nowhere.test/", "ADDRESS_REFUSED"),
        ("file:///etc/passwd", "INVALID_URL"),
        ("gopher://open.test/", "INVALID_URL"),
        ("http://user:pass@open.test/", "INVALID_URL"),
        ("http://open.test:99999/", "INVALID_URL"),
        ("//open.test/", "INVALID_URL"),
        ("", "INVALID_URL"),
    ],
)
async def test_addresses_inside_and_odd_ones_are_refused(url: str, code: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing may be asked")

    with pytest.raises(SegueError) as error:
        await fetcher(answer)(url)
    assert error.value.code == code


@pytest.mark.parametrize("target", ["http://inside.test/", "http://169.254.169.254/", "file:///x"])
async def test_a_redirect_inside_is_refused(target: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["host"] == "open.test"
        return httpx.Response(302, headers={"location": target})

    with pytest.raises(Invalid):
        await fetcher(answer)("http://open.test/")


async def test_redirects_are_followed_so_far_and_no_further() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        n = int(request.url.path.strip("/") or 0)
        if n == 2:
            return httpx.Response(200, content=b"there")
        return httpx.Response(301, headers={"location": f"/{n + 1}"})

    assert (await fetcher(answer)("http://open.test/0")).url == "http://open.test/2"
    with pytest.raises(Invalid, match="redirects"):
        await fetcher(answer)("http://open.test/10")


async def test_what_is_too_large_packed_or_an_error_is_not_taken() -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self):
            while True:
                yield b"x" * 65_536

    with pytest.raises(TooLarge):
        await fetcher(lambda _: httpx.Response(200, stream=Endless()))("http://open.test/")
    packed = {"content-encoding": "gzip"}
    for status, headers in ((200, packed), (404, {}), (500, {})):
        with pytest.raises(Invalid) as error:
            await fetcher(lambda _: httpx.Response(status, headers=headers, content=b""))(  # noqa: B023
                "http://open.test/"
            )
        assert error.value.code == "NOT_FETCHED"
    assert MOST_BYTES == 2 << 20


async def test_who_does_not_answer_is_tried_another_time() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("late")

    with pytest.raises(Unavailable) as error:
        await fetcher(answer)("http://open.test/")
    assert error.value.code == "NOT_REACHED"


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1", "224.0.0.1", "fe80::1",
     "fc00::1", "::", "2002:7f00:1::", "64:ff9b::7f00:1", "2001:0:53aa:64c::1", "x"],
)  # fmt: skip
def test_no_address_inside_is_global(address: str) -> None:
    assert not is_global(address)
    assert is_global("8.8.8.8")
    assert is_global("2606:4700::1111")
