"""Every client of another service bears the mark that the front door does not count."""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx
import pytest

from functions.playback.authority import RemoteRights
from functions.playback.contexts import RemoteContexts
from functions.playback.decisions import Asked
from functions.realtime.channels import Name
from functions.realtime.owners import HttpOwners
from functions.subsonic.upstream import Upstream
from shared.errors import SegueError
from shared.inward import HEADER

URL, KEY = "https://segue.test", "the stack's key"


async def rights(at: httpx.AsyncBaseTransport) -> None:
    asked = Asked("GB", "premium", "stream", datetime(2026, 5, 4, tzinfo=UTC), "token")
    await RemoteRights(URL, KEY, transport=at).decide("t" * 22, asked)


async def contexts(at: httpx.AsyncBaseTransport) -> None:
    await RemoteContexts(URL, KEY, transport=at).tracks(f"spotify:album:{'a' * 22}", "token", "GB")


async def owners(at: httpx.AsyncBaseTransport) -> None:
    await HttpOwners(URL, KEY, transport=at).changes(Name.parse("feed:ada"), "token")


async def upstream(at: httpx.AsyncBaseTransport) -> None:
    await Upstream(URL, KEY, transport=at).request("GET", "/v1/me")


@pytest.mark.parametrize("ask", [rights, contexts, owners, upstream])
async def test_call_bears_the_mark(ask: Callable[[httpx.AsyncBaseTransport], Awaitable[None]]):
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503)

    with contextlib.suppress(SegueError):  # nothing was there to be had
        await ask(httpx.MockTransport(answer))
    assert [it.headers[HEADER] for it in seen] == [KEY]
    assert {it.url.host for it in seen} == {"segue.test"}
