"""Keys fetched from an address: lazily, rarely, and kept when the address is down."""

import asyncio

import httpx
import pytest

from shared.errors import Unavailable
from shared.web.jwks import REFETCH_S, RETRY_S, RemoteKeys
from tests.web import Tokens

TOKENS = Tokens()


class Source:
    """A JWKS address: counts fetches, rotates, breaks."""

    def __init__(self) -> None:
        self.fetches = 0
        self.answer: object = {"keys": [{**TOKENS.key.as_dict(private=False), "kid": "one"}]}
        self.at = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.fetches += 1
        if self.answer is None:
            raise httpx.ConnectError("down")
        return httpx.Response(200, json=self.answer)

    def keys(self) -> RemoteKeys:
        transport = httpx.MockTransport(self)
        url = "https://segue.test/oauth/jwks.json"
        return RemoteKeys(url, "ES256", transport=transport, clock=lambda: self.at)


async def test_nothing_is_fetched_until_a_key_is_needed_and_then_once():
    source = Source()
    keys = source.keys()
    assert source.fetches == 0
    found = await asyncio.gather(*(keys.find("one") for _ in range(20)))
    assert all(found)
    assert source.fetches == 1


async def test_unknown_key_ids_refetch_at_most_every_30_seconds():
    source = Source()
    keys = source.keys()
    assert await keys.find("one")
    for number in range(50):
        assert await keys.find(f"guess-{number}") is None
    assert source.fetches == 1
    source.answer = {"keys": [{**TOKENS.key.as_dict(private=False), "kid": "two"}]}
    source.at += REFETCH_S
    assert await keys.find("two")
    assert source.fetches == 2


async def test_without_any_key_the_source_is_unavailable_and_soon_asked_again():
    source = Source()
    good, source.answer = source.answer, None
    keys = source.keys()
    with pytest.raises(Unavailable):
        await keys.find("one")
    source.answer = good
    source.at += RETRY_S
    assert await keys.find("one")


@pytest.mark.parametrize("answer", [None, {}, [], {"keys": [{"kty": "EC", "kid": "x"}]}, "text"])
async def test_a_bad_answer_keeps_the_keys_that_are_known(answer: object):
    source = Source()
    keys = source.keys()
    assert await keys.find("one")
    source.answer = answer
    source.at += REFETCH_S
    assert await keys.find("two") is None
    assert await keys.find("one")


async def test_keys_of_another_kind_are_left_out():
    source = Source()
    source.answer = {"keys": [{"kty": "oct", "k": "AAAA", "kid": "secret"}]}
    with pytest.raises(Unavailable):
        await source.keys().find("secret")
